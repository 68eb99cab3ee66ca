/**
 * A marked packet through the real fast path, and what the routers say of it beside what they said they would do. It is sent as
 * if its VM had, and whoever would hand it to a VM, to the outside or to the metadata service takes it out instead: its
 * payload begins with 16 random octets that every router looks for. So nobody gets it, nor the ICMP errors about it, which quote it.
 */
import { toHex } from "#base/bytes";
import { ClientError, call } from "#cli/client";
import type { FabricView, KnownRouter } from "#cli/why/fabric-view";
import { differences } from "#cli/why/live-differences";
import { openTrace } from "#cli/why/trace-stream";
import type { Walk } from "#cli/why/walk";
import type { TracedPacket, TraceRequest } from "#router/watch/views";
import type { PacketQuestion } from "#router/why/views";

export interface LiveHop {
  readonly router: string;
  /** True: it was seen there and all was as predicted. */
  readonly isAsPredicted: boolean;
  /** In words; empty: none. */
  readonly differences: readonly string[];
  /** Endings of frames that waited at this router's control thread, and then went on. */
  readonly waited: readonly string[];
}

export interface LiveReport {
  readonly hops: readonly LiveHop[];
  /** What was seen of the packet where it was not predicted. */
  readonly unforeseen: readonly TracedPacket[];
  /** ICMP errors about it, as they passed. */
  readonly errors: readonly TracedPacket[];
  /** Where it was taken out; null: it did not get so far, or went where nobody takes it out. */
  readonly caughtAt: string | null;
  readonly isAsPredicted: boolean;
  /** Routers that could not watch. */
  readonly unwatched: readonly { readonly router: string; readonly error: string }[];
}

/** Milliseconds until the first sign of the packet, and after the last one. */
const FIRST = 2000;
const QUIET = 500;

/** 16 random octets in hexadecimal digits. */
export const newNonce = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)));

/** `question`: with its nonce, as it was predicted. Throws ClientError when the packet cannot be sent. */
export async function tryLive(
  view: FabricView,
  from: KnownRouter,
  question: PacketQuestion,
  walked: Walk,
): Promise<LiveReport> {
  const controller = new AbortController();
  const unwatched: { router: string; error: string }[] = [];
  const seen: TracedPacket[] = [];
  let last = 0;
  const take = (packet: TracedPacket): void => {
    seen.push(packet);
    last = performance.now();
  };
  try {
    const request: TraceRequest = { nonce: question.nonce!, catch: true, rate: 1000 };
    await Promise.all(
      view.routers.map(async (router) => {
        try {
          await follow(router, request, controller.signal, take);
        } catch (error) {
          if (!(error instanceof ClientError)) throw error;
          unwatched.push({ router: router.name, error: error.message });
        }
      }),
    );
    await call(from.socket, "POST", "probe", question);
    const sent = performance.now();
    for (;;) {
      await Bun.sleep(50);
      const now = performance.now();
      if (last === 0 ? now - sent > FIRST : now - last > QUIET) break;
    }
  } finally {
    controller.abort();
  }
  return { ...compare(walked, seen), unwatched };
}

/** Resolves when the router watches; what it tells goes to `take`. */
async function follow(
  { socket }: KnownRouter,
  request: TraceRequest,
  signal: AbortSignal,
  take: (packet: TracedPacket) => void,
): Promise<void> {
  const bunches = await openTrace(socket, request, signal);
  void (async () => {
    try {
      for await (const bunch of bunches) for (const line of bunch) if (line.type === "packet") take(line);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error; // the router has gone: nothing more is seen there
    }
  })();
}

/** What was seen, beside what was predicted. Frames that waited for control are seen again when they go on. */
export function compare(walked: Walk, seen: readonly TracedPacket[]): Omit<LiveReport, "unwatched"> {
  const errors = seen.filter(isError);
  const left = seen.filter((packet) => !isError(packet));
  const hops: LiveHop[] = [];
  for (const hop of walked.hops) {
    if (hop.kind === "unknown") continue;
    const { answer } = hop;
    const here = takeAt(left, answer.router);
    const real = here.at(-1);
    const found = real === undefined ? ["it was not seen here"] : differences(answer, real);
    const waited = here.slice(0, -1).map(({ ending }) => ending.name);
    hops.push({ router: answer.router, isAsPredicted: found.length === 0, differences: found, waited });
  }
  return {
    ...{ hops, unforeseen: left, errors, caughtAt: seen.find(({ caught }) => caught)?.router ?? null },
    isAsPredicted: hops.every((hop) => hop.isAsPredicted) && left.length === 0,
  };
}

/** Takes the next of the router's out: with those before it that waited for control. */
function takeAt(left: TracedPacket[], router: string): TracedPacket[] {
  const taken: TracedPacket[] = [];
  for (;;) {
    const at = left.findIndex((packet) => packet.router === router);
    if (at < 0) return taken;
    const [packet] = left.splice(at, 1);
    taken.push(packet!);
    if (packet!.ending.fate !== "punted") return taken;
  }
}

/** RFC 792; of ICMPv6 all below 128 (RFC 4443 §2.1). */
const ERRORS_4: readonly unknown[] = [3, 4, 5, 11, 12];

/** An ICMP error quotes the packet, and so is seen, too. */
function isError({ packet }: TracedPacket): boolean {
  const icmp = packet.headers.find(({ header }) => header === "icmp" || header === "icmp6");
  if (icmp === undefined) return false;
  const { type } = icmp.fields;
  return icmp.header === "icmp" ? ERRORS_4.includes(type) : Number(type) < 128;
}
