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
}

/** Those whose time has come, and full packets of others: nothing is won by their waiting. */
export function sendDelayedAcks(core: Core, on: Interface): void {
  const { delayedAcks } = on;
  if (delayedAcks.length === 0) return;
  const isTime = on.delayedAcksAt <= nowOf(core);
  const count = isTime ? delayedAcks.length : delayedAcks.length - (delayedAcks.length % perPacket(on));
  if (count < delayedAcks.length) on.delayedAcks = delayedAcks.slice(count);
  else {
    on.delayedAcks = [];
    on.delayedAcksAt = NEVER;
  }
  sendAcks(core, on, towardsAll(on), delayedAcks.slice(0, count));
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
