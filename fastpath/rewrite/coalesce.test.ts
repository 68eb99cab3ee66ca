/** Segments out of a tunnel become super-packets for a VM that takes them, and stay what they are. */
import { expect, describe as suite, test } from "bun:test";
import { put16, u16 } from "#base/bytes";
import { nextBelow, type Random } from "#base/random";
import { GSO_NONE, GSO_TCPV4, GSO_TCPV6 } from "#fastpath/frame";
import { build6, counting, type Ip6, type Tcp } from "#fastpath/testing/packet";
import { BLUE, type Sent, SmallRouter, VM_G } from "#fastpath/testing/small-router";
import { native, PEER, PEER_6, tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import { masked } from "#fastpath/translation/masked";
import { finished, segments } from "#fastpath/translation/oracle/segment";

const SEGMENT = 1000;

interface Segment extends Partial<Tcp> {
  readonly ip?: Partial<Ip6>;
  readonly isNative?: boolean;
}

/** Octets `from` … of a stream, for VM g. */
const segment = (from: number, length = SEGMENT, { ip = {}, isNative = false, ...more }: Segment = {}): Uint8Array => {
  const upper: Tcp = { kind: "tcp", sequence: from, flags: 16, data: counting(length, from), ...more };
  const packet = build6({ source: PEER, destination: VM_G.address, upper, ...ip });
  return isNative ? native(packet) : tunnelFrame(packet, { key: BLUE });
};
const to6 = { source: PEER_6, destination: VM_G.ipv6[0]! };

const burst = (r: SmallRouter, frames: readonly Uint8Array[]): Sent[] =>
  r.offerBurst(
    0,
    frames.map((octets) => ({ octets })),
  );
/** Of each frame that was delivered: how many octets of TCP's data, in segments of how many; 0: no super-packet. */
const shape = (sent: readonly Sent[]): [octets: number, segment: number][] =>
  sent.map(({ octets, gsoType, gsoSize }) => {
    const l4 = 14 + (octets[14]! >> 4 === 4 ? 20 : 40);
    return [octets.length - l4 - ((octets[l4 + 12]! >> 4) << 2), gsoType === GSO_NONE ? 0 : gsoSize];
  });
/** The finished packets that were delivered, in order. */
const meant = (sent: readonly Sent[]): string[] =>
  sent.flatMap(({ octets, gsoType, gsoSize, partial }) => {
    const packet = octets.slice(14);
    const all = gsoType !== GSO_NONE ? segments(packet, gsoSize) : [partial ? finished(packet) : packet];
    return all.map((each) => {
      const copy = masked(each, true);
      if (copy[0]! >> 4 === 4) copy[6]! &= ~0x40; // follows the super-packet's size (decisions.md)
      return copy.toHex();
    });
  });
const oneByOne = (frames: readonly Uint8Array[]): string[] => {
  const r = new SmallRouter();
  return meant(frames.flatMap((frame) => r.offer(0, frame)));
};

suite("segments of a flow, one behind the other", () => {
  test.each([
    ["an IPv4 VM", {}, GSO_TCPV4],
    ["an IPv6 VM", to6, GSO_TCPV6],
  ])("come to %s as one frame that says how to cut it (virtio 1.2 §5.1.6.2)", (_, ip, gsoType) => {
    const r = new SmallRouter();
    const frames = [0, 1, 2, 3].map((i) => segment(i * SEGMENT, i === 3 ? 500 : SEGMENT, { ip }));
    for (let round = 0; round < 2; round++) {
      const sent = burst(r, frames);
      expect(shape(sent)).toEqual([[3500, SEGMENT]]);
      const l4 = 14 + (gsoType === GSO_TCPV4 ? 20 : 40);
      expect(sent[0]).toMatchObject({ gsoType, partial: true, csumStart: l4, csumOffset: 16, port: 8 });
      expect(meant(sent)).toEqual(oneByOne(frames));
    }
    expect(r.endings(0)).toEqual({ "to-vm": 8 });
  });

  test("do so across the end of the sequence numbers (RFC 9293 §3.4)", () => {
    const frames = [0xffff_fc18, 0, 1000].map((from) => segment(from));
    expect(shape(burst(new SmallRouter(), frames))).toEqual([[3000, SEGMENT]]);
  });

  test("and not beyond 64 KiB of IP", () => {
    const frames = Array.from({ length: 70 }, (_, i) => segment(i * SEGMENT));
    const sent = burst(new SmallRouter(), frames);
    expect(shape(sent)).toEqual([
      [65_000, SEGMENT],
      [5000, SEGMENT],
    ]);
    expect(u16(sent[0]!.octets, 16)).toBe(65_040);
    expect(meant(sent)).toEqual(oneByOne(frames));
  });

  test("of a burst only: nothing waits for more", () => {
    const r = new SmallRouter();
    expect([burst(r, [segment(0)]), burst(r, [segment(SEGMENT)])].map(shape)).toEqual([[[1000, 0]], [[1000, 0]]]);
  });

  test("with open checksums, which a tunnel's sender may leave to the interface", () => {
    const frames = [0, 1, 2].map((i) => ({
      octets: segment(i * SEGMENT, SEGMENT, { checksum: "partial" }),
      offload: { partial: true, csumStart: 14 + 48 + 40, csumOffset: 16 },
    }));
    const sent = new SmallRouter().offerBurst(0, frames);
    expect(shape(sent)).toEqual([[3000, SEGMENT]]);
    expect(meant(sent)).toEqual(oneByOne([0, 1, 2].map((i) => segment(i * SEGMENT))));
  });

  test("of several flows among one another", () => {
    const frames = [0, 1, 2].flatMap((i) => [1, 2, 3].map((source) => segment(i * SEGMENT, SEGMENT, { source })));
    const sent = burst(new SmallRouter(), frames);
    expect(shape(sent)).toEqual(Array(3).fill([3000, SEGMENT]));
    expect(meant(sent).sort()).toEqual(oneByOne(frames).sort());
  });

  test("and of no more flows than are held at once", () => {
    const frames = [0, 1].flatMap((i) =>
      Array.from({ length: 12 }, (_, k) => segment(i * SEGMENT, SEGMENT, { source: k + 1 })),
    );
    expect(meant(burst(new SmallRouter(), frames)).sort()).toEqual(oneByOne(frames).sort());
  });
});

suite("stay as they are, and in order,", () => {
  const stamps = (value: number): Uint8Array => Uint8Array.of(1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 1);
  test.each<[string, Segment, Segment]>([
    ["when acknowledgments differ", {}, { acknowledgment: 9 }],
    ["when timestamps differ (RFC 7323 §3)", { options: stamps(1) }, { options: stamps(2) }],
    ["when one has options", {}, { options: stamps(1) }],
    ["when ECN differs (RFC 3168 §6.1)", {}, { ip: { trafficClass: 3 } }],
    ["when hop limits differ", {}, { ip: { hopLimit: 9 } }],
    ["when the second has FIN", {}, { flags: 17 }],
    ["when the second is urgent", {}, { flags: 48 }],
    ["when the second says that congestion is known (CWR)", {}, { flags: 0x90 }],
    ["when the first is pushed (RFC 9293 §3.9.1.2)", { flags: 24 }, {}],
    ["when the second's checksum is wrong", {}, { checksum: "wrong" }],
    ["when the first's checksum is wrong", { checksum: "wrong" }, {}],
    ["when the second came natively", {}, { isNative: true }],
    ["when both came natively", { isNative: true }, { isNative: true }],
  ])("%s", (_, first, second) => {
    const frames = [segment(0, SEGMENT, first), segment(SEGMENT, SEGMENT, second)];
    const sent = burst(new SmallRouter(), frames);
    expect(shape(sent)).toEqual([
      [1000, 0],
      [1000, 0],
    ]);
    expect(meant(sent)).toEqual(oneByOne(frames));
  });

  test.each<[string, readonly Uint8Array[], [number, number][]]>([
    [
      "a gap",
      [segment(0), segment(2 * SEGMENT)],
      [
        [1000, 0],
        [1000, 0],
      ],
    ],
    [
      "the same again",
      [segment(0), segment(0)],
      [
        [1000, 0],
        [1000, 0],
      ],
    ],
    [
      "the wrong order",
      [segment(SEGMENT), segment(0)],
      [
        [1000, 0],
        [1000, 0],
      ],
    ],
    [
      "a larger one",
      [segment(0, 500), segment(500)],
      [
        [500, 0],
        [1000, 0],
      ],
    ],
    [
      "one after a smaller one",
      [segment(0), segment(1000, 500), segment(1500)],
      [
        [1500, 1000],
        [1000, 0],
      ],
    ],
    [
      "one after a pushed one",
      [segment(0), segment(1000, 1000, { flags: 24 }), segment(2000)],
      [
        [2000, 1000],
        [1000, 0],
      ],
    ],
    [
      "an acknowledgment between",
      [segment(0), segment(1000, 0), segment(1000)],
      [
        [1000, 0],
        [0, 0],
        [1000, 0],
      ],
    ],
    [
      "a reset",
      [segment(0), segment(1000), segment(2000, 0, { flags: 4 })],
      [
        [2000, 1000],
        [0, 0],
      ],
    ],
  ])("behind %s", (_, frames, wanted) => {
    const sent = burst(new SmallRouter(), frames);
    expect(shape(sent)).toEqual(wanted);
    expect(meant(sent)).toEqual(oneByOne(frames));
  });

  test("windows that change are seen (RFC 9293 §3.8.6)", () => {
    const frames = [segment(0), segment(1000)];
    put16(frames[1]!, 14 + 48 + 40 + 14, 0x7001);
    const checksum = 14 + 48 + 40 + 16;
    put16(frames[1]!, checksum, u16(frames[1]!, checksum) - 1);
    expect(shape(burst(new SmallRouter(), frames)).length).toBe(2);
  });

  test("at a port that takes no super-packets", () => {
    const frames = [segment(0), segment(1000)];
    expect(shape(burst(new SmallRouter({ offload: false }), frames))).toEqual([
      [1000, 0],
      [1000, 0],
    ]);
  });

  test("what is not of the flow does not disturb it", () => {
    const datagram = tunnelFrame(
      build6({ source: PEER, destination: VM_G.address, upper: { kind: "udp", data: counting(50) } }),
      { key: BLUE },
    );
    const sent = burst(new SmallRouter(), [segment(0), datagram, segment(1000)]);
    expect(sent.map(({ gsoSize }) => gsoSize)).toEqual([0, SEGMENT]);
  });
});

test("whatever comes, every flow gets what it would have got one by one, in order", () => {
  withSeed((random) => {
    for (let i = 0; i < 40; i++) {
      const frames = randomBurst(random);
      const wanted = byFlow(oneByOne(frames));
      expect(byFlow(meant(burst(new SmallRouter(), frames)))).toEqual(wanted);
    }
  });
});

function randomBurst(random: Random): Uint8Array[] {
  const next = [0, 1000, 0xffff_f000];
  const acknowledgment = [1, 1, 1];
  const below = (n: number): number => nextBelow(random, n);
  return Array.from({ length: 1 + below(60) }, () => {
    const flow = below(3);
    const length = below(8) === 0 ? below(1400) : 1400;
    if (below(20) === 0) next[flow] = (next[flow]! + 1400) >>> 0; // one was lost
    if (below(20) === 0) acknowledgment[flow]! += 1;
    const from = next[flow]!;
    if (below(15) !== 0) next[flow] = (from + length) >>> 0; // else it comes again
    return segment(from, length, {
      source: 1000 + flow,
      acknowledgment: acknowledgment[flow]!,
      flags: below(10) === 0 ? 24 : below(30) === 0 ? 17 : 16,
      checksum: below(30) === 0 ? "wrong" : "right",
      options: flow === 2 ? counting(12) : counting(0),
      isNative: below(20) === 0,
      ip: flow === 1 ? to6 : {},
    });
  });
}

function byFlow(packets: readonly string[]): Record<string, string[]> {
  const flows: Record<string, string[]> = {};
  for (const hex of packets) {
    const l4 = hex.startsWith("4") ? 40 : 80;
    flows[hex.slice(l4, l4 + 8)] ??= [];
    flows[hex.slice(l4, l4 + 8)]!.push(hex);
  }
  return flows;
}
