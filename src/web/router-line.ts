/**
 * The way to one router: one question at a time, each with a deadline and a bound on its answer, so that neither a slow
 * router nor a page with many readers makes it a burden to the router, nor the router a burden to others.
 */
import { existsSync } from "node:fs";
import { VERSION_HEADER } from "#router/api/server";

export type Answer =
  | { readonly kind: "told"; readonly json: unknown; readonly version: string | null }
  /** The router's own words. */
  | { readonly kind: "refused"; readonly reason: string; readonly version: string | null }
  /** Nothing came, or nothing that a router would say. `isLate`: there was no end of it in time. */
  | { readonly kind: "silent"; readonly reason: string; readonly isLate?: true }
  /** It was not asked: too many wait already. */
  | { readonly kind: "busy"; readonly reason: string };

export interface LineLimits {
  /** Milliseconds from the question to the last octet of the answer. */
  readonly patience: number;
  /** Octets of an answer. */
  readonly largest: number;
  /** Questions that wait for their turn. */
  readonly waiting: number;
}

export const LINE_LIMITS: LineLimits = { patience: 3000, largest: 32 * 2 ** 20, waiting: 16 };

export class RouterLine {
  readonly #socket: string;
  readonly #limits: LineLimits;
  readonly #stop = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(socket: string, limits: LineLimits = LINE_LIMITS) {
    this.#socket = socket;
    this.#limits = limits;
  }

  /** Asks for a view when all that were asked for before are answered. Never rejects. @param path such as `ports`. */
  async ask(path: string): Promise<Answer> {
    const { waiting } = this.#limits;
    if (this.#waiting >= waiting) return { kind: "busy", reason: `${waiting} questions wait for this router already` };
    this.#waiting++;
    const answer = this.#last.then(() => this.#askNow(path));
    this.#last = answer;
    try {
      return await answer;
    } finally {
      this.#waiting--;
    }
  }

  /** Ends what is being asked; later questions are answered with silence. */
  close(): void {
    this.#stop.abort();
  }

  async #askNow(path: string): Promise<Answer> {
    const { patience, largest } = this.#limits;
    const late = AbortSignal.timeout(patience);
    const signal = AbortSignal.any([late, this.#stop.signal]);
    const fetched = (): Promise<Response> => fetch(`http://ain/v1/show/${path}`, { unix: this.#socket, signal });
    try {
      // Who hangs up has ended or has begun anew: the second answer tells which.
      const response = await fetched().catch((error: unknown) => (isReset(error) ? fetched() : Promise.reject(error)));
      const text = await bounded(response, largest);
      const version = response.headers.get(VERSION_HEADER);
      if (text === undefined)
        return { kind: "silent", reason: `its answer about ${path} is longer than ${largest} octets` };
      return read(text, response.ok, version);
    } catch (error) {
      if (late.aborted) return { kind: "silent", reason: `nothing came within ${patience / 1000} s`, isLate: true };
      return { kind: "silent", reason: this.#reasonOf(error) };
    }
  }

  #reasonOf(error: unknown): string {
    if (this.#stop.signal.aborted) return "it is not asked any more";
    if (!existsSync(this.#socket)) return "there is no such socket: it does not run";
    if (!(error instanceof Error)) return String(error);
    const text = `${error.message} ${String(Reflect.get(error, "code"))}`;
    if (/ECONNREFUSED|FailedToOpenSocket|ConnectionRefused/.test(text)) return "its process is gone";
    if (/EACCES|EPERM/.test(text)) return "its socket may not be opened by this user";
    if (isReset(error)) return "it hung up before it had answered";
    return /Malformed|InvalidHTTPResponse/i.test(text) ? "what answers there is no AIN router" : error.message;
  }
}

const isReset = (error: unknown): boolean => error instanceof Error && Reflect.get(error, "code") === "ECONNRESET";

/** Undefined: it is longer than that. */
async function bounded(response: Response, largest: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let octets = 0;
  let text = "";
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    octets += chunk.length;
    if (octets > largest) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function read(text: string, isOk: boolean, version: string | null): Answer {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { kind: "silent", reason: "what answers there is no AIN router" };
  }
  if (isOk) return { kind: "told", json, version };
  const said = typeof json === "object" && json !== null ? Reflect.get(json, "error") : undefined;
  return { kind: "refused", reason: typeof said === "string" ? said : "it refuses, and does not say why", version };
}
