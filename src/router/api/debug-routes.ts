/**
 * The API's part for who looks for a packet: `POST /v1/why` predicts one (why/views.ts), `/v1/trace` and `/v1/capture` answer with
 * those that pass, until the reader goes (watch/views.ts), `/v1/probe` sends one as if its VM had. Errors are `{error}` with
 * status 400 for what is no question, 409 for one that cannot be asked here and now.
 */
import { z } from "zod";
import { RouterError } from "#router/router-error";
import { FilterError } from "#router/watch/filter-parser";
import type { CaptureRequest, TraceRequest } from "#router/watch/views";
import type { PacketQuestion, WhyAnswer, WhyQuestion } from "#router/why/views";

/** What the API asks of the router. All throw RouterError. */
export interface DebugTarget {
  why(question: WhyQuestion): WhyAnswer;
  /** Lines of JSON, a TraceLine each, or what `format` says. `signal`: aborted when nobody reads any more. */
  trace(request: TraceRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** A pcapng file. */
  capture(request: CaptureRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  probe(question: PacketQuestion): void;
}

/** Characters. */
const LONGEST_FILTER = 4096;

const port = z.int().min(0).max(65_535);
const frameQuestion = z.strictObject({ port: z.string().optional(), frame: z.string() });
const packetQuestion = z.strictObject({
  ...{ from: z.string(), to: z.string(), protocol: z.string().optional(), source: z.string().optional() },
  ...{ port: port.optional(), sourcePort: port.optional(), size: z.int().optional() },
  ...{ fragment: z.boolean().optional(), nonce: z.string().optional() },
});
const nonce = z.string().regex(/^[0-9a-f]{32}$/);
const traceRequest = z.strictObject({
  ...{ filter: z.string().max(LONGEST_FILTER).optional(), rate: z.int().min(1).max(10_000).optional() },
  ...{ nonce: nonce.optional(), catch: z.boolean().optional(), format: z.enum(["lines", "records"]).optional() },
});
const captureRequest = z.strictObject({
  ...{ port: z.string(), stage: z.enum(["in", "out"]).optional() },
  ...{ filter: z.string().max(LONGEST_FILTER).optional(), snap: z.int().min(64).max(65_550).optional() },
});
const whyQuestion = z.union([frameQuestion, packetQuestion]);

const WORDS: readonly string[] = ["why", "trace", "capture", "probe"];

/** True for a request that is answered here. */
export function isDebug({ method, url }: Request): boolean {
  const [, version, what = "", ...rest] = new URL(url).pathname.split("/");
  return method === "POST" && version === "v1" && WORDS.includes(what) && rest.length === 0;
}

/** `what`: the word after `/v1/`. */
export async function answerDebug(request: Request, what: string, target: DebugTarget): Promise<Response> {
  try {
    switch (what) {
      case "why":
        return Response.json(target.why(await read(request, whyQuestion)));
      case "trace": {
        const asked = await read(request, traceRequest);
        return new Response(await target.trace(asked, request.signal), asked.format === "records" ? RECORDS : LINES);
      }
      case "capture":
        return new Response(await target.capture(await read(request, captureRequest), request.signal), PCAPNG);
      case "probe":
        target.probe(await read(request, packetQuestion));
        return Response.json({});
      default:
        return failure(404, `no POST /v1/${what}`);
    }
  } catch (error) {
    if (error instanceof BadQuestion || error instanceof FilterError) return failure(400, error.message);
    if (error instanceof RouterError) return failure(409, error.message);
    throw error;
  }
}

const LINES = { headers: { "content-type": "application/x-ndjson" } };
const RECORDS = { headers: { "content-type": "application/x-ain-trace" } };
const PCAPNG = { headers: { "content-type": "application/x-pcapng" } };

class BadQuestion extends Error {}

/** Undefined members are absent ones. */
async function read<T extends z.ZodType>(request: Request, schema: T): Promise<Exact<z.output<T>>> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new BadQuestion("found no JSON");
  }
  const result = schema.safeParse(body);
  if (!result.success) throw new BadQuestion(z.prettifyError(result.error));
  return result.data as Exact<z.output<T>>;
}

/** JSON has no undefined: what may be absent is of its type when it is there. */
type Exact<T> = T extends unknown ? { [K in keyof T]: Exclude<T[K], undefined> } : never;

const failure = (status: number, error: string): Response => Response.json({ error }, { status });
