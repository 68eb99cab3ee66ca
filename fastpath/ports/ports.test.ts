import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Frame, MAX_FRAME } from "#fastpath/frame";
import { type Bench, offloadContract, portContract } from "#fastpath/ports/contract";
import { freeMemoryPort, loosen, MemoryPort, NO_OFFLOAD, openMemoryPort } from "#fastpath/ports/memory";
import { openPcapPort, PcapPort } from "#fastpath/ports/pcap";
import { ReplayPort } from "#fastpath/ports/replay";
import { Arena } from "#sys/memory";
import { readPcap, writePcap } from "#wire/pcap";

const CAPACITY = 600;

function memoryBench(arena: Arena): Bench {
  const descriptor = openMemoryPort(arena, 3);
  const port = new MemoryPort(arena, descriptor, CAPACITY);
  return {
    port,
    arrive: (frames) => {
      for (const { octets, offload } of frames) port.arrive(octets, offload);
    },
    departed: () => port.departed(),
    vanish: () => {
      port.failure = 100;
    },
    close: () => {
      port.close();
      freeMemoryPort(arena, descriptor);
    },
  };
}

const memory = {
  name: "memory",
  open: memoryBench,
  longest: 9014,
  tooMany: CAPACITY + 1,
  countsDrops: true,
  goneErrno: 100,
};
portContract(memory);
offloadContract(memory);

describe("two memory ports joined by a wire", () => {
  test("what one transmits the other receives", () => {
    const arena = Arena.map(2 ** 24);
    const [a, b] = [0, 1].map((index) => new MemoryPort(arena, openMemoryPort(arena, index))) as [
      MemoryPort,
      MemoryPort,
    ];
    a.join(b);
    b.arrive(Uint8Array.from({ length: 60 }, (_, i) => i));
    const frame = new Frame();
    b.receive([frame], 0);
    b.transmit(frame);
    expect(a.receive([frame], 0)).toBe(1);
    expect([...arena.bytes.subarray(frame.at, frame.end)]).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(frame.port).toBe(0);
    arena.unmap();
  });
});

describe("replay port", () => {
  test("hands out its frames in turn, mended, as often as it is told", () => {
    const arena = Arena.map(2 ** 24);
    const octets = [1, 2, 3].map((seed) => Uint8Array.from({ length: 90 }, (_, i) => i * seed));
    const port = new ReplayPort(
      arena,
      7,
      octets.map((o) => ({ octets: o, offload: { ...NO_OFFLOAD, partial: true, csumStart: 34, csumOffset: 16 } })),
    );
    port.left = 5;
    const frames = Array.from({ length: 4 }, () => new Frame());
    expect(port.receive(frames, 0)).toBe(4);
    expect(frames.map((f) => loosen(arena.bytes, f).octets)).toEqual([0, 1, 2, 0].map((i) => octets[i]!));
    expect(frames[0]).toMatchObject({ port: 7, partial: true, csumStart: 34, csumOffset: 16 });
    arena.bytes.fill(0xa5, frames[1]!.at - 20, frames[1]!.at + 78);
    port.receive(frames.slice(0, 1), 0);
    expect(loosen(arena.bytes, frames[0]!).octets).toEqual(octets[1]!);
    expect(port.receive(frames, 0)).toBe(0);
    port.transmit(frames[0]!);
    expect([port.sentFrames, port.sentOctets]).toEqual([1, 90]);
    arena.unmap();
  });
});

describe("pcap port", () => {
  const directory = mkdtempSync(join(tmpdir(), "ain-pcap-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const file = (name: string): string => join(directory, name);
  const octets = [60, 1514, MAX_FRAME].map((length) => Uint8Array.from({ length }, (_, i) => i * 3));

  test("receives a file's frames and writes what is sent to another", () => {
    const arena = Arena.map(2 ** 24);
    writeFileSync(file("in"), writePcap(octets.map((o) => ({ seconds: 1, nanos: 2, octets: o }))));
    const port = new PcapPort(arena, openPcapPort(arena, 0, { input: file("in"), output: file("out") }));
    const frames = Array.from({ length: 8 }, () => new Frame());
    expect(port.receive(frames, 0)).toBe(3);
    for (const frame of frames.slice(0, 3)) port.transmit(frame);
    port.flush();
    expect(port.receive(frames, 0)).toBe(0);
    port.close();
    expect(readPcap(readFileSync(file("out"))).frames.map((f) => f.octets.length)).toEqual([60, 1514, MAX_FRAME]);
    expect(readPcap(readFileSync(file("out"))).frames.every((f, i) => Buffer.from(octets[i]!).equals(f.octets))).toBe(
      true,
    );
    expect(() => port.transmit(Object.assign(frames[0]!, { partial: true }))).toThrow("no partial checksums");
    arena.unmap();
  });

  test("says what is wrong with a file that it cannot use", () => {
    const arena = Arena.map(2 ** 24);
    const open = (bytes: Uint8Array) => () => {
      writeFileSync(file("bad"), bytes);
      return new PcapPort(arena, openPcapPort(arena, 0, { input: file("bad") }));
    };
    expect(open(writePcap([], 113))).toThrow("link type 113, expected 1 (Ethernet)");
    const cut = writePcap([{ seconds: 0, nanos: 0, octets: octets[0]! }]);
    cut[24 + 12]! += 1;
    expect(open(cut)).toThrow("frame 1 with 60 of 61 octets captured");
    expect(() => new PcapPort(arena, openPcapPort(arena, 0, { input: file("none") }))).toThrow("ENOENT");
    arena.unmap();
  });
});
