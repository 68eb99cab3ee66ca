/** Link State Requests, sent (RFC 2328 §10.9) and received (§10.7). */
import { NEVER } from "#base/time";
import { type Core, nowOf, postNeighbor } from "#ospf/core";
import type { Entry } from "#ospf/database/store";
import { scopeOfType } from "#ospf/flooding/database";
import { sendUpdates } from "#ospf/flooding/updates";
import { atLeast } from "#ospf/neighbor/machine";
import { LINK_STATE_REQUEST } from "#ospf/packet/header";
import type { LsaIdentity } from "#ospf/packet/lsa";
import type { LinkStateRequest } from "#ospf/packet/packet";
import { storeOf } from "#ospf/scope";
import { keyOf, type Neighbor } from "#ospf/state";
import { roomIn, send, towards } from "#ospf/transmit";

/** Octets of one request. */
const REQUEST_SIZE = 12;

/**
 * Octets of LSAs that are asked for and have not come, beyond which nothing more is asked for: §10.9 would have one packet
 * out at most, and the neighbor wait for us between any two. Receivers' buffers are finite.
 */
const IN_FLIGHT_OCTETS = 0x1_0000;

/**
 * Asks for as much as may be on its way at once. While the neighbor still describes (§10.9 has requests in Exchange, too)
 * in whole packets only: the next description may fill one up.
 */
export function requestMore(core: Core, neighbor: Neighbor): void {
  const { interface: on, requests: list } = neighbor;
  const room = Math.max(1, Math.floor(roomIn(on, 0) / REQUEST_SIZE));
  const least = neighbor.state === "Exchange" ? room : 1;
  while (list.askedOctets < IN_FLIGHT_OCTETS && list.size - list.asked >= least) {
    const requests = list.take(room);
    send(core, on, towards(neighbor), { type: LINK_STATE_REQUEST, requests });
    neighbor.requestAt = nowOf(core) + on.config.retransmitInterval;
  }
  if (list.size === 0) neighbor.requestAt = NEVER;
}

/** What was asked for and did not come is asked for again. */
export function repeatRequest(core: Core, neighbor: Neighbor): void {
  if (!isRequesting(neighbor)) {
    neighbor.requestAt = NEVER;
    return;
  }
  neighbor.requests.askAgain();
  neighbor.requestAt = NEVER; // less than a packet's worth waits for the end of the exchange
  requestMore(core, neighbor);
}

const isRequesting = ({ state }: Neighbor): boolean => state === "Exchange" || state === "Loading";

/** An instance at least as new as the one that was lacking is here, from whomever: loading may end with it. */
export function satisfied(core: Core, neighbor: Neighbor, identity: LsaIdentity): void {
  if (neighbor.requests.size === 0 || !neighbor.requests.delete(identity) || neighbor.requests.size > 0) return;
  neighbor.requestAt = NEVER;
  if (neighbor.state === "Loading") postNeighbor(core, neighbor, "LoadingDone");
}

/** After each update: more is asked for; loading ends when nothing is lacking. */
export function noteLoaded(core: Core, neighbor: Neighbor): void {
  if (!isRequesting(neighbor)) return;
  if (neighbor.requests.size > 0) requestMore(core, neighbor);
  else if (neighbor.state === "Loading") postNeighbor(core, neighbor, "LoadingDone");
}

export function receiveRequest(core: Core, neighbor: Neighbor, packet: LinkStateRequest): void {
  if (!atLeast(neighbor.state, "Exchange")) return;
  const found = new Set<Entry>();
  for (const identity of packet.requests) {
    const scope = scopeOfType(identity.type, neighbor.interface);
    const entry = scope === undefined ? undefined : storeOf(core.instance, scope).get(identity);
    if (entry === undefined) {
      neighbor.trouble = `requested ${keyOf(identity)}, which is not here`;
      postNeighbor(core, neighbor, "BadLSReq");
      return;
    }
    found.add(entry);
  }
  sendUpdates(core, neighbor.interface, towards(neighbor), found);
}
