/** Which packets of the test streams come in where, and how often: sockets on interfaces of any namespace. */
import { OFFLOAD_SIZE } from "#fastpath/ports/offload";
import { closeDescriptor } from "#sys/descriptor";
import { libc } from "#sys/libc";
import { pinned, unpin } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket, takeDrops } from "#sys/packet-socket";
import { Rtnetlink } from "#sys/rtnetlink";
import { MAGIC, PORT } from "./stream";

const MSG_DONTWAIT = 0x40;
/** Octets of a frame that are looked at; the streams' frames are shorter. */
const LONGEST = 2048;
/** Octets: some ten thousand frames may wait. */
const BUFFER = 16 << 20;
/** Milliseconds between looks. */
const INTERVAL = 50;
/** Packets of a stream. */
export const MOST_PACKETS = 1 << 18;

const ETHERNET = OFFLOAD_SIZE;
const IP = ETHERNET + 14;
const UDP = 17;

interface Place {
  readonly name: string;
  readonly fd: number;
  /** By first port of the stream: how often packet n came in here. */
  readonly seen: Map<number, Uint8Array>;
}

export class Observer {
  readonly #streams: readonly { readonly firstPort: number; readonly flows: number }[];
  readonly #places = new Map<string, Place>();
  readonly #memory = pinned(LONGEST);
  readonly #view: DataView;
  #timer: Timer | undefined;
  #drops = 0;

  constructor(streams: readonly { readonly firstPort: number; readonly flows: number }[]) {
    this.#streams = streams;
    this.#view = this.#memory.view;
  }

  /** From now on what comes in on an interface counts as seen at `name`. */
  watch(name: string, namespace: string, interfaceName: string): void {
    const netlink = new Rtnetlink(namespace);
    const { index } = netlink.requireLink(interfaceName);
    netlink.close();
    const fd = inNamespace(namespace, () =>
      openPacketSocket({ index, about: interfaceName, receiveBuffer: BUFFER, sendBuffer: 4096 }),
    );
    this.#places.set(name, { name, fd, seen: new Map() });
    this.#timer ??= setInterval(() => this.look(), INTERVAL);
  }

  /** Takes in all that waits. */
  look(): void {
    for (const place of this.#places.values()) {
      for (;;) {
        const length = libc.recv(place.fd, this.#memory.address, LONGEST, MSG_DONTWAIT);
        if (length < 0) break;
        this.#take(place, length);
      }
      this.#drops += takeDrops(place.fd);
    }
  }

  /** Packet `n` of the stream with that first port, times that it came in at a place since {@link forget}. */
  timesSeen(place: string, firstPort: number, n: number): number {
    return this.#places.get(place)?.seen.get(firstPort)?.[n] ?? 0;
  }

  /** All that was seen. */
  forget(): void {
    this.look();
    for (const { seen } of this.#places.values()) seen.clear();
  }

  /** Frames that came in unseen: what is told is not to be trusted then. */
  get drops(): number {
    return this.#drops;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { fd } of this.#places.values()) closeDescriptor(fd);
    unpin(this.#memory);
  }

  #take({ seen }: Place, length: number): void {
    const view = this.#view;
    if (length < IP + 28) return;
    const version = view.getUint8(IP) >> 4;
    const udp = IP + (version === 6 ? 40 : 20);
    const protocol = view.getUint8(IP + (version === 6 ? 6 : 9));
    if (protocol !== UDP || length < udp + 16) return;
    if (view.getUint16(udp + 2) !== PORT || view.getUint32(udp + 8) !== MAGIC) return;
    const port = view.getUint16(udp);
    const stream = this.#streams.find(({ firstPort, flows }) => port >= firstPort && port < firstPort + flows);
    const n = view.getUint32(udp + 12);
    if (stream === undefined || n >= MOST_PACKETS) return;
    let counts = seen.get(stream.firstPort);
    if (counts === undefined) {
      counts = new Uint8Array(MOST_PACKETS);
      seen.set(stream.firstPort, counts);
    }
    if (counts[n]! < 255) counts[n]!++;
  }
}
