import { afterAll, beforeAll } from "bun:test";
import { Frame, MAX_FRAME } from "#fastpath/frame";
import { type Bench, offloadContract, portContract } from "#fastpath/ports/contract";
import { type LooseFrame, loosen } from "#fastpath/ports/memory";
import { freePacketPort, openPacketPort, PacketPort } from "#fastpath/ports/packet";
import type { Port } from "#fastpath/ports/port";
import { freeTapPort, openTapPort, TapPort } from "#fastpath/ports/tap";
import type { Arena } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";
import { openTap } from "#sys/tap";

const NAMESPACE = `ports${process.pid}`;
const INSIDE = "in";
const OUTSIDE = "out";
const MTU = 1500;
const PATIENCE = 200; // looks, 1 ms apart
let links: Rtnetlink;

beforeAll(() => {
  createNamespace(NAMESPACE);
  links = new Rtnetlink(NAMESPACE);
});

afterAll(() => {
  links.close();
  deleteNamespace(NAMESPACE);
});

/** Switches an interface on, with a kernel that says nothing of its own there. */
function switchOn(name: string): number {
  const { index } = links.requireLink(name);
  writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1, NAMESPACE);
  links.changeLink(index, { up: true }, name);
  return index;
}

function openPacket(arena: Arena, name: string, slots: number): { port: PacketPort; free: () => void } {
  const interfaceIndex = switchOn(name);
  const descriptor = inNamespace(NAMESPACE, () =>
    openPacketPort(arena, {
      ...{ index: 5, interfaceIndex, interfaceName: name, mtu: MTU, offload: true, slots },
      ...{ exclusive: true, promiscuous: true },
    }),
  );
  const port = new PacketPort(arena, descriptor);
  const free = () => {
    port.close();
    freePacketPort(arena, descriptor);
  };
  return { port, free };
}

/** A bench whose other side is a packet port on the other end of the wire. */
function bench(arena: Arena, port: Port, peer: PacketPort, vanish: () => void, close: () => void): Bench {
  const room = arena.allocate(64 * (MAX_FRAME + 256), 64);
  const frames = Array.from({ length: 64 }, () => new Frame());
  return {
    port,
    arrive: (loose) => {
      for (const [i, { octets, offload }] of loose.entries()) {
        const at = room + (i % 64) * (MAX_FRAME + 256) + 130;
        arena.bytes.set(octets, at);
        peer.transmit(Object.assign(new Frame(), offload, { at, end: at + octets.length }));
        if (i % 64 === 63) peer.flush();
      }
      peer.flush();
    },
    departed: (count) => {
      const got: LooseFrame[] = [];
      for (let looks = 0; got.length < count && looks < PATIENCE; looks++) {
        const some = peer.receive(frames, 0);
        for (const frame of frames.slice(0, some)) got.push(loosen(arena.bytes, frame));
        peer.release();
        if (some <= 0) Bun.sleepSync(1);
      }
      return got;
    },
    vanish,
    close: () => {
      close();
      arena.release(room, 64 * (MAX_FRAME + 256));
    },
  };
}

function removeLink(name: string): void {
  const link = links.link(name);
  if (link !== undefined) links.deleteLink(link.index, name);
}

function packetBench(arena: Arena): Bench {
  links.addVeth({ name: INSIDE, peerName: OUTSIDE });
  const inside = openPacket(arena, INSIDE, 1024);
  const outside = openPacket(arena, OUTSIDE, 1024);
  return bench(
    arena,
    inside.port,
    outside.port,
    () => removeLink(INSIDE),
    () => {
      inside.free();
      outside.free();
      removeLink(INSIDE);
    },
  );
}

function tapBench(arena: Arena): Bench {
  const { descriptors } = inNamespace(NAMESPACE, () => openTap({ name: OUTSIDE }));
  const descriptor = openTapPort(arena, { index: 4, fd: descriptors[0]!, offload: true });
  const port = new TapPort(arena, descriptor);
  links.changeLink(links.requireLink(OUTSIDE).index, { transmitQueueLength: 1000 });
  const outside = openPacket(arena, OUTSIDE, 1024);
  return bench(
    arena,
    port,
    outside.port,
    () => removeLink(OUTSIDE),
    () => {
      outside.free();
      port.close();
      freeTapPort(arena, descriptor);
    },
  );
}

const packet = {
  ...{ name: "packet", open: packetBench, longest: MTU + 14, tooMany: 1100 },
  ...{ countsDrops: true, goneErrno: 100 },
};
portContract(packet);
offloadContract(packet);

const tap = {
  ...{ name: "tap", open: tapBench, longest: MTU + 14, tooMany: 1100 },
  ...{ countsDrops: false, goneErrno: 77 },
};
portContract(tap);
offloadContract(tap);
