/**
 * A VM's connections go with it to another router: what only a stateful rule lets through, because the other end was allowed
 * to begin, would end there otherwise. What they may do is judged there by the rules of there, packet for packet.
 */

import { z } from "zod";
import { fromHex, toHex } from "#base/bytes";
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import { type ConnectionSide, type ConnectionView, listConnections } from "#fastpath/tables/connection-list";
import { FLAG_ACK } from "#fastpath/tables/connection-tcp";
import { C_DESTINATION, C_FLAGS, C_PORTS, C_PROTOCOL, C_SOURCE, type Connections } from "#fastpath/tables/connections";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** Of one VM; who has more takes the others up again by its own packets. */
export const MOST_CARRIED = 65_536;

const port = z.number().int().min(0).max(65_535);
const end = z.strictObject({ address: z.string().regex(/^[0-9a-f]{32}$/), port });
const carried = z.strictObject({
  protocol: z.number().int().min(0).max(255),
  from: end,
  to: end,
  isAnswered: z.boolean(),
});

/** `from` sent the first packet. `address`: as the connection table has it, 16 octets in hexadecimal. */
export type CarriedConnection = z.infer<typeof carried>;

const list = z.array(carried).max(MOST_CARRIED);

/** Undefined: that is no list of connections. */
export function readCarried(json: unknown): readonly CarriedConnection[] | undefined {
  const read = list.safeParse(json);
  return read.success ? read.data : undefined;
}

/** Whose packets a handshake or an answer has shown to be its own; the others begin anew in a moment. */
const ANSWERED = new Set(["established", "doubtful", "fin-forward", "fin-back", "udp-replied", "other-replied"]);
const UNANSWERED = new Set(["picked-up", "udp-new", "other-new"]);

export interface Whose {
  /** The VM's addresses, as the connection table has them. */
  readonly addresses: readonly Uint8Array[];
  /** Its port, for which connections are counted. */
  readonly owner: number | undefined;
}

export function carriedOf({ entries }: Connections, { addresses, owner }: Whose, now: number): CarriedConnection[] {
  const found = new Map<number, CarriedConnection>();
  const filters = [...addresses.map((address) => ({ address })), ...(owner === undefined ? [] : [{ owner }])];
  for (const filter of filters)
    for (const view of listConnections(entries, now, filter)) {
      if (found.size === MOST_CARRIED) break;
      if (isCarried(view)) found.set(view.entry, carriedView(view));
    }
  return [...found.values()];
}

/** A query asks again. */
const isCarried = ({ protocol, state }: ConnectionView): boolean =>
  protocol !== PROTOCOL_ICMP4 && protocol !== PROTOCOL_ICMP6 && (ANSWERED.has(state) || UNANSWERED.has(state));

const carriedView = ({ protocol, state, source, destination }: ConnectionView): CarriedConnection => ({
  ...{ protocol, from: endOf(source), to: endOf(destination) },
  isAnswered: ANSWERED.has(state),
});

const endOf = ({ address, port: number }: ConnectionSide): CarriedConnection["from"] => ({
  address: toHex(address),
  port: number,
});

/** As if a packet of each had passed, and an answer to it. @returns how many were taken, some perhaps in the place of others of its. */
export function takeOver(
  connections: Connections,
  all: readonly CarriedConnection[],
  { owner, now }: { readonly owner: number; readonly now: number },
): number {
  let taken = 0;
  for (const each of all) {
    describe(connections, each, FORWARD);
    const entry = connections.insert(owner, 0, 0, now);
    if (entry <= 0) continue;
    taken++;
    if (!each.isAnswered) continue;
    const { version } = connections;
    describe(connections, each, BACK);
    connections.advance(entry, version, connections.direction ^ BACK, now);
  }
  return taken;
}

/** A packet in the middle of the connection. */
function describe({ packet }: Connections, { protocol, from, to }: CarriedConnection, direction: number): void {
  const [source, destination] = direction === FORWARD ? [from, to] : [to, from];
  packet.set(wordsOf(source.address), C_SOURCE);
  packet.set(wordsOf(destination.address), C_DESTINATION);
  packet[C_PORTS] = rawPort(source.port) | (rawPort(destination.port) << 16);
  packet[C_PROTOCOL] = protocol;
  packet[C_FLAGS] = FLAG_ACK;
}

const wordsOf = (hex: string): Int32Array => new Int32Array(fromHex(hex)!.buffer, 0, 4);

const rawPort = (number: number): number => ((number & 0xff) << 8) | (number >>> 8);
