/**
 * The API's part for who looks for a packet: `POST /v1/why` predicts one (why/views.ts). Errors are `{error}` with status 400 for
 * what is no question, 409 for one that cannot be asked here and now.
 */
import { z } from "zod";
import { RouterError } from "#router/router-error";
import type { WhyAnswer, WhyQuestion } from "#router/why/views";

/** What the API asks of the router. All throw RouterError. */
export interface DebugTarget {
  why(question: WhyQuestion): WhyAnswer;
}

const port = z.int().min(0).max(65_535);
const frameQuestion = z.strictObject({ port: z.string().optional(), frame: z.string() });
const packetQuestion = z.strictObject({
  ...{ from: z.string(), to: z.string(), protocol: z.string().optional(), source: z.string().optional() },
  ...{ port: port.optional(), sourcePort: port.optional(), size: z.int().optional() },
  ...{ fragment: z.boolean().optional(), nonce: z.string().optional() },
});
const whyQuestion = z.union([frameQuestion, packetQuestion]);

const WORDS: readonly string[] = ["why"];

/** True for a request that is answered here. */
export function isDebug({ method, url }: Request): boolean {
  const [, version, what = "", ...rest] = new URL(url).pathname.split("/");
  return method === "POST" && version === "v1" && WORDS.includes(what) && rest.length === 0;
}

/** `what`: the word after `/v1/`. */
export async function answerDebug(request: Request, what: string, target: DebugTarget): Promise<Response> {
  try {
    if (what === "why") return Response.json(target.why(await read(request, whyQuestion)));
    return failure(404, `no POST /v1/${what}`);
  } catch (error) {
    if (error instanceof BadQuestion) return failure(400, error.message);
    if (error instanceof RouterError) return failure(409, error.message);
    throw error;
  }
}

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
