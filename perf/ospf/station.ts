/** A packet socket of the speaker's, and OSPF's datagrams in the frames that go through it. */
import { linkLocalFromMac } from "#base/address";
import { framesOf, type OspfDatagram, OspfReader } from "#router/ospf/frames";
import { Reassembly } from "#services/fragments";
import { FrameSocket, OFFLOAD_SIZE } from "#sys/frame-socket";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { Rtnetlink } from "#sys/rtnetlink";
import { ETHERTYPE_IPV6 } from "#wire/ethernet";

const BUFFER = 32 << 20;
const MTU = 1500;
/** Datagrams at a time. */
const MOST = 256;

export class Station {
  readonly socket: FrameSocket;
  readonly linkLocal: Uint8Array;
  unsent = 0;
  readonly #mac: Uint8Array;
  readonly #reader = new OspfReader(new Reassembly());

  constructor(namespace: string, name: string) {
    const netlink = new Rtnetlink(namespace);
    const { index, mac } = netlink.requireLink(name);
    netlink.close();
    const filter = [{ at: 12, octets: 2, value: ETHERTYPE_IPV6 }] as const;
    const settings = { index, about: name, receiveBuffer: BUFFER, sendBuffer: BUFFER, promiscuous: true, filter };
    this.socket = new FrameSocket(inNamespace(namespace, () => openPacketSocket(settings)));
    this.#mac = mac;
    this.linkLocal = linkLocalFromMac(mac);
  }

  send(destination: Uint8Array, octets: Uint8Array): void {
    const wire = { mac: this.#mac, mtu: MTU, identification: 0 };
    for (const frame of framesOf({ source: this.linkLocal, destination, octets }, wire))
      if (this.socket.send(frame) !== 0) this.unsent++;
  }

  /** FRR's requests are longer than the MTU, and come in fragments. */
  receive(take: (datagram: OspfDatagram) => void): void {
    for (let count = 0; count < MOST; count++) {
      const whole = this.socket.receive();
      if (whole === undefined) return;
      const read = this.#reader.read(whole.subarray(OFFLOAD_SIZE), this.linkLocal, performance.now());
      if (typeof read !== "string") take(read);
    }
  }
}
