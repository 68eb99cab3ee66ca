/** Link state retransmission lists: RFC 2328 §13.6, and the acknowledgments that shorten them (§13.7). */
import { type Millis, NEVER } from "#base/time";
import { type Core, interfacesOf, nowOf } from "#ospf/core";
import { agedHeader, type Entry } from "#ospf/database/store";
import { scopeOfType } from "#ospf/flooding/database";
import { sendUpdates } from "#ospf/flooding/updates";
import { atLeast } from "#ospf/neighbor/machine";
import { compareInstances, type LsaHeader } from "#ospf/packet/lsa-header";
import { type Scope, storeOf } from "#ospf/scope";
import type { Neighbor } from "#ospf/state";
import { towards } from "#ospf/transmit";

/** LSAs sent again at one time: a neighbor that could not keep up is not helped by all at once. */
const BURST = 500;
/** Milliseconds to the next burst. */
const PACE = 50;

export function addRetransmission(core: Core, neighbor: Neighbor, entry: Entry): void {
  const dueAt = nowOf(core) + neighbor.interface.config.retransmitInterval;
  if (!neighbor.retransmissions.has(entry)) entry.unacknowledged++;
  neighbor.retransmissions.set(entry, dueAt);
  neighbor.retransmitAt = Math.min(neighbor.retransmitAt, dueAt);
}

/** True when it was on the list. */
export function removeRetransmission(neighbor: Neighbor, entry: Entry): boolean {
  if (!neighbor.retransmissions.delete(entry)) return false;
  entry.unacknowledged--;
  if (neighbor.retransmissions.size === 0) neighbor.retransmitAt = NEVER;
  return true;
}

export function dropRetransmissions(neighbor: Neighbor): void {
  for (const entry of neighbor.retransmissions.keys()) entry.unacknowledged--;
  neighbor.retransmissions.clear();
  neighbor.retransmitAt = NEVER;
}

/** Nobody needs to acknowledge this instance any more. */
export function forgetRetransmission(core: Core, scope: Scope, entry: Entry): void {
  for (const on of interfacesOf(core, scope)) {
    on.outgoing.delete(entry);
    if (entry.unacknowledged === 0) continue;
    for (const neighbor of on.neighbors.values()) removeRetransmission(neighbor, entry);
  }
}

/** The neighbor's timer: what has waited for RxmtInterval goes again, the longest waiting first. */
export function retransmit(core: Core, neighbor: Neighbor): void {
  const now = nowOf(core);
  const due: Entry[] = [];
  let next = NEVER;
  for (const [entry, dueAt] of neighbor.retransmissions) {
    if (dueAt > now) next = Math.min(next, dueAt);
    else if (due.length < BURST) due.push(entry);
    else next = Math.min(next, now + PACE);
  }
  const again = now + neighbor.interface.config.retransmitInterval;
  for (const entry of due) neighbor.retransmissions.set(entry, again);
  neighbor.retransmitAt = due.length > 0 ? Math.min(next, again) : next;
  sendUpdates(core, neighbor.interface, towards(neighbor), due);
}

/** §13.7. Headers of instances that we do not have out mean nothing. */
export function receiveAcknowledgment(core: Core, neighbor: Neighbor, headers: readonly LsaHeader[]): void {
  if (!atLeast(neighbor.state, "Exchange")) return;
  for (const header of headers) {
    const scope = scopeOfType(header.type, neighbor.interface);
    const entry = scope === undefined ? undefined : storeOf(core.instance, scope).get(header);
    if (entry !== undefined && isSameInstance(header, entry, nowOf(core))) removeRetransmission(neighbor, entry);
  }
}

/** An instance that is on its way out has the very sequence number and checksum it had before: its age tells them apart. */
const isSameInstance = (header: LsaHeader, entry: Entry, now: Millis): boolean =>
  compareInstances(header, agedHeader(entry, now)) === 0;
