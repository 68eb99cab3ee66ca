import { describe, expect, test } from "bun:test";
import { compareAddresses, masked, parseIpv6 } from "#base/address";
import { nextBelow, nextOctets, nextU32, type Random } from "#base/random";
import { FibReader } from "#fastpath/tables/fib-reader";
import { FibFullError, FibWriter } from "#fastpath/tables/fib-writer";
import { enterTurn, leaveTurn } from "#fastpath/tables/grace";
import { addressUnder, clusteredAddress, NaiveFib, oneBitOff, randomLength } from "#fastpath/testing/naive-fib";
import { withSeed } from "#fastpath/testing/with-seed";

const MIB = 1 << 20;
const ip = (text: string): Uint8Array => parseIpv6(text)!;

function table(capacityOctets = MIB): { writer: FibWriter; reader: FibReader; lookup: (text: string) => number } {
  const writer = new FibWriter({ capacityOctets });
  const reader = new FibReader(writer.buffer);
  return { writer, reader, lookup: (text) => reader.lookupBytes(ip(text), 0) };
}

/** The table and a naive one, changed alike and asked alike. */
class Pair {
  readonly naive = new NaiveFib();
  readonly writer: FibWriter;
  readonly reader: FibReader;
  readonly random: Random;
  readonly #words = new Int32Array(7);

  constructor(random: Random, writer: FibWriter) {
    this.random = random;
    this.writer = writer;
    this.reader = new FibReader(writer.buffer);
  }

  insert(address: Uint8Array, length: number, value: number): void {
    expect(this.writer.insert(address, length, value)).toBe(this.naive.insert(address, length, value));
  }

  remove(address: Uint8Array, length: number): void {
    expect(this.writer.remove(address, length)).toBe(this.naive.remove(address, length));
  }

  /** Asks for addresses under known routes, just beside them, and anywhere. */
  probe(times: number): void {
    for (let i = 0; i < times; i++) {
      const near = this.naive.any(this.random);
      let address = clusteredAddress(this.random);
      if (near !== undefined && i % 4 !== 0) address = addressUnder(this.random, near.address, near.length);
      if (i % 4 === 3) address = oneBitOff(this.random, address);
      this.#compare(address);
    }
  }

