/** What routers tell of packets as they pass, whichever form it comes in. */
import { Malformed } from "#base/reader";
import { ClientError, Refusal } from "#cli/client";
import { Failure, REFUSED } from "#cli/failure";
import { jsonLines, nextOf, type OctetReader, openStream } from "#cli/streams";
import { TraceExpansion } from "#router/watch/trace-expansion";
import type { TraceLine, TraceRequest } from "#router/watch/views";

/** Lines in bunches, as they come; the first one begins with TraceStart. */
export type TraceBunches = AsyncGenerator<readonly TraceLine[]>;

/** Resolves when the router watches. Throws ClientError, with the router's own words a Refusal. `signal`: ends it. */
export async function openTrace(socket: string, request: TraceRequest, signal: AbortSignal): Promise<TraceBunches> {
  try {
    return expanded(await openStream(socket, "trace", { ...request, format: "records" }, signal), signal);
  } catch (error) {
    if (!knowsNoRecords(error)) throw error;
    return bunched(jsonLines<TraceLine>(await openStream(socket, "trace", request, signal), signal));
  }
}

/** The same, octets as they come: a trace to be kept. Throws Failure where the router tells lines alone. */
export async function openRecords(
  { name, socket }: { readonly name: string; readonly socket: string },
  request: TraceRequest,
  signal: AbortSignal,
): Promise<OctetReader> {
  try {
    return await openStream(socket, "trace", { ...request, format: "records" }, signal);
  } catch (error) {
    if (!knowsNoRecords(error)) throw error;
    throw new Failure(
      `${name} runs an older AIN, which tells nothing that can be kept: without -w it can be shown, or kept with --json > FILE`,
      REFUSED,
    );
  }
}

/** An older router's words for a member that it does not know. */
const knowsNoRecords = (error: unknown): boolean =>
  error instanceof Refusal && error.status === 400 && /unrecognized key.*"format"/i.test(error.message);

/** In words for the operator. */
export const malformedText = ({ error, at }: Malformed): string => `${error}, at octet ${at}`;

async function* expanded(reader: OctetReader, signal: AbortSignal): TraceBunches {
  const expansion = new TraceExpansion();
  for (;;) {
    const octets = await nextOf(reader, signal);
    if (octets === undefined) return;
    try {
      yield Array.from(expansion.take(octets), ({ line }) => line);
    } catch (error) {
      if (error instanceof Malformed)
        throw new ClientError(`what the router tells is no trace: ${malformedText(error)}`);
      throw error;
    }
  }
}

async function* bunched(lines: AsyncGenerator<TraceLine>): TraceBunches {
  for await (const line of lines) yield [line];
}
