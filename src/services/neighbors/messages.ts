/** The frames the neighbor cache sends. RFC 4861 §7.2.2, §7.2.4, §7.2.6, RFC 4862 §5.4.2. */
import { ETHERTYPE_IPV6, frame, multicastMac6 } from "#wire/ethernet";
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION } from "#wire/icmp6";
import { ALL_NODES, type NdPacket, type NeighborAdvertisement, solicitedNode, writeNd } from "#wire/nd";

/** Who speaks: the link's own MAC and an address of it. */
export interface Sender {
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
}

const UNSPECIFIED = new Uint8Array(16);

/** `to`: the neighbor's MAC for a unicast probe; without it the solicited-node group is asked. */
export function solicit(from: Sender, target: Uint8Array, to?: Uint8Array): Uint8Array {
  const message = { type: NEIGHBOR_SOLICITATION, target, options: { sourceLinkLayer: from.mac } } as const;
  const destination = to ? target : solicitedNode(target);
  return frameOf(from.mac, { source: from.address, destination, message }, to);
}

/** Asks whether another node has our address; the nonce tells our own probe when it comes back (RFC 7527). */
export function probeForDuplicate(own: Sender, nonce: Uint8Array): Uint8Array {
  const message = { type: NEIGHBOR_SOLICITATION, target: own.address, options: { nonce } } as const;
  return frameOf(own.mac, { source: UNSPECIFIED, destination: solicitedNode(own.address), message });
}

/** Answers a solicitation of `own.address` from `asker`, whose MAC is `to`. */
export function advertise(own: Sender, asker: Uint8Array, to: Uint8Array): Uint8Array {
  return frameOf(own.mac, { source: own.address, destination: asker, message: advertisement(own, true) }, to);
}

/** Tells every node on the link about `own`, unasked or asked from the unspecified address. */
export function advertiseToAll(own: Sender): Uint8Array {
  return frameOf(own.mac, { source: own.address, destination: ALL_NODES, message: advertisement(own, false) });
}

/** Router always: that is what we are. Override always: we never speak for others. */
function advertisement(own: Sender, solicited: boolean): NeighborAdvertisement {
  const options = { targetLinkLayer: own.mac };
  return { type: NEIGHBOR_ADVERTISEMENT, router: true, solicited, override: true, target: own.address, options };
}

/** The frame: to the group's MAC address, or to `to`. */
export function frameOf(mac: Uint8Array, packet: NdPacket, to = multicastMac6(packet.destination)): Uint8Array {
  return frame(to, mac, ETHERTYPE_IPV6, writeNd(packet));
}
