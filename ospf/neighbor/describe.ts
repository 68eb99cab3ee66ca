/** Database Descriptions sent: RFC 2328 §10.8 with the changes of RFC 5340 §4.2.1.2. */

import { nextU32 } from "#base/random";
import { NEVER } from "#base/time";
import { type Core, nowOf } from "#ospf/core";
import { agedHeader, isMaxAge } from "#ospf/database/store";
import { storesFor } from "#ospf/flooding/database";
import { addRetransmission } from "#ospf/flooding/retransmit";
import { noExchange } from "#ospf/fresh";
import { DATABASE_DESCRIPTION } from "#ospf/packet/header";
import { LSA_HEADER_SIZE, type LsaHeader } from "#ospf/packet/lsa-header";
import { DD_I, DD_M, DD_MS } from "#ospf/packet/packet";
import type { Neighbor } from "#ospf/state";
import { optionsOn, roomIn, send, sendOctets, towards } from "#ospf/transmit";

/** Octets of the body before the headers. */
const FIXED = 12;

/** ExStart: we claim to be master until told otherwise. */
export function beginExchange(core: Core, neighbor: Neighbor): void {
  const { exchange } = neighbor;
  Object.assign(exchange, noExchange());
  exchange.master = true;
  exchange.sequence = nextU32(core.instance.random);
  sendDescription(core, neighbor, DD_I | DD_M | DD_MS, []);
}

function sendDescription(core: Core, neighbor: Neighbor, flags: number, headers: readonly LsaHeader[]): void {
  const on = neighbor.interface;
  const { exchange } = neighbor;
  exchange.sent = send(core, on, towards(neighbor), {
    type: DATABASE_DESCRIPTION,
    options: optionsOn(on),
    interfaceMtu: on.mtu,
    flags,
    sequence: exchange.sequence,
    headers,
  });
  exchange.more = (flags & DD_M) !== 0;
  // The slave repeats only what it is asked for again.
  exchange.repeatAt = exchange.master ? nowOf(core) + on.config.retransmitInterval : NEVER;
}

/** The master's timer. */
export function repeatDescription(core: Core, neighbor: Neighbor): void {
  const { exchange } = neighbor;
  const active = neighbor.state === "ExStart" || neighbor.state === "Exchange";
  if (!active || exchange.sent === undefined) {
    exchange.repeatAt = NEVER;
    return;
  }
  sendOctets(core, neighbor.interface, towards(neighbor), exchange.sent);
  exchange.repeatAt = nowOf(core) + neighbor.interface.config.retransmitInterval;
}

/** NegotiationDone: what our databases hold is listed; what is on its way out goes to be acknowledged instead. */
export function summarize(core: Core, neighbor: Neighbor): void {
  const { exchange } = neighbor;
  exchange.summary = [];
  exchange.summaryAt = 0;
  for (const store of storesFor(core, neighbor.interface)) {
    for (const entry of store.entries()) {
      if (isMaxAge(entry)) addRetransmission(core, neighbor, entry);
      else if (!entry.withheld) exchange.summary.push(entry);
    }
  }
}

/** The next packet of the list, with as many headers as fit. */
export function describeMore(core: Core, neighbor: Neighbor): void {
  const { exchange } = neighbor;
  const room = Math.max(1, Math.floor(roomIn(neighbor.interface, FIXED) / LSA_HEADER_SIZE));
  const now = nowOf(core);
  const part = exchange.summary.slice(exchange.summaryAt, exchange.summaryAt + room);
  exchange.summaryAt += part.length;
  const more = exchange.summaryAt < exchange.summary.length;
  if (!more) exchange.summary = [];
  const headers = part.map((entry) => agedHeader(entry, now));
  sendDescription(core, neighbor, (more ? DD_M : 0) | (exchange.master ? DD_MS : 0), headers);
}
