/** An uplink's BFD socket: which frames it takes, what they carry, and how a packet gets its Ethernet header. */
import { Malformed } from "#base/reader";
import { BFD_PORT, type Datagram, HOP_LIMIT, readDatagram } from "#bfd/datagram";
import type { FrameSocket } from "#sys/frame-socket";
import type { Condition } from "#sys/packet-filter";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as virtio from "#wire/virtio-net";

const IP = ethernet.SIZE;
const UDP = IP + ipv6.SIZE;

/**
 * Single-hop Control packets for this station. What was forwarded (RFC 5881 §5) is refused here already: a flood from
 * afar must not cost the BFD thread its time; the forwarder counts it.
 */
export const bfdFilter = (localMac: Uint8Array): Condition[] => {
  const mac = new DataView(localMac.slice().buffer);
  return [
    { at: ethernet.DESTINATION, octets: 4, value: mac.getUint32(0) },
    { at: ethernet.DESTINATION + 4, octets: 2, value: mac.getUint16(4) },
    { at: 12, octets: 2, value: ethernet.ETHERTYPE_IPV6 },
    { at: IP + 6, octets: 1, value: PROTOCOL_UDP },
    { at: IP + 7, octets: 1, value: HOP_LIMIT },
    { at: UDP + 2, octets: 2, value: BFD_PORT },
  ];
};

export class BfdPort {
  readonly socket: FrameSocket;
  readonly #localMac: Uint8Array;

  constructor(socket: FrameSocket, localMac: Uint8Array) {
    this.socket = socket;
    this.#localMac = localMac;
  }

  /** The next datagram; undefined: there is none. Never waits. */
  receive(): Datagram | Malformed | undefined {
    const octets = this.socket.receive();
    if (octets === undefined) return undefined;
    const flags = virtio.flags(octets, 0);
    const vouched = (flags & (virtio.NEEDS_CSUM | virtio.DATA_VALID)) !== 0;
    const frame = virtio.SIZE;
    if (!ethernet.fits(octets, frame, octets.length)) return new Malformed("truncated", frame);
    return readDatagram(octets, frame + ethernet.SIZE, octets.length, vouched);
  }

  /** False: the kernel did not take it. */
  send(packet: Uint8Array, remoteMac: Uint8Array): boolean {
    return this.socket.send(ethernet.frame(remoteMac, this.#localMac, ethernet.ETHERTYPE_IPV6, packet)) === 0;
  }
}
