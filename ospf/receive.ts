/** Packets in: the checks that come before the packet type's own (RFC 5340 §4.2.2, RFC 7166 §4.6). */
import { sameAddress } from "#base/address";
import { Malformed } from "#base/reader";
import type { Core } from "#ospf/core";
import type { OspfEvent } from "#ospf/events";
import { receiveUpdate } from "#ospf/flooding/receive";
import { receiveAcknowledgment } from "#ospf/flooding/retransmit";
import { receiveHello } from "#ospf/interface/hello";
import { receiveDescription } from "#ospf/neighbor/exchange";
import { receiveRequest } from "#ospf/neighbor/loading";
import { type CryptoSequence, compareSequences, verifyTrailer } from "#ospf/packet/auth-trailer";
import {
  ALL_D_ROUTERS,
  announcesTrailer,
  DATABASE_DESCRIPTION,
  HELLO,
  LINK_STATE_ACKNOWLEDGMENT,
  LINK_STATE_REQUEST,
  LINK_STATE_UPDATE,
  layout,
  routerId as routerIdOf,
  type as typeOf,
} from "#ospf/packet/header";
import { type Hello, type OspfPacket, readPacket } from "#ospf/packet/packet";
import { count, refuse } from "#ospf/refuse";
import type { Interface, Neighbor } from "#ospf/state";
import { formatRouterId } from "#ospf/text";
import { acceptedAssociations } from "#ospf/transmit";

type PacketEvent = Extract<OspfEvent, { type: "packet" }>;

export function receivePacket(core: Core, on: Interface, event: PacketEvent): void {
  const { source, destination, octets } = event;
  if (on.state === "Down" || on.config.passive || sameAddress(source, on.linkLocal)) return;
  if (sameAddress(destination, ALL_D_ROUTERS) && on.state !== "DR" && on.state !== "Backup") return;
  const framed = layout(octets);
  if (framed instanceof Malformed) {
    count(on, framed.error);
    return;
  }
  const accepted = accept(core, on, event);
  if (typeof accepted === "string") {
    refuse(core, on, { routerId: routerIdOf(octets), address: source }, accepted);
    return;
  }
  const { packet, sequence } = accepted;
  on.counters.received[packet.type]! += 1;
  dispatch(core, on, source, packet);
  const neighbor = on.neighbors.get(packet.routerId);
  if (neighbor !== undefined && sequence !== undefined) neighbor.authenticated[packet.type] = sequence;
}

interface Accepted {
  readonly packet: OspfPacket;
  readonly sequence: CryptoSequence | undefined;
}

/** The packet, or why it is refused. */
function accept(core: Core, on: Interface, event: PacketEvent): Accepted | string {
  const sequence = authenticate(core, on, event);
  if (sequence instanceof Malformed) return `authentication: ${sequence.error}`;
  const read = readPacket(event, sequence === undefined ? "checksum" : "trailer");
  if (read instanceof Malformed) return read.error;
  const { packet } = read;
  const fault = faultOf(core, on, packet);
  if (fault !== undefined) return fault;
  const known = on.neighbors.get(packet.routerId);
  if (sequence !== undefined && known !== undefined && isReplay(known, packet.type, sequence))
    return "authentication: sequence number not above the last";
  return { packet, sequence };
}

/** The sequence number of a trailer that holds; undefined: the interface wants none, and there is none. */
function authenticate(core: Core, on: Interface, event: PacketEvent): CryptoSequence | undefined | Malformed {
  const associations = acceptedAssociations(core, on);
  if (associations === undefined) {
    return announcesTrailer(event.octets) ? new Malformed("trailer received, none configured", 0) : undefined;
  }
  const type = typeOf(event.octets);
  if ((type === HELLO || type === DATABASE_DESCRIPTION) && !announcesTrailer(event.octets))
    return new Malformed("no trailer, one is required here", 0);
  const trailer = verifyTrailer(event, associations);
  return trailer instanceof Malformed ? trailer : trailer.sequence;
}

/** RFC 7166 §4.6: by neighbor and packet type. */
function isReplay(neighbor: Neighbor, type: number, sequence: CryptoSequence): boolean {
  const last = neighbor.authenticated[type];
  return last !== undefined && compareSequences(sequence, last) <= 0;
}

function faultOf(core: Core, on: Interface, packet: OspfPacket): string | undefined {
  if (packet.instanceId !== on.config.instanceId)
    return `instance id ${packet.instanceId}, ours is ${on.config.instanceId}`;
  if (packet.areaId !== on.area.id)
    return `area ${formatRouterId(packet.areaId)}, ours is ${formatRouterId(on.area.id)}`;
  if (packet.routerId === core.instance.config.routerId) return "its router id is ours";
  return packet.routerId === 0 ? "router id 0.0.0.0" : undefined;
}

function dispatch(core: Core, on: Interface, source: Uint8Array, packet: OspfPacket): void {
  const neighbor = on.neighbors.get(packet.routerId);
  if (packet.type === HELLO) receiveHello(core, on, source, packet);
  else if (neighbor === undefined) count(on, "not from a neighbor");
  else receiveFromNeighbor(core, neighbor, packet);
}

function receiveFromNeighbor(core: Core, from: Neighbor, packet: Exclude<OspfPacket, Hello>): void {
  switch (packet.type) {
    case DATABASE_DESCRIPTION:
      receiveDescription(core, from, packet);
      break;
    case LINK_STATE_REQUEST:
      receiveRequest(core, from, packet);
      break;
    case LINK_STATE_UPDATE:
      receiveUpdate(core, from, packet);
      break;
    case LINK_STATE_ACKNOWLEDGMENT:
      receiveAcknowledgment(core, from, packet.headers);
      break;
  }
}
