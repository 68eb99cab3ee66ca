import { expect, test } from "bun:test";
import { nextBelow, nextU32, type Random } from "#base/random";
import { createFragmentTable, Fragments } from "#fastpath/tables/fragments";
import { withSeed } from "#fastpath/testing/with-seed";

const KEY = Int32Array.of(1, 2);
const newFragments = (records: number): Fragments => new Fragments(createFragmentTable(records, KEY));

/** Source, destination, protocol, identification. */
const packet = (n: number): number[] => [0, 0, 7, 1, 0, 0, 9, n >>> 8, 17, n];

function accept(table: Fragments, words: readonly number[], now: number): boolean {
  table.packet.set(words);
  return table.accept(now);
}

function isAccepted(table: Fragments, words: readonly number[], now: number): boolean {
  table.packet.set(words);
  return table.isAccepted(now);
}

test("fragments pass for 30 s after the first one, and only those of its packet: RFC 8200 §4.5", () => {
  const table = newFragments(64);
  const first = packet(5);
  expect(isAccepted(table, first, 0)).toBeFalse();
  expect(accept(table, first, 0)).toBeTrue();
  expect(isAccepted(table, first, 300)).toBeTrue();
  expect(isAccepted(table, first, 301)).toBeFalse();
  for (let word = 0; word < first.length; word++)
    expect(isAccepted(table, first.with(word, first[word]! ^ 0x40), 0)).toBeFalse();
  // The other way it is another packet.
  expect(isAccepted(table, [...first.slice(4, 8), ...first.slice(0, 4), ...first.slice(8)], 0)).toBeFalse();
});

test("a first fragment that comes again begins the 30 s anew", () => {
  const table = newFragments(64);
  accept(table, packet(1), 0);
  accept(table, packet(1), 200);
  expect(isAccepted(table, packet(1), 500)).toBeTrue();
  expect(isAccepted(table, packet(1), 501)).toBeFalse();
});

test("a flood of first fragments drives out the oldest, never those of just now", () => {
  withSeed((random: Random) => {
    const table = newFragments(4096);
    let now = nextU32(random) | 0;
    for (let i = 0; i < 100_000; i++) {
      const own = packet(i);
      expect(accept(table, own, now)).toBeTrue();
      // A hundred others come before the rest of our own.
      if (i % 100 === 99) {
        now++;
        expect(isAccepted(table, packet(i - 99), now)).toBeTrue();
      }
    }
  });
});

test("random fragments are accepted as a plain list of the last 30 s has them", () => {
  withSeed((random) => {
    const table = newFragments(8192); // so many that no set overflows
    const naive = new Map<number, number>();
    let now = 0;
    for (let i = 0; i < 20_000; i++) {
      if (nextBelow(random, 20) === 0) now += nextBelow(random, 60);
      const n = nextBelow(random, 300);
      if (nextBelow(random, 3) === 0) {
        expect(accept(table, packet(n), now)).toBeTrue();
        naive.set(n, now);
      } else {
        const made = naive.get(n);
        expect(isAccepted(table, packet(n), now)).toBe(made !== undefined && now - made <= 300);
      }
    }
  });
});

test("forwarders share the records", () => {
  const buffer = createFragmentTable(64, KEY);
  accept(new Fragments(buffer), packet(3), 0);
  expect(isAccepted(new Fragments(buffer), packet(3), 0)).toBeTrue();
});

test("tables of no size are refused", () => {
  for (const records of [0, 7, Number.NaN, 2 ** 21])
    expect(() => createFragmentTable(records, KEY)).toThrow(RangeError);
});
