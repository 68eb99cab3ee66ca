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

/** Asks for as much as fits in a packet; the next one follows when all of it came (§10.9). */
export function beginLoading(core: Core, neighbor: Neighbor): void {
  const on = neighbor.interface;
  const room = Math.max(1, Math.floor(roomIn(on, 0) / REQUEST_SIZE));
  neighbor.requested.clear();
  const requests: LsaIdentity[] = [];
  for (const [key, header] of neighbor.requests) {
    if (requests.length === room) break;
    requests.push(header);
    neighbor.requested.add(key);
  }
  if (requests.length === 0) {
    neighbor.requestAt = NEVER;
    return;
  }
  send(core, on, towards(neighbor), { type: LINK_STATE_REQUEST, requests });
  neighbor.requestAt = nowOf(core) + on.config.retransmitInterval;
}

/** What was asked for and did not come is asked for again. */
export function repeatRequest(core: Core, neighbor: Neighbor): void {
  if (neighbor.state === "Loading" || neighbor.state === "Exchange") beginLoading(core, neighbor);
  else neighbor.requestAt = NEVER;
}

/** An instance at least as new as the one that was lacking is here. */
export function satisfied(core: Core, neighbor: Neighbor, key: string): void {
  neighbor.requests.delete(key);
  if (!neighbor.requested.delete(key) || neighbor.requested.size > 0) return;
  if (neighbor.requests.size > 0) beginLoading(core, neighbor);
  else neighbor.requestAt = NEVER;
}

/** After each update: loading ends when nothing is lacking. */
export function noteLoaded(core: Core, neighbor: Neighbor): void {
  if (neighbor.state !== "Loading") return;
  if (neighbor.requests.size === 0) postNeighbor(core, neighbor, "LoadingDone");
  else if (neighbor.requested.size === 0) beginLoading(core, neighbor);
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
