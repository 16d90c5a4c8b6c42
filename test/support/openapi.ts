import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as formats from "ajv-formats";
import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { parse } from "yaml";
import { decode } from "../../core/domain/decode.ts";

/** An answer of the service, read to its end. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A request that the document gives as an example. */
export interface ExampleRequest {
  readonly name: string;
  readonly method: string;
  /** With the query, where the example has one. */
  readonly path: string;
  readonly body: unknown;
}

/** docs/openapi.yaml, and what it says of requests and answers. */
export interface Description {
  readonly requests: ReadonlyArray<ExampleRequest>;
  /** Throws unless the document describes this answer: status, tag, headers and body. */
  readonly check: (method: string, path: string, answered: Answered) => void;
  /** What is wrong with an example of an answer, by where it is; nothing, if the document is good. */
  readonly wrongExamples: () => ReadonlyArray<string>;
}

const Reference = t.type({ $ref: t.string });
const Media = t.partial({
  schema: t.unknown,
  example: t.unknown,
  examples: t.record(t.string, t.type({ value: t.unknown })),
});
const Header = t.intersection([t.type({ schema: t.unknown }), t.partial({ required: t.boolean })]);
const Content = t.record(t.string, Media);
const Response = t.partial({ headers: t.record(t.string, t.unknown), content: Content });
const Parameter = t.intersection([
  t.type({ name: t.string, in: t.string }),
  t.partial({ required: t.boolean, example: t.unknown }),
]);
const Operation = t.intersection([
  t.type({ responses: t.record(t.string, t.unknown) }),
  t.partial({
    parameters: t.array(t.unknown),
    requestBody: t.type({ content: Content }),
  }),
]);
const Document = t.type({ paths: t.record(t.string, t.record(t.string, t.unknown)) });

const read = <A>(codec: t.Decoder<unknown, A>, value: unknown, where: string): A => {
  const decoded = decode(codec, where)(value);
  if (E.isLeft(decoded)) {
    throw new Error(`${where}: ${decoded.left.field}: expected ${decoded.left.expected}`);
  }
  return decoded.right;
};

const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

const METHODS = ["get", "post", "put", "patch", "delete"];

const tagIn = (text: string): unknown => {
  const body: unknown = JSON.parse(text);
  return typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
};

