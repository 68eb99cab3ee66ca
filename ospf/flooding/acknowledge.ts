/** Link State Acknowledgments sent: RFC 2328 §13.5. Direct ones at the end of a packet, delayed ones a little later. */
import { NEVER } from "#base/time";
import { type Core, nowOf } from "#ospf/core";
import { LINK_STATE_ACKNOWLEDGMENT } from "#ospf/packet/header";
import { LSA_HEADER_SIZE, type LsaHeader } from "#ospf/packet/lsa-header";
import type { Interface, Neighbor } from "#ospf/state";
import { roomIn, send, towards, towardsAll } from "#ospf/transmit";

/** Milliseconds; below any RxmtInterval (§13.5). */
const DELAY = 250;

export function acknowledgeLater(core: Core, on: Interface, header: LsaHeader): void {
  on.delayedAcks.push(header);
  on.delayedAcksAt = Math.min(on.delayedAcksAt, nowOf(core) + DELAY);
  // A packet is full: nothing is won by waiting.
  if (on.delayedAcks.length >= perPacket(on)) on.delayedAcksAt = nowOf(core);
}

export function sendDelayedAcks(core: Core, on: Interface): void {
  const headers = on.delayedAcks;
  on.delayedAcks = [];
  on.delayedAcksAt = NEVER;
  sendAcks(core, on, towardsAll(on), headers);
}

export function acknowledgeNow(core: Core, to: Neighbor, headers: readonly LsaHeader[]): void {
  sendAcks(core, to.interface, towards(to), headers);
}

function sendAcks(core: Core, on: Interface, destination: Uint8Array, headers: readonly LsaHeader[]): void {
  const each = perPacket(on);
  for (let i = 0; i < headers.length; i += each) {
    send(core, on, destination, { type: LINK_STATE_ACKNOWLEDGMENT, headers: headers.slice(i, i + each) });
  }
}

const perPacket = (on: Interface): number => Math.max(1, Math.floor(roomIn(on, 0) / LSA_HEADER_SIZE));
