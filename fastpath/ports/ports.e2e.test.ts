import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Frame, GSO_NONE, GSO_TCPV4, GSO_TCPV6, MAX_FRAME } from "#fastpath/frame";
import { type Bench, offloadContract, portContract } from "#fastpath/ports/contract";
import { type LooseFrame, loosen, NO_OFFLOAD } from "#fastpath/ports/memory";
import { freePacketPort, openPacketPort, PacketPort } from "#fastpath/ports/packet";
import { GONE, type Port } from "#fastpath/ports/port";
import { freeTapPort, openTapPort, TapPort } from "#fastpath/ports/tap";
import { EBADFD, ENETDOWN } from "#sys/errno";
import { Arena } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { Poller } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";
import { openTap } from "#sys/tap";
import { finishChecksums } from "#sys/transmit-features";

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

function openPacket(arena: Arena, name: string, express: boolean): { port: PacketPort; free: () => void } {
  const interfaceIndex = switchOn(name);
  const descriptor = inNamespace(NAMESPACE, () =>
    openPacketPort(arena, {
      ...{ index: 5, interfaceIndex, interfaceName: name, mtu: MTU, offload: true, slots: 1024 },
      ...{ exclusive: true, promiscuous: true, express, tunnels: true },
    }),
  );
  expect(descriptor.express !== undefined).toBe(express);
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

function packetBench(arena: Arena, express = true): Bench {
  links.addVeth({ name: INSIDE, peerName: OUTSIDE });
  const inside = openPacket(arena, INSIDE, express);
  const outside = openPacket(arena, OUTSIDE, false);
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

function tapBench(arena: Arena, openWriter?: () => undefined): Bench {
  const { descriptors } = inNamespace(NAMESPACE, () => openTap({ name: OUTSIDE }));
  const descriptor = openTapPort(arena, { index: 4, fd: descriptors[0]!, offload: true });
  const port = new TapPort(arena, descriptor, openWriter);
  links.changeLink(links.requireLink(OUTSIDE).index, { transmitQueueLength: 1000 });
  const outside = openPacket(arena, OUTSIDE, false);
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

const packet = { longest: MTU + 14, tooMany: 1100, countsDrops: true, goneErrno: ENETDOWN };
const tap = { longest: MTU + 14, tooMany: 1100, countsDrops: false, goneErrno: EBADFD };

for (const kind of [
  { ...packet, name: "packet", open: (arena: Arena) => packetBench(arena) },
  { ...packet, name: "packet, without AF_XDP", open: (arena: Arena) => packetBench(arena, false) },
  { ...tap, name: "tap", open: (arena: Arena) => tapBench(arena) },
  { ...tap, name: "tap, without io_uring", open: (arena: Arena) => tapBench(arena, () => undefined) },
]) {
  portContract(kind);
  offloadContract(kind);
}

describe("a packet port besides", () => {
  const tcpHeaders = Buffer.from(
    "02000000000202000000000108004500000000014000400600000a0000010a000002138813890000000100000002" + "5010ffff00000000",
    "hex",
  );
  const tunnelHeaders = Buffer.from(
    "02000000000202000000000186dd6000000000002f40" +
      "20".repeat(32) +
      "200086dd00000401" +
      "6000000000000640" +
      "fd".repeat(32) +
      "1388138900000001000000025010ffff00000000",
    "hex",
  );
  const vlanFrame = Uint8Array.from({ length: 64 }, (_, i) => i);
  vlanFrame.set([0x81, 0x00, 0x20, 0x05, 0x88, 0xb5], 12);

  test("hands in an 802.1Q frame with its tag where it was", () => {
    const arena = Arena.map(2 ** 28);
    const { arrive, port, close } = packetBench(arena);
    arrive([{ octets: vlanFrame, offload: NO_OFFLOAD }]);
    const frame = new Frame();
    expect(port.receive([frame], 0)).toBe(1);
    expect(loosen(arena.bytes, frame).octets).toEqual(vlanFrame);
    expect((frame.at + 14) % 4).toBe(0);
    close();
    arena.unmap();
  });

  test("keeps the kernel from seeing its frames when it is exclusive, for as long as it is open", () => {
    const arena = Arena.map(2 ** 28);
    const { arrive, port, close } = packetBench(arena);
    links.addAddress(links.requireLink(INSIDE).index, { address: Uint8Array.of(10, 0, 0, 1), prefixLength: 24 });
    const request = Buffer.from(
      "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000002 000000000000 0a000001".replaceAll(
        " ",
        "",
      ),
      "hex",
    );
    const octets = Uint8Array.from({ length: 60 }, (_, i) => request[i] ?? 0);
    arrive([{ octets, offload: NO_OFFLOAD }]);
    expect(port.receive([new Frame()], 0)).toBe(1);
    const answers = inNamespace(NAMESPACE, () => readFileSync("/proc/thread-self/net/arp", "latin1"));
    expect(answers).not.toContain("10.0.0.2");
    close();
    arena.unmap();
  });

  test("is gone as well when its interface only goes down", () => {
    const arena = Arena.map(2 ** 28);
    const { port, close } = packetBench(arena);
    const poller = new Poller(1);
    poller.set(0, port.fd);
    expect(poller.wait(0)).toBe(0);
    links.changeLink(links.requireLink(INSIDE).index, { up: false });
    expect(poller.wait(1000)).toBe(1);
    expect(port.receive([new Frame()], 0)).toBe(GONE);
    expect(port.failure).toBe(ENETDOWN);
    expect(poller.wait(0)).toBe(0);
    poller.close();
    close();
    arena.unmap();
  });

  test("sends small frames, super-packets and those in tunnels in the order they were queued, whichever way each goes", () => {
    const arena = Arena.map(2 ** 28);
    const { port, departed, close } = packetBench(arena);
    const gso = { partial: true, csumOffset: 16, gsoSize: 1000 };
    const kinds = [
      { length: 4000, headers: tcpHeaders, ...gso, csumStart: 34, gsoType: GSO_TCPV4, headerLength: 54 },
      { length: 60, headers: tcpHeaders, csumStart: 0, gsoType: GSO_NONE },
      { length: 5000, headers: tunnelHeaders, ...gso, csumStart: 102, gsoType: GSO_TCPV6, headerLength: 122 },
    ];
    const sent = Array.from({ length: 120 }, (_, i) => {
      const { length, headers, ...fields } = kinds[i % 3]!;
      const at = arena.allocate(8192, 64) + 130;
      arena.bytes.fill(i, at, at + length);
      arena.bytes.set(headers, at);
      if (i % 3 === 0) arena.view.setUint16(at + 16, length - 14);
      if (i % 3 === 2) for (const header of [14, 62]) arena.view.setUint16(at + header + 4, length - header - 40);
      return Object.assign(new Frame(), fields, { at, end: at + length, isTunnelled: i % 3 === 2 });
    });
    const octets = sent.map((frame) => arena.bytes.slice(frame.at, frame.end));
    for (const frame of sent) port.transmit(frame);
    port.flush();
    const got = departed(120);
    expect(got.map((each) => each.octets)).toEqual(octets);
    expect(got.map(({ offload }) => [offload.gsoType, offload.csumStart])).toEqual(
      sent.map((_, i) => [kinds[i % 3]!.gsoType, kinds[i % 3]!.csumStart]),
    );
    expect(port.transmitErrors).toBe(0);
    close();
    arena.unmap();
  });

  test("has the kernel segment super-packets for an interface that does not, as containerlab's veths", () => {
    const arena = Arena.map(2 ** 28);
    links.addVeth({ name: INSIDE, peerName: OUTSIDE });
    inNamespace(NAMESPACE, () => finishChecksums(INSIDE, false));
    const [inside, outside] = [openPacket(arena, INSIDE, true), openPacket(arena, OUTSIDE, false)];
    const { departed, close } = bench(
      arena,
      inside.port,
      outside.port,
      () => {},
      () => {},
    );
    const at = arena.allocate(8192, 64) + 130;
    arena.bytes.fill(7, at, at + 3054);
    arena.bytes.set(tcpHeaders, at);
    arena.view.setUint16(at + 16, 3040);
    const gso = { partial: true, csumStart: 34, csumOffset: 16, gsoType: 1, gsoSize: 1000, headerLength: 54 };
    inside.port.transmit(Object.assign(new Frame(), { at, end: at + 3054, ...gso }));
    inside.port.flush();
    expect(departed(3).map(({ octets, offload }) => [octets.length, offload.partial])).toEqual([
      ...[
        [1054, false],
        [1054, false],
        [1054, false],
      ],
    ]);
    expect(inside.port.transmitErrors).toBe(0);
    for (const end of [inside, outside]) end.free();
    close();
    removeLink(INSIDE);
    arena.unmap();
  });

  test("goes back to one way out when it has more small frames than AF_XDP has room for", () => {
    const arena = Arena.map(2 ** 28);
    const { port, departed, close } = packetBench(arena);
    const at = arena.allocate(4096, 64) + 130;
    arena.bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5], at);
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 700; i++) port.transmit(Object.assign(new Frame(), { at, end: at + 60 }));
      port.flush();
      expect(departed(700).length).toBe(700);
    }
    expect(port.transmitErrors).toBe(0);
    close();
    arena.unmap();
  });

  test("refuses a checksum outside the frame, and a frame without an Ethernet header, and goes on", () => {
    const arena = Arena.map(2 ** 28);
    const { port, departed, close } = packetBench(arena);
    const at = arena.allocate(4096, 64) + 130;
    const send = (fields: Partial<Frame>) => port.transmit(Object.assign(new Frame(), { at, end: at + 60 }, fields));
    send({ partial: true, csumStart: 50, csumOffset: 9 });
    send({ end: at + 13 });
    send({});
    port.flush();
    expect(departed(1).length).toBe(1);
    expect(port.transmitErrors).toBe(2);
    close();
    arena.unmap();
  });

  test("frees what it took when it cannot be opened", () => {
    const arena = Arena.map(2 ** 22);
    const before = arena.free;
    const settings = {
      index: 1,
      interfaceIndex: 1,
      interfaceName: "lo",
      mtu: 65536,
      slots: 64,
      offload: true,
      exclusive: false,
    };
    expect(() => openPacketPort(arena, settings)).toThrow(/packet memory is full/);
    expect(() => openPacketPort(arena, { ...settings, interfaceIndex: 4711, mtu: 1500 })).toThrow(
      /bind packet socket lo: .*ENODEV/,
    );
    expect(arena.free).toBe(before);
    arena.unmap();
  });
});

describe("a TAP port besides", () => {
  test("counts frames it cannot send while the device is down, and goes on when it is up again", () => {
    const arena = Arena.map(2 ** 28);
    const { port, close } = tapBench(arena);
    const at = arena.allocate(4096) + 130;
    const send = (count: number) => {
      for (let i = 0; i < count; i++) port.transmit(Object.assign(new Frame(), { at, end: at + 60 }));
      port.flush();
      return port.transmitErrors;
    };
    const { index } = links.requireLink(OUTSIDE);
    links.changeLink(index, { up: false });
    expect(send(1)).toBe(1);
    expect(send(70)).toBe(71);
    expect(port.receive([new Frame()], 0)).toBe(0);
    links.changeLink(index, { up: true });
    expect(send(70)).toBe(71);
    expect(port.failure).toBe(0);
    close();
    arena.unmap();
  });
});
