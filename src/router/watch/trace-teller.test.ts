/** What forwarders record is what a trace's reader is told, however little of it is told twice. */
import { describe, expect, test } from "bun:test";
import { nextBelow, type Random } from "#base/random";
import { Malformed } from "#base/reader";
import { withSeed } from "#fastpath/testing/with-seed";
import { ENDINGS } from "#fastpath/verdicts";
import { type WatchRecord, WR_FLAG_CAUGHT } from "#fastpath/watch/watch-record";
import { WAYS } from "#fastpath/watch/way-memory";
import { hopAs, knownAs, someRecord } from "#router/watch/testing/trace-records";
import { TraceCutter } from "#router/watch/trace-cutter";
import { LineText, TraceExpansion } from "#router/watch/trace-expansion";
import { KIND_HOP, KIND_WAY } from "#router/watch/trace-messages";
import { TraceTeller } from "#router/watch/trace-teller";
import type { TracedPacket, TraceLine } from "#router/watch/views";
import { explainSteps } from "#router/why/explain";
import { packetView } from "#router/why/headers";
import { icmpOwedBy } from "#router/why/router-why";

const EPOCH = 1_790_000_000_000;

/** A router of which something else is known after each `next`. */
class ToldRouter {
  #known = knownAs(0);
  generation = 0;
  readonly teller = new TraceTeller({
    ...{ known: () => this.#known, epoch: () => EPOCH },
    hop: (port, mac) => hopAs(this.generation, port, mac),
  });

  constructor() {
    this.teller.begin("hv1");
  }

  /** `isOther`: it is called otherwise; else it only was looked up anew. */
  next(isOther: boolean): void {
    if (isOther) this.generation++;
    this.#known = knownAs(this.generation);
  }

  /** Straight from the record: what the reader is to have. */
  expected({ ending, from, steps, stepCount, octets, length, sent, sentOwn, nanos, flags }: WatchRecord): TracedPacket {
    const { name, fate, meaning } = ENDINGS[ending]!;
    const views = sent.map((each) => ({
      ...hopAs(this.generation, each.port, each.octets.subarray(0, 6)),
      packet: packetView(each.octets, each.length),
    }));
    return {
      ...{ type: "packet", router: "hv1", time: (EPOCH + nanos / 1e6) / 1000 },
      ...{ port: this.#known.port(from)?.name ?? `#${from}`, packet: packetView(octets, length) },
      ...{ stages: explainSteps(this.#known, steps, stepCount, from), ending: { name, fate, meaning } },
      icmp: icmpOwedBy(ending, octets[12] === 0x86 && octets[13] === 0xdd),
      ...{ sent: views.slice(0, sentOwn), errors: views.slice(sentOwn), caught: (flags & WR_FLAG_CAUGHT) !== 0 },
    };
  }
}

const packets = (lines: readonly TraceLine[]): TracedPacket[] => lines.filter((line) => line.type === "packet");
/** To the microsecond, which is what two doubles that were computed in other orders agree about. */
const timeless = ({ time, ...packet }: TracedPacket) => ({ ...packet, micros: Math.round(time * 1e6) });

/** In pieces by chance. */
function read(random: Random, octets: Uint8Array): TraceLine[] {
  const expansion = new TraceExpansion();
  const lines: TraceLine[] = [];
  for (let at = 0; at < octets.length; ) {
    const size = 1 + nextBelow(random, 700);
    for (const { line } of expansion.take(octets.slice(at, at + size))) lines.push(line);
    at += size;
  }
  expect(expansion.waiting).toBe(0);
  return lines;
}

/** Records of two rings as a forwarder would tell them: the steps of a way once, until another has its number. */
class Rings {
  readonly #told = [new Map<number, string>(), new Map<number, string>()];

  of(record: WatchRecord, ring: number): WatchRecord {
    const steps = `${record.from} ${record.ending} ${record.steps}`;
    const way = steps.length % 3;
    const isTold = this.#told[ring]!.get(way) === steps;
    this.#told[ring]!.set(way, steps);
    return isTold ? { ...record, way, steps: new Int32Array(0), stepCount: 0 } : { ...record, way };
  }
}

describe("records that were told, and read", () => {
  test("are what they were, whatever was told before, in pieces of any size, also after pieces that were lost", () => {
    withSeed((random) => {
      const router = new ToldRouter();
      const rings = new Rings();
      const expected: TracedPacket[] = [];
      const pieces: Uint8Array[] = [router.teller.take()];
      for (let i = 0; i < 200; i++) {
        if (nextBelow(random, 20) === 0) router.next(nextBelow(random, 2) === 0);
        const piece: TracedPacket[] = [];
        for (let k = nextBelow(random, 4); k >= 0; k--) {
          const record = someRecord(random);
          const ring = nextBelow(random, 2);
          router.teller.tell(rings.of(record, ring), ring);
          piece.push(router.expected(record));
        }
        const octets = router.teller.take();
        if (nextBelow(random, 15) === 0) router.teller.lost();
        else {
          pieces.push(octets);
          expected.push(...piece);
        }
      }
      const lines = read(random, Buffer.concat(pieces));
      expect(lines[0]).toEqual({ type: "start", router: "hv1" });
      expect(packets(lines).map(timeless)).toEqual(expected.map(timeless));
      const text = new LineText();
      for (const line of lines) expect(JSON.parse(text.of(line))).toEqual(line);
    });
  });

  test("counts go as they are", () => {
    withSeed((random) => {
      const { teller } = new ToldRouter();
      const counts = { type: "counts", told: 2 ** 33, limited: nextBelow(random, 1000), lost: 0 } as const;
      teller.count(counts);
      expect(read(random, teller.take()).at(-1)).toEqual(counts);
    });
  });
});

describe("definitions", () => {
  const kindsOf = (octets: Uint8Array): number[] => {
    const begun = new ToldRouter().teller.take();
    return [...new TraceCutter().cut(Buffer.concat([begun, octets]))].slice(1).map(({ kind }) => kind);
  };
  const isDefinition = (kind: number): boolean => kind === KIND_WAY || kind === KIND_HOP;

  test("are told once, and again only when they have become others", () => {
    withSeed((random) => {
      const router = new ToldRouter();
      const record = { ...someRecord(random), from: 1, sent: [{ port: 1, length: 60, octets: new Uint8Array(60) }] };
      const told = (): number => {
        router.teller.tell(record, 0);
        return kindsOf(router.teller.take()).filter(isDefinition).length;
      };
      router.teller.take();
      expect([told(), told()]).toEqual([2, 0]);
      router.next(false);
      expect(told()).toBe(0);
      router.next(true);
      expect([told(), told()]).toEqual([2, 0]);
      router.teller.lost();
      expect(told()).toBe(2);
    });
  });

  test("are no more than the rings' ways and a thousand next hops, however many there are", () => {
    withSeed((random) => {
      const router = new ToldRouter();
      router.teller.take();
      const record = someRecord(random);
      const numbers = new Set<number>();
      for (let i = 0; i < 3000; i++) {
        const octets = new Uint8Array(60);
        octets.set([2, 0, 0, 0, i >> 8, i & 0xff]);
        router.teller.tell({ ...record, way: i % WAYS, sent: [{ port: 1, length: 60, octets }] }, 0);
        const begun = new ToldRouter().teller.take();
        for (const { kind, octets: message } of new TraceCutter().cut(Buffer.concat([begun, router.teller.take()])))
          if (kind === KIND_HOP) numbers.add(Buffer.from(message).readUInt32BE(8));
      }
      expect(numbers.size).toBe(1024);
    });
  });
});

describe("a trace that is none", () => {
  /** A whole trace of a packet. */
  function whole(random: Random): Uint8Array {
    const router = new ToldRouter();
    router.teller.tell({ ...someRecord(random), from: 1 }, 0);
    return Buffer.from(router.teller.take());
  }
  const refused = (octets: Uint8Array): string => {
    try {
      return `${[...new TraceExpansion().take(octets)].length} lines`;
    } catch (error) {
      if (error instanceof Malformed) return `${error.error}, at ${error.at}`;
      throw error;
    }
  };

  test("is refused by its first octets, or its version", () => {
    withSeed((random) => {
      const octets = whole(random);
      expect(refused(octets)).toBe("2 lines");
      octets[5] = 9;
      expect(refused(octets)).toBe("a trace of version 9; 1 is understood, at 4");
      octets[0] = 0x7b;
      expect(refused(octets)).toBe("no trace, at 0");
    });
  });

  test("is refused where a message is of no kind, of no length, of nobody, or names what was not told", () => {
    withSeed((random) => {
      const octets = whole(random);
      const cut = [...new TraceCutter().cut(octets)];
      const packet = cut.at(-1)!;
      const changed = (at: number, value: number): Uint8Array => {
        const other = Uint8Array.from(octets);
        other[at] = value;
        return other;
      };
      expect(refused(changed(packet.at + 4, 77))).toBe(`a message of kind 77, at ${packet.at + 4}`);
      expect(refused(changed(packet.at + 6, 1))).toBe(`a message of a router that has not begun, at ${packet.at}`);
      expect(refused(changed(packet.at + 17, 200))).toBe(`a packet that went a way that was not told, at ${packet.at}`);
      expect(refused(changed(packet.at, 0xff))).toMatch(/^a message of 4278190\d{3} octets, at \d+$/);
      expect(refused(changed(packet.at + 12, 0xff))).toBe(`a second has fewer nanoseconds, at ${packet.at + 12}`);
    });
  });
});
