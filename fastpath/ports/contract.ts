/** What every kind of port owes a forwarder: one suite, run over all of them (ports.test.ts, ports.e2e.test.ts). */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Frame, GSO_ECN, GSO_TCPV4, GSO_TCPV6, HEADROOM, MAX_FRAME } from "#fastpath/frame";
import { type LooseFrame, loosen, NO_OFFLOAD, type Offload } from "#fastpath/ports/memory";
import { GONE, type Port } from "#fastpath/ports/port";
import { Arena } from "#sys/memory";

/** A port under test, and its other side. */
export interface Bench {
  readonly port: Port;
  /** Lets frames come in; they can be received when it returns. */
  arrive(frames: readonly LooseFrame[]): void;
  /** What the other side got, in order: waits until there are `count`, or for a while. */
  departed(count: number): LooseFrame[];
  /** What the port is on goes away. */
  vanish(): void;
  /** Ends both sides and gives all memory back. */
  close(): void;
}

export interface Kind {
  readonly name: string;
  open(arena: Arena): Bench;
  /** Largest frame without GSO, octets. */
  readonly longest: number;
  /** More frames than the port keeps for a forwarder that does not come. */
  readonly tooMany: number;
  /** What receiveDrops() tells of frames lost that way. */
  readonly countsDrops: boolean;
  /** The errno in `failure` once the port is gone. */
  readonly goneErrno: number;
}

const BURST = 64;
/** Octets for one frame to send, with its headroom. */
const OUTGOING = HEADROOM + MAX_FRAME + 64;
const IPV4_TCP = "0800 4500 0000 0001 4000 4006 0000 0a000001 0a000002 1388 1389 00000001 00000002 5010 ffff 0000 0000";
const IPV6_TCP =
  "86dd 6000 0000 0000 06 40 fd000000000000000000000000000001 fd000000000000000000000000000002 1388 1389 00000001 00000002 5010 ffff 0000 0000";
const MACS = "020000000002 020000000001";
/** Octets of a super-packet, Ethernet header included, beyond which the kernel cuts it up itself (gso_features_check). */
const LONGEST_GSO = 65535;
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** An Ethernet frame of an experimental type (IEEE 802: 0x88b5), its number, and octets that depend on it. */
function numbered(number: number, length: number): LooseFrame {
  const octets = Uint8Array.from({ length }, (_, i) => i * 7 + number * 13);
  octets.set(fromHex(`${MACS} 88b5`));
  new DataView(octets.buffer).setUint32(14, number);
  return { octets, offload: NO_OFFLOAD };
}

const numberOf = ({ octets }: LooseFrame): number => new DataView(octets.buffer, octets.byteOffset).getUint32(14);

/** A TCP frame whose checksum the receiver is to finish, with `payload` octets in segments of `gsoSize`; 0: just one. */
function tcp(version: 4 | 6, payload: number, gsoSize: number): LooseFrame {
  const headers = fromHex(`${MACS} ${version === 4 ? IPV4_TCP : IPV6_TCP}`);
  const octets = new Uint8Array(headers.length + payload).fill(0x5a);
  octets.set(headers);
  const view = new DataView(octets.buffer);
  if (version === 4) view.setUint16(16, octets.length - 14);
  else view.setUint16(18, octets.length - 54);
  const gsoType = version === 4 ? GSO_TCPV4 : GSO_TCPV6 | GSO_ECN;
  const offload: Offload = {
    ...{ partial: true, csumStart: headers.length - 20, csumOffset: 16 },
    ...(gsoSize > 0 ? { gsoType, gsoSize, headerLength: headers.length } : { gsoType: 0, gsoSize: 0, headerLength: 0 }),
  };
  return { octets, offload };
}

/** On input the header length is a hint: the kernel tells how much lies in its first buffer. */
const withoutHint = ({ octets, offload }: LooseFrame): LooseFrame => ({
  octets,
  offload: { ...offload, headerLength: 0 },
});

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;
const newFrames = (count: number): Frame[] => Array.from({ length: count }, () => new Frame());