  #compare(address: Uint8Array): void {
    const expected = this.naive.lookup(address);
    const at = nextBelow(this.random, 4);
    new Uint8Array(this.#words.buffer).set(address, 4 * at);
    expect(this.reader.lookup(this.#words, at)).toBe(expected);
    expect(this.reader.lookupBytes(Uint8Array.of(0xa5, ...address), 1)).toBe(expected);
  }

  same(): void {
    const routes = [...this.writer.entries()];
    const known = this.naive.routes.toSorted((a, b) => compareAddresses(a.address, b.address) || a.length - b.length);
    expect(routes).toEqual(known);
    expect(this.writer.size).toBe(known.length);
    for (const route of known) expect(this.writer.get(route.address, route.length)).toBe(route.value);
  }

  empty(): void {
    for (const route of [...this.naive.routes]) this.remove(route.address, route.length);
    this.same();
    this.writer.reclaim();
    expect(this.writer.octetsUsed).toBe(0);
  }
}

describe("longest prefix match against a naive table", () => {
  test("routes of every length, nested and beside one another, come and go", () => {
    withSeed((random) => {
      const pair = new Pair(random, new FibWriter({ capacityOctets: MIB }));
      for (let step = 0; step < 1500; step++) {
        const old = pair.naive.any(random);
        const growing = nextBelow(random, 10) < (pair.naive.size > 150 ? 3 : 7);
        const length = randomLength(random);
        if (old !== undefined && !growing) pair.remove(old.address, nextBelow(random, 5) ? old.length : length);
        else {
          const near = old !== undefined && nextBelow(random, 3) ? old.address : clusteredAddress(random);
          const address = nextBelow(random, 3) ? near : addressUnder(random, near, length);
          pair.insert(address, length, 1 + nextBelow(random, nextBelow(random, 2) ? 2 : 0x3fff_ffff));
        }
        pair.probe(6);
      }
      pair.same();
      pair.empty();
    });
  });

  test("a branch grows to 256 entries and shrinks again, with routes inside its octet and beneath it", () => {
    withSeed((random) => {
      const pair = new Pair(random, new FibWriter({ capacityOctets: MIB }));
      const address = (): Uint8Array =>
        Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, ...nextOctets(random, 1), 0, 0, 0, 0, 0, 0, 0, 9);
      const length = (): number => [64, 64, 64, 57, 60, 63, 72, 127, 128][nextBelow(random, 9)]!;
      for (const target of [350, 20, 350, 100]) {
        while (pair.naive.size !== target) {
          const old = pair.naive.any(random);
          if (old !== undefined && pair.naive.size > target) pair.remove(old.address, old.length);
          else pair.insert(address(), length(), 1 + nextBelow(random, 1000));
          pair.probe(1);
        }
        pair.same();
      }
      pair.empty();
    });
  });
});

describe("single cases", () => {
  test("the default route covers what nothing else does (RFC 4291 §2.5.2: ::/0)", () => {
    const { writer, lookup } = table();
    expect(lookup("2001:db8::1")).toBe(0);
    expect(writer.insert(ip("::"), 0, 7)).toBe(true);
    expect(lookup("2001:db8::1")).toBe(7);
    writer.insert(ip("2001:db8::"), 32, 8);
    expect(writer.insert(ip("::"), 0, 9)).toBe(false);
    expect([lookup("2001:db8::1"), lookup("2001:db9::1")]).toEqual([8, 9]);
    expect(writer.remove(ip("::"), 0)).toBe(true);
    expect(writer.remove(ip("::"), 0)).toBe(false);
    expect([lookup("2001:db8::1"), lookup("2001:db9::1"), writer.size]).toEqual([8, 0, 1]);
  });

  test("the largest value comes back whole, and bits beyond the length do not count", () => {
    const { writer, lookup } = table();
    writer.insert(ip("2001:db8:ffff::1"), 35, 0x3fff_ffff);
    expect(writer.get(ip("2001:db8:e000::"), 35)).toBe(0x3fff_ffff);
    expect([lookup("2001:db8:e000::"), lookup("2001:db8:dfff::")]).toEqual([0x3fff_ffff, 0]);
  });

  test("removing one of two neighbours with the same value leaves the other", () => {
    const { writer, lookup } = table();
    for (const text of ["2001:db8:0:1::", "2001:db8:0:2::", "2001:db8:0:3::"]) writer.insert(ip(text), 64, 5);
    writer.remove(ip("2001:db8:0:2::"), 64);
    expect(["1", "2", "3"].map((n) => lookup(`2001:db8:0:${n}::1`))).toEqual([5, 0, 5]);
  });

  test("values out of range and prefixes that are none are refused", () => {
    const { writer } = table();
    for (const value of [0, -1, 1.5, 2 ** 30, Number.NaN])
      expect(() => writer.insert(ip("::"), 0, value)).toThrow("value");
    for (const length of [-1, 129, 0.5]) expect(() => writer.insert(ip("::"), length, 1)).toThrow("prefix length");
    expect(() => writer.remove(new Uint8Array(4), 1)).toThrow("16 octets");
    expect(writer.size).toBe(0);
  });
});

describe("memory", () => {
  test("a full table says so, is as it was, still loses routes, and takes others in their place", () => {
    withSeed((random) => {
      const pair = new Pair(random, new FibWriter({ capacityOctets: 128 << 10 }));
      let refused = 0;
      for (let step = 0; step < 8000; step++) {
        const address = clusteredAddress(random);
        const length = randomLength(random);
        try {
          pair.writer.insert(address, length, step + 1);
          pair.naive.insert(address, length, step + 1);
        } catch (error) {
          expect(error).toBeInstanceOf(FibFullError);
          if (refused++ % 256 === 0) pair.same();
          for (let i = 0; i < 2; i++) {
            const old = pair.naive.any(random)!;
            pair.remove(old.address, old.length);
          }
        }
        if (step % 128 === 0) pair.probe(4);
      }
      expect(refused).toBeGreaterThan(100);
      pair.same();
      pair.empty();
    });
  });

  test("replaced nodes are used again: a table that always changes does not grow", () => {
    withSeed((random) => {
      const { writer } = table(256 << 10);
      const routes: { address: Uint8Array; length: number }[] = [];
      let settled = 0;
      for (let step = 0; step < 40_000; step++) {
        const at = nextBelow(random, 2000);
        const old = routes[at];
        if (old !== undefined) writer.remove(old.address, old.length);
        routes[at] = { address: nextOctets(random, 16), length: 30 + nextBelow(random, 99) };
        writer.insert(routes[at].address, routes[at].length, 1 + (step & 0xff));
        if (step === 10_000) settled = writer.octetsUsed;
      }
      expect(writer.octetsUsed).toBeLessThan(1.2 * settled);
      expect(writer.octetsUsed + writer.octetsFree).toBeLessThanOrEqual(256 << 10);
    });
  });

  test("a node that a forwarder may be reading is not used again before its turn ends", () => {
    const turns = new Int32Array(new SharedArrayBuffer(8));
    const writer = new FibWriter({ capacityOctets: 64 << 10, turns });
    writer.insert(ip("2001:db8::"), 64, 1);
    enterTurn(turns, 1);
    for (let i = 1; i < 50; i++) writer.insert(ip(`2001:db8:0:${i}::`), 64, 1 + i);
    const held = writer.retired;
    expect(held).toBeGreaterThan(10);
    writer.reclaim();
    expect(writer.retired).toBe(held);
    leaveTurn(turns, 1);
    writer.reclaim();
    expect(writer.retired).toBe(0);
  });
});

describe("memory gone wrong", () => {
  test("a lookup ends and does not throw, whatever the words are", () => {
    withSeed((random) => {
      const buffer = new SharedArrayBuffer(4096);
      const memory = new Int32Array(buffer);
      const reader = new FibReader(buffer);
      const words = new Int32Array(4);
      for (let round = 0; round < 300; round++) {
        const inside = round % 2 === 0; // references mostly inside the buffer, or anywhere
        for (let i = 0; i < memory.length; i++)
          memory[i] = inside && i % 3 ? 0x8000_0000 | nextBelow(random, 1024) : nextU32(random);
        for (let i = 0; i < 4; i++) words[i] = nextU32(random);
        const value = reader.lookup(words, 0);
        expect(Number.isInteger(value) && value >= 0 && value < 2 ** 30).toBe(true);
      }
      memory.fill(0x8000_0001 | 0);
      expect(Number.isInteger(reader.lookup(words, 0))).toBe(true);
    });
  });

  test("the order of entries is that of addresses, the shorter of two first", () => {
    const { writer } = table();
    const order = [
      "::/0",
      "2001::/16",
      "2001:db8::/32",
      "2001:db8::/33",
      "2001:db8::/64",
      "2001:db8:0:1::/64",
      "ff00::/8",
    ];
    for (const text of [...order].reverse()) {
      const [address, length] = text.split("/");
      writer.insert(ip(address!), Number(length), 1);
    }
    const expected = order.map((text) => masked(ip(text.split("/")[0]!), 128));
    expect([...writer.entries()].map((route) => route.address)).toEqual(expected);
  });
});