/** Reads docs/openapi.yaml. */
export const readDescription = async (): Promise<Description> => {
  const whole: unknown = parse(await readFile("docs/openapi.yaml", "utf8"));
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default.default(ajv);
  ajv.addSchema(Object(whole), "openapi.yaml");

  const at = (pointer: string): unknown =>
    pointer
      .slice(2)
      .split("/")
      .reduce<unknown>(
        (value, name) => Object(value)[name.replaceAll("~1", "/").replaceAll("~0", "~")],
        whole,
      );

  /** Follows references; gives what is there, and where that is. */
  const follow = (pointer: string): readonly [unknown, string] => {
    const value = at(pointer);
    return Reference.is(value) ? follow(value.$ref) : [value, pointer];
  };

  const faultsOf = (pointer: string, value: unknown): string => {
    const validate =
      ajv.getSchema(`openapi.yaml${pointer}`) ?? ajv.compile({ $ref: `openapi.yaml${pointer}` });
    return validate(value) ? "" : ajv.errorsText(validate.errors);
  };
  const { paths } = read(Document, whole, "docs/openapi.yaml");

  const responseAt = (pointer: string) => {
    const [value, place] = follow(pointer);
    return { response: read(Response, value, place), place };
  };

  const checkBody = (
    response: t.TypeOf<typeof Response>,
    place: string,
    answered: Answered,
  ): void => {
    const [[type, media] = ["", undefined]] = Object.entries(response.content ?? {});
    if (media === undefined) {
      assert.equal(answered.text, "", `${place} has no body`);
      return;
    }
    assert.ok(answered.headers.get("content-type")?.startsWith(type), `${place} is ${type}`);
    const body: unknown = type === "application/json" ? JSON.parse(answered.text) : answered.text;
    const schema = `${place}/content/${escaped(type)}/schema`;
    assert.equal(faultsOf(schema, body), "", `${place}: ${answered.text.slice(0, 200)}`);
    if (answered.status >= 400 && type === "application/json") {
      const tags = Object.keys(media.examples ?? {});
      assert.ok(tags.includes(String(tagIn(answered.text))), `${place} has no ${answered.text}`);
    }
  };

  const checkHeaders = (
    response: t.TypeOf<typeof Response>,
    place: string,
    headers: Headers,
  ): void => {
    for (const name of Object.keys(response.headers ?? {})) {
      const [value, header] = follow(`${place}/headers/${name}`);
      const { required } = read(Header, value, header);
      const given = headers.get(name);
      assert.ok(given !== null || required !== true, `${place} has ${name}`);
      if (given !== null) {
        const content = /^\d+$/.test(given) ? [Number(given), given] : [given];
        const faults = content.map((one) => faultsOf(`${header}/schema`, one));
        assert.ok(faults.includes(""), `${name}: ${given}: ${faults.join()}`);
      }
    }
  };

  const check: Description["check"] = (method, path, answered) => {
    const known = path.split("?")[0]?.replace(/(.)\/$/, "$1") ?? "";
    const verb = (method === "HEAD" ? "GET" : method).toLowerCase();
    const item = paths[known]?.[verb];
    const place = `#/paths/${escaped(known)}/${verb}/responses`;
    const status = String(answered.status);
    const described = item !== undefined && status in read(Operation, item, place).responses;
    const { response, place: there } = responseAt(
      described ? `${place}/${status}` : "#/components/responses/OtherError",
    );
    checkHeaders(response, there, answered.headers);
    if (method !== "HEAD") {
      checkBody(response, there, answered);
    }
  };

  const requests = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .flatMap(([method, value]): ReadonlyArray<ExampleRequest> => {
        const where = `#/paths/${escaped(path)}/${method}`;
        const { requestBody, parameters = [] } = read(Operation, value, where);
        const query = parameters
          .map((_, index) => read(Parameter, ...follow(`${where}/parameters/${index}`)))
          .filter((parameter) => parameter.in === "query" && parameter.example !== undefined)
          .map(({ name, example }) => `${name}=${encodeURIComponent(String(example))}`);
        const asked = query.length === 0 ? path : `${path}?${query.join("&")}`;
        const examples = requestBody?.content["application/json"]?.examples;
        const request = { method: method.toUpperCase(), path: asked };
        return examples === undefined
          ? [{ ...request, name: `${method.toUpperCase()} ${path}`, body: undefined }]
          : Object.entries(examples).map(([name, { value: body }]) => ({
              ...request,
              name: `${method.toUpperCase()} ${path}, ${name}`,
              body,
            }));
      }),
  );

  /** Every media type that has an example, wherever it is. */
  const mediaIn = (pointer: string): ReadonlyArray<string> => {
    const value = at(pointer);
    if (typeof value !== "object" || value === null) {
      return [];
    }
    const here =
      "schema" in value && ("example" in value || "examples" in value) && Media.is(value)
        ? [pointer]
        : [];
    return [
      ...here,
      ...Object.keys(value).flatMap((name) => mediaIn(`${pointer}/${escaped(name)}`)),
    ];
  };

  const wrongExamples = (): ReadonlyArray<string> =>
    ["#/paths", "#/components"].flatMap(mediaIn).flatMap((pointer) => {
      const { example, examples = {} } = read(Media, at(pointer), pointer);
      return [
        ...(example === undefined ? [] : [example]),
        ...Object.values(examples).map(({ value }) => value),
      ]
        .map((value) => faultsOf(`${pointer}/schema`, value))
        .filter((fault) => fault !== "")
        .map((fault) => `${pointer}: ${fault}`);
    });

  return { requests, check, wrongExamples };
};
