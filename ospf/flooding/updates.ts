/** Link State Updates: LSAs packed into as few packets as the MTU allows (RFC 2328 §13.3, step 5). */
import { NEVER } from "#base/time";
import { MAX_AGE } from "#ospf/constants";
import { type Core, nowOf } from "#ospf/core";
import { ageOf, type Entry } from "#ospf/database/store";
import { LINK_STATE_UPDATE } from "#ospf/packet/header";
import { type Lsa, withAge } from "#ospf/packet/lsa";
import type { Interface } from "#ospf/state";
import { roomIn, send, towardsAll } from "#ospf/transmit";

/** Octets before the LSAs: their number. */
const FIXED = 4;
/** Octets flooded out of an interface at one time, and milliseconds to the next: receivers' buffers are finite. */
const BURST_OCTETS = 100_000;
const PACE = 5;

/** All of them now, each older by the interface's transmit delay. An LSA too long for a packet goes alone, in fragments. */
export function sendUpdates(core: Core, out: Interface, destination: Uint8Array, entries: Iterable<Entry>): void {
  const room = roomIn(out, FIXED);
  const now = nowOf(core);
  let lsas: Lsa[] = [];
  let octets = 0;
  const flush = () => {
    if (lsas.length > 0) send(core, out, destination, { type: LINK_STATE_UPDATE, lsas });
    lsas = [];
    octets = 0;
  };
  for (const entry of entries) {
    const { length } = entry.lsa.header;
    if (octets + length > room) flush();
    lsas.push(withAge(entry.lsa, Math.min(MAX_AGE, ageOf(entry, now) + out.config.transmitDelay)));
    octets += length;
  }
  flush();
}

/** Queued for all on the link, and sent before handle() returns unless there is too much of it. */
export function queueUpdate(core: Core, out: Interface, entry: Entry): void {
  out.outgoing.add(entry);
  out.floodAt = Math.min(out.floodAt, nowOf(core));
}

export function flushQueue(core: Core, out: Interface): void {
  const now = nowOf(core);
  if (out.floodAt > now) return;
  const entries: Entry[] = [];
  let octets = 0;
  for (const entry of out.outgoing) {
    if (octets >= BURST_OCTETS) break;
    entries.push(entry);
    out.outgoing.delete(entry);
    octets += entry.lsa.header.length;
  }
  out.floodAt = out.outgoing.size > 0 ? now + PACE : NEVER;
  sendUpdates(core, out, towardsAll(out), entries);
}