export function portContract(kind: Kind): void {
  describe(`${kind.name} port`, () => {
    let arena: Arena;
    let bench: Bench;
    let before: { free: number; descriptors: number };
    /** Arena offset of room for what the tests send. */
    let outgoing: number;

    beforeEach(() => {
      arena = Arena.map(2 ** 28);
      outgoing = arena.allocate(100 * OUTGOING);
      before = { free: arena.free, descriptors: openDescriptors() };
      bench = kind.open(arena);
    });

    afterEach(() => {
      bench.close();
      expect(arena.free).toBe(before.free);
      expect(openDescriptors()).toBeLessThanOrEqual(before.descriptors); // fewer: of others in this process
      arena.unmap();
    });

    /** Receives until nothing comes, releasing after each burst as a forwarder does after its turn. */
    function receiveAll(): LooseFrame[] {
      const frames = newFrames(BURST);
      const all: LooseFrame[] = [];
      for (;;) {
        const count = bench.port.receive(frames, 0);
        if (count <= 0) return all;
        all.push(...frames.slice(0, count).map((frame) => loosen(arena.bytes, frame)));
        bench.port.release();
      }
    }

    /** Puts a frame into the arena with the room a forwarder guarantees. `near`: so many octets off its usual place. */
    function place({ octets, offload }: LooseFrame, slot: number, near = 0): Frame {
      const at = outgoing + slot * OUTGOING + HEADROOM + 2 + near;
      arena.bytes.set(octets, at);
      return Object.assign(new Frame(), offload, { at, end: at + octets.length });
    }

    function transmit(frames: readonly LooseFrame[], near = 0): void {
      for (const [i, frame] of frames.entries()) {
        expect(bench.port.transmit(place(frame, i % 100, near))).toBe(true);
        if (i % 100 === 99) bench.port.flush();
      }
      bench.port.flush();
    }

    test("receives nothing at once when nothing has come", () => {
      expect(bench.port.receive(newFrames(4), 0)).toBe(0);
      bench.port.release();
      expect(bench.port.failure).toBe(0);
    });

    test("hands in frames of every length octet by octet and in order", () => {
      const sent = Array.from({ length: kind.longest - 59 }, (_, i) => i + 60)
        .filter((length) => length < 80 || length > kind.longest - 20 || length % 97 === 0)
        .map((length, i) => numbered(i, length));
      const got: LooseFrame[] = [];
      for (let i = 0; i < sent.length; i += 16) {
        bench.arrive(sent.slice(i, i + 16));
        got.push(...receiveAll());
      }
      expect(got).toEqual(sent);
    });

    test("sets every field of a frame, whatever it held", () => {
      bench.arrive([numbered(1, 60)]);
      const frame = Object.assign(new Frame(), { partial: true, gsoType: GSO_TCPV4, gsoSize: 9, port: 99 });
      expect(bench.port.receive([frame], 0)).toBe(1);
      expect(loosen(arena.bytes, frame)).toEqual(numbered(1, 60));
      expect(frame.port).toBe(bench.port.index);
    });

    test("fills only the frames from the index it is told, and keeps the rest for later", () => {
      bench.arrive([1, 2, 3, 4].map((number) => numbered(number, 60)));
      const frames = newFrames(4);
      expect(bench.port.receive(frames, 2)).toBe(2);
      expect(frames.map(({ end, at }) => end - at)).toEqual([0, 0, 60, 60]);
      expect(bench.port.receive(frames, 0)).toBe(2);
      expect(frames.map((frame) => numberOf(loosen(arena.bytes, frame)))).toEqual([3, 4, 1, 2]);
    });

    test("keeps a burst larger than a batch in order", () => {
      const sent = Array.from({ length: 5 * BURST + 3 }, (_, i) => numbered(i, 60 + (i % 5)));
      bench.arrive(sent);
      expect(receiveAll().map(numberOf)).toEqual(sent.map(numberOf));
    });

    test("gives each frame its headroom, and aligns its network header", () => {
      const sent = Array.from({ length: BURST }, (_, i) => numbered(i, 60 + i * 3));
      bench.arrive(sent);
      const frames = newFrames(BURST);
      expect(bench.port.receive(frames, 0)).toBe(BURST);
      for (const { at } of frames) {
        expect((at + 14) % 4).toBe(0);
        arena.bytes.fill(0xa5, at - HEADROOM, at);
      }
      expect(frames.map((frame) => loosen(arena.bytes, frame).octets)).toEqual(sent.map(({ octets }) => octets));
      bench.port.release();
      bench.arrive(sent);
      expect(receiveAll()).toEqual(sent);
    });

    test("uses its memory again and again after release", () => {
      for (let round = 0; round < 60; round++) {
        const sent = Array.from({ length: 100 }, (_, i) => numbered(round * 100 + i, 60 + ((round + i) % 200)));
        bench.arrive(sent);
        expect(receiveAll()).toEqual(sent);
      }
      expect(bench.port.receiveDrops()).toBe(0);
    });

    test("sends frames of every length octet by octet and in order", () => {
      const sent = [60, 61, 62, 63, 64, 127, 128, 777, kind.longest - 1, kind.longest].map((n, i) => numbered(i, n));
      for (const near of [0, -20, 20, -1]) {
        transmit(sent, near);
        expect(bench.departed(sent.length)).toEqual(sent);
      }
      expect(bench.port.transmitErrors).toBe(0);
    });

    test("sends more frames than fit a batch", () => {
      const sent = Array.from({ length: 500 }, (_, i) => numbered(i, 60));
      transmit(sent);
      expect(bench.departed(500).map(numberOf)).toEqual(sent.map(numberOf));
    });

    test("sends a received frame from where it lies, its header moved forward", () => {
      bench.arrive([numbered(1, 100)]);
      const [frame] = newFrames(1) as [Frame];
      bench.port.receive([frame], 0);
      frame.at -= 20;
      arena.bytes.set(numbered(7, 60).octets.subarray(0, 34), frame.at);
      const expected = loosen(arena.bytes, frame);
      bench.port.transmit(frame);
      bench.port.flush();
      bench.port.release();
      expect(bench.departed(1)).toEqual([expected]);
    });

    test("loses only what is too much, and goes on", () => {
      const sent = Array.from({ length: kind.tooMany }, (_, i) => numbered(i, 60));
      bench.arrive(sent);
      const got = receiveAll();
      expect(got.length).toBeLessThan(kind.tooMany);
      expect(got).toEqual(sent.slice(0, got.length));
      expect(bench.port.receiveDrops()).toBe(kind.countsDrops ? kind.tooMany - got.length : 0);
      bench.arrive([numbered(9, 60)]);
      expect(receiveAll()).toEqual([numbered(9, 60)]);
    });

    test("says that it is gone, and why, and stays so", () => {
      bench.vanish();
      expect(bench.port.receive(newFrames(4), 0)).toBe(GONE);
      expect(bench.port.failure).toBe(kind.goneErrno);
      expect(bench.port.receive(newFrames(4), 0)).toBe(GONE);
    });

    test("counts what it could not send because it is gone", () => {
      bench.vanish();
      let refused = 0;
      for (let i = 0; i < 3; i++) if (!bench.port.transmit(place(numbered(i, 60), i))) refused++;
      bench.port.flush();
      expect(refused + bench.port.transmitErrors).toBe(3); // each told in one of two ways
      expect(bench.port.receive(newFrames(4), 0)).toBe(GONE);
    });
  });
}

