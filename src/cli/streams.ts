/** Answers of a router that come bit by bit until one of the two has enough (src/router/api/debug-routes.ts). */
import { ClientError, Refusal, reasonOf, warnOfVersion } from "#cli/client";
import { VERSION_HEADER } from "#router/api/server";
import type { VmFailure } from "#router/api/vm-routes";

/** Milliseconds until the answer has to begin. */
const PATIENCE = 10_000;

/** An answer that is being read. */
export interface OctetReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** An answer's octets as they come. Throws ClientError, with the router's own words a Refusal. `signal`: ends it. */
export async function openStream(
  socket: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<OctetReader> {
  const late = AbortSignal.timeout(PATIENCE);
  const isLate = new AbortController();
  const expire = (): void => isLate.abort(late.reason);
  late.addEventListener("abort", expire);
  let response: Response;
  try {
    response = await fetch(`http://ain/v1/${path}`, {
      ...{ method: "POST", unix: socket, body: JSON.stringify(body), timeout: false },
      signal: AbortSignal.any([signal, isLate.signal]),
    });
  } catch (error) {
    throw new ClientError(
      `no router answers on ${socket}: ${reasonOf(isLate.signal.aborted ? late.reason : error, socket)}`,
    );
  } finally {
    late.removeEventListener("abort", expire);
  }
  if (!response.ok) {
    warnOfVersion(response.headers.get(VERSION_HEADER));
    throw new Refusal(response.status, await failureIn(response));
  }
  if (response.body === null) throw new ClientError(`${socket}: an answer without anything in it`);
  return response.body.getReader() as OctetReader;
}

async function failureIn(response: Response): Promise<Partial<VmFailure>> {
  try {
    return (await response.json()) as Partial<VmFailure>;
  } catch {
    return {}; // no AIN router's; its status is told
  }
}

/** Lines of JSON, as they come. Ends when the router does, or `signal` says so. */
export async function* jsonLines<T>(reader: OctetReader, signal: AbortSignal): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const octets = await nextOf(reader, signal);
    if (octets === undefined) return;
    const lines = (rest + decoder.decode(octets, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") yield JSON.parse(line) as T;
  }
}

/** Undefined: the end. */
export async function nextOf(reader: OctetReader, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    const { done, value } = await reader.read();
    return done ? undefined : value;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw new ClientError(`the router ends its answer: ${error instanceof Error ? error.message : error}`);
  }
}

/** Aborted by Ctrl-C, by the surroundings, or after so many milliseconds. `stop` ends it, and the look-out for Ctrl-C. */
export function untilStopped(
  outer: AbortSignal | undefined,
  millis?: number,
): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = millis === undefined ? undefined : setTimeout(abort, millis);
  outer?.addEventListener("abort", abort);
  if (outer === undefined) process.on("SIGINT", abort);
  return {
    signal: controller.signal,
    stop: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
      process.off("SIGINT", abort);
      abort();
    },
  };
}
