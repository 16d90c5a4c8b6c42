/** Every call that a client makes: its method, its path, and its fields with a value to start from. */
const conversation = [
  { name: "conversationType", value: "1", options: ["1", "3"], number: true },
  { name: "targetId", value: "" },
];

export const CALLS = [
  { method: "GET", path: "/misc/latest_update", fields: [{ name: "version", value: "1.0.0" }] },
  { method: "GET", path: "/misc/mobile_version", fields: [] },
  { method: "GET", path: "/misc/client_version", fields: [] },
  { method: "GET", path: "/misc/demo_square", fields: [] },
  {
    method: "POST",
    path: "/misc/send_message",
    fields: [
      { name: "conversationType", value: "PRIVATE", options: ["PRIVATE", "GROUP"] },
      { name: "targetId", value: "" },
      { name: "objectName", value: "RC:TxtMsg" },
      { name: "content", value: "hello" },
      { name: "pushContent", value: "", optional: true },
    ],
  },
  {
    method: "POST",
    path: "/misc/set_screen_capture",
    fields: [
      ...conversation,
      { name: "noticeStatus", value: "1", options: ["0", "1"], number: true },
    ],
  },
  { method: "POST", path: "/misc/get_screen_capture", fields: conversation },
  { method: "POST", path: "/misc/send_sc_msg", fields: conversation },
];

/** The request that a call makes of the values of its fields. */
export const requestOf = ({ method, path, fields }, values) => {
  const given = fields
    .filter(({ name, optional }) => !(optional && values[name] === ""))
    .map(({ name, number }) => [name, number ? Number(values[name]) : values[name]]);
  return method === "GET"
    ? { method, path: given.length === 0 ? path : `${path}?${new URLSearchParams(given)}` }
    : { method, path, body: JSON.stringify(Object.fromEntries(given)) };
};

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The same request for a shell. */
export const curlOf = ({ method, path, body }, token) =>
  [
    `curl -i ${quoted(new URL(path, location.origin).href)}`,
    ...(method === "GET" ? [] : [`-H ${quoted(`Authorization: Bearer ${token}`)}`]),
    ...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d ${quoted(body)}`]),
  ].join(" \\\n  ");
