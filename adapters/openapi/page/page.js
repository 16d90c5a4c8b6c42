// What is tried out goes to the server that shows the page, wherever that is.
const description = await (await fetch("/openapi.json")).json();
globalThis.SwaggerUIBundle({
  spec: { ...description, servers: [{ url: location.origin }] },
  dom_id: "#reference",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  // The default asks a service of Swagger's.
  validatorUrl: null,
});
