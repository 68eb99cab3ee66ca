/** An interface of a node as a test sees it: frames put on the wire as they are, and all that come in there, kept. */
import { OFFLOAD_SIZE } from "#fastpath/ports/offload";
import { closeDescriptor } from "#sys/descriptor";
import { libc } from "#sys/libc";
import { pinned, unpin } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { Rtnetlink } from "#sys/rtnetlink";
import * as vnet from "#wire/virtio-net";

/** What a frame's sender asks of the next port; all may be lies. */
export interface Request {
  readonly partial?: { readonly start: number; readonly offset: number };
  readonly gso?: { readonly type: number; readonly size: number; readonly headerLength: number };
}

const LONGEST = 70_000;
const BUFFER = 8 << 20;
const MSG_DONTWAIT = 0x40;

export class Wire {
  readonly mac: Uint8Array;
  readonly #fd: number;
  readonly #memory = pinned(LONGEST);

  constructor(namespace: string, name = "eth1") {
    const netlink = new Rtnetlink(namespace);
    const { index, mac } = netlink.requireLink(name);
    netlink.close();
    this.mac = mac;
    const settings = { index, about: name, receiveBuffer: BUFFER, sendBuffer: BUFFER, promiscuous: true };
    this.#fd = inNamespace(namespace, () => openPacketSocket(settings));
  }

  /** False: the kernel did not take it, which it does with frames shorter than an Ethernet header and absurd requests. */
  send(frame: Uint8Array, { partial, gso }: Request = {}): boolean {
    const { address, bytes } = this.#memory;
    bytes.fill(0, 0, OFFLOAD_SIZE);
    if (partial !== undefined) {
      vnet.setFlags(bytes, 0, vnet.NEEDS_CSUM);
      vnet.setCsumStart(bytes, 0, partial.start);
      vnet.setCsumOffset(bytes, 0, partial.offset);
    }
    if (gso !== undefined) {
      vnet.setGsoType(bytes, 0, gso.type);
      vnet.setGsoSize(bytes, 0, gso.size);
      vnet.setHdrLen(bytes, 0, gso.headerLength);
    }
    bytes.set(frame, OFFLOAD_SIZE);
    return libc.write(this.#fd, address, OFFLOAD_SIZE + frame.length) > 0;
  }

  /** What has come in since the last time; never waits. */
  take(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = libc.recv(this.#fd, this.#memory.address, LONGEST, MSG_DONTWAIT);
      if (length < 0) return frames;
      frames.push(this.#memory.bytes.slice(OFFLOAD_SIZE, length));
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
    unpin(this.#memory);
  }
}
