/**
 * Traces on OpenTelemetry, sent to a collector by OTLP over HTTP.
 *
 * @module
 */
import {
  type Attributes,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import * as E from "fp-ts/lib/Either.js";
import type { Task } from "fp-ts/lib/Task.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";

/** A request, as far as its span tells of it. */
interface TracedRequest {
  readonly method: string;
  /** The route's path: never the text that a client sent. */
  readonly route: string;
  readonly header: (name: string) => string | undefined;
}

/** The spans of one process. */
export interface Tracing {
  /** The answer to a request in a span of its own, in the trace that the request's `traceparent` names. */
  readonly request: (
    request: TracedRequest,
  ) => <A extends { readonly status: number }>(answer: Task<A>) => Task<A>;
  /**
   * A call to what is outside, in a span within the one that is under way. Without one it is no
   * span of its own, unless `alone` says so.
   */
  readonly call: (
    name: string,
    options?: { readonly alone?: boolean },
  ) => <Fault, A>(call: TaskEither<Fault, A>) => TaskEither<Fault, A>;
  /** Sends what is not sent yet, if the collector takes it. */
  readonly close: () => Promise<void>;
}

/** Where traces go, and of which service they are. */
export interface TracingOptions {
  /** The collector's base URL, as OTEL_EXPORTER_OTLP_ENDPOINT has it: spans go to /v1/traces there. */
  readonly endpoint: string;
  readonly service: string;
}

/** How long a batch may take on its way; it is lost then, and no request waits for it. */
const EXPORT_MS = 5_000;

/** Starts to trace. What else the SDK can be told, it reads from its own OTEL_ variables. */
export const makeTracing = ({ endpoint, service }: TracingOptions): Tracing => {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, "")}/v1/traces`,
    timeoutMillis: EXPORT_MS,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  const tracer = provider.getTracer("sealtalk-misc");

  const within = <A>(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: ReturnType<typeof context.active>,
    run: (span: Span) => Promise<A>,
  ): Promise<A> =>
    tracer.startActiveSpan(name, { kind, attributes }, parent, async (span) => {
      try {
        return await run(span);
      } finally {
        span.end();
      }
    });

  return {
    request:
      ({ method, route, header }) =>
      (answer) =>
      () => {
        const carrier = { traceparent: header("traceparent"), tracestate: header("tracestate") };
        const parent = propagation.extract(context.active(), carrier);
        const attributes = { "http.request.method": method, "http.route": route };
        return within(`${method} ${route}`, SpanKind.SERVER, attributes, parent, async (span) => {
          const answered = await answer();
          span.setAttribute("http.response.status_code", answered.status);
          if (answered.status >= 500) {
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          return answered;
        });
      },
    call:
      (name, { alone = false } = {}) =>
      (call) =>
      () =>
        alone || trace.getSpan(context.active()) !== undefined
          ? within(name, SpanKind.CLIENT, {}, context.active(), async (span) => {
              const answer = await call();
              if (E.isLeft(answer)) {
                span.setStatus({ code: SpanStatusCode.ERROR });
              }
              return answer;
            })
          : call(),
    // A collector that is away keeps nobody from ending.
    close: () => provider.shutdown().catch(() => {}),
  };
};