/** What a port with `offload` owes besides: super-packets and partial checksums, both ways and unchanged. */
export function offloadContract(kind: Kind): void {
  describe(`${kind.name} port with offload`, () => {
    const sent = [
      ...[tcp(4, 100, 0), tcp(6, 100, 0), tcp(4, 2000, 1000), tcp(6, 20000, 1400)],
      ...[tcp(4, LONGEST_GSO - 54, 1448), tcp(6, LONGEST_GSO - 74, 1428), numbered(1, 60)],
    ];
    let arena: Arena;
    let bench: Bench;

    beforeEach(() => {
      arena = Arena.map(2 ** 28);
      bench = kind.open(arena);
    });

    afterEach(() => {
      bench.close();
      arena.unmap();
    });

    test("takes super-packets and partial checksums in", () => {
      bench.arrive(sent);
      const frames = newFrames(BURST);
      expect(bench.port.receive(frames, 0)).toBe(sent.length);
      expect(frames.slice(0, sent.length).map((frame) => withoutHint(loosen(arena.bytes, frame)))).toEqual(
        sent.map(withoutHint),
      );
      for (const { at } of frames.slice(0, sent.length)) expect((at + 14) % 4).toBe(0);
    });

    test("takes in more super-packets than it has room for at once", () => {
      const many = Array.from({ length: 40 }, (_, i) => tcp(6, 60000 + i, 1428));
      bench.arrive(many);
      const got: LooseFrame[] = [];
      const frames = newFrames(BURST);
      for (let count = bench.port.receive(frames, 0); count > 0; count = bench.port.receive(frames, 0)) {
        got.push(...frames.slice(0, count).map((frame) => loosen(arena.bytes, frame)));
        bench.port.release();
      }
      expect(got.map(withoutHint)).toEqual(many.map(withoutHint));
    });

    test("sends super-packets and partial checksums", () => {
      expect(bench.port.offload).toBe(true);
      for (const { octets, offload } of sent) {
        const at = arena.allocate(HEADROOM + octets.length + 2, 64) + HEADROOM + 2;
        arena.bytes.set(octets, at);
        bench.port.transmit(Object.assign(new Frame(), offload, { at, end: at + octets.length }));
      }
      bench.port.flush();
      expect(bench.departed(sent.length).map(withoutHint)).toEqual(sent.map(withoutHint));
    });
  });
}
