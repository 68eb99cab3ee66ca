/** What two threads may do to each other's entries, step by step: two views of one memory take turns. */
import { expect, test } from "bun:test";
import { nextBelow, nextU32 } from "#base/random";
import { FREE, STATE_BITS } from "#fastpath/tables/connection-states";
import { K_CONTROL, KeyedSlots, setsFor, slotArea } from "#fastpath/tables/keyed-slots";
import { withSeed } from "#fastpath/testing/with-seed";

const ENTRY_WORDS = 16;
const PENDING = 2;
const CLAIMED = 1;

/** Its steps can be called one by one. */
class Slots extends KeyedSlots {
  readonly gone: number[] = [];
  /** Asked while an entry is dying. */
  used: (entry: number) => boolean = () => false;
  readonly memory: Int32Array;

  constructor(memory: Int32Array, entries: number) {
    super(memory, slotArea(0, setsFor(entries), ENTRY_WORDS), Int32Array.of(5, 6));
    this.memory = memory;
  }

  protected override giveUp(entry: number): void {
    this.gone.push(entry);
  }
  protected override isUsed(entry: number): boolean {
    return this.used(entry);
  }
  /** An entry of the key is taken, after it was looked for. */
  begin(): number {
    this.find();
    return this.take();
  }
  finish = (entry: number): number => this.settle(entry, 0);

  about(key: number): this {
    this.key.set([key, 1, 2, 3, key]);
    return this;
  }

  insert(key: number): number {
    this.about(key);
    return this.find() || this.finish(this.take());
  }
}

function views(entries = 20): [Slots, Slots] {
  const area = slotArea(0, setsFor(entries), ENTRY_WORDS);
  const memory = new Int32Array(new SharedArrayBuffer(area.end * 4));
  return [new Slots(memory, entries), new Slots(memory, entries)];
}

test("an entry is found by its key alone, until it is removed", () => {
  const [a, b] = views();
  const entry = a.insert(7);
  expect([b.about(7).find(), b.version]).toEqual([entry, a.version]);
  expect(b.about(8).find()).toBe(0);
  b.key.set([7, 1, 2, 3, 8]);
  expect(b.find()).toBe(0);
  expect(a.removeUnused(entry, a.version, 0)).toBeTrue();
  expect([b.about(7).find(), b.versionOf(entry), b.isLive(entry, a.version)]).toEqual([0, -1, false]);
  expect(a.removeUnused(entry, a.version, 0)).toBeFalse();
  expect(a.gone).toEqual([entry]);
});

test("what is claimed or pending is nobody's yet", () => {
  const [a, b] = views();
  const mine = a.about(7).begin();
  expect(b.about(7).find()).toBe(0);
  a.memory[a.at(mine) + K_CONTROL]! += PENDING - CLAIMED;
  expect(b.find()).toBe(0);
});

test("of two that are made at once the first that is live stays, and the other's maker gets it", () => {
  const [a, b] = views();
  const first = a.about(7).begin();
  const second = b.about(7).begin();
  expect(second).not.toBe(first);
  expect(a.finish(first)).toBe(first);
  expect(b.finish(second)).toBe(first);
  expect([b.version, b.gone, a.gone]).toEqual([a.version, [second], []]);
  expect(a.memory[a.at(second) + K_CONTROL]! & ((1 << STATE_BITS) - 1)).toBe(FREE);
});

test("one that is pending is taken away by who comes next; its maker notices, and gives nothing up twice", () => {
  const [a, b] = views();
  const first = a.about(7).begin();
  const second = b.about(7).begin();
  const at = a.at(first) + K_CONTROL;
  const pending = a.memory[at]! + PENDING - CLAIMED;
  a.memory[at] = pending; // a has shown it, and stands still before it looks around
  expect(b.finish(second)).toBe(second);
  expect(b.gone).toEqual([first]);
  expect(Atomics.compareExchange(a.memory, at, pending, pending + 1)).not.toBe(pending); // what a would do next
  expect(a.about(7).find()).toBe(second);
});

test("an entry that somebody begins to use while it is dying stays", () => {
  const [a, b] = views();
  const entry = a.insert(7);
  const { version } = a;
  a.used = () => {
    expect(b.about(7).find()).toBe(entry); // as good as ever
    expect(b.keep(entry, version)).toBeTrue();
    return false; // a has looked before b counted itself
  };
  expect(a.removeUnused(entry, version, 0)).toBeFalse();
  expect([b.find(), a.gone.length]).toEqual([entry, 0]);
});

test("an entry in use stays, and one whose removal was begun by a thread that stands still is removed by another", () => {
  const [a, b] = views();
  const entry = a.insert(7);
  const { version } = a;
  a.used = () => true;
  expect(a.removeUnused(entry, version, 0)).toBeFalse();
  expect(b.keep(entry, version)).toBeTrue();
  a.used = () => b.removeUnused(entry, version, 0); // while it is dying
  a.removeUnused(entry, version, 0);
  expect([a.gone, b.gone]).toEqual([[], [entry]]);
  expect(b.keep(entry, version)).toBeFalse();
  expect(a.about(7).find()).toBe(0);
});

test("a slot's next entry has another version: who remembers the last one finds out", () => {
  const [a, b] = views(1);
  const entry = a.insert(7);
  const { version } = a;
  a.removeUnused(entry, version, 0);
  const again: number[] = [];
  for (let key = 100; key < 400 && !again.includes(entry); key++) again.push(a.insert(key));
  expect(again).toContain(entry);
  expect([b.isLive(entry, version), b.keep(entry, version), b.removeUnused(entry, version, 0)]).toEqual([
    false,
    false,
    false,
  ]);
});

test("a thread that stands still with a claimed slot keeps that one slot from the others", () => {
  const [a, b] = views(1);
  const stuck = a.about(1).begin();
  const made = new Set<number>();
  for (let key = 2; key < 600; key++) {
    b.about(key);
    const entry = b.begin();
    if (entry === 0) continue;
    expect(b.finish(entry)).toBe(entry);
    made.add(entry);
  }
  expect(made.size).toBe(b.slots - 1);
  expect(made.has(stuck)).toBeFalse();
});

test("random keys come and go as in a map, and of as many as there is room for one in thousands at most finds none", () => {
  withSeed((random) => {
    let refused = 0;
    for (let round = 0; round < 10; round++) {
      const room = 200 + nextBelow(random, 1000);
      const [a, b] = views(room);
      const map = new Map<number, number>();
      for (let step = 0; step < 4 * room; step++) {
        const key = nextU32(random) >>> 20;
        const known = map.get(key);
        expect(b.about(key).find()).toBe(known ?? 0);
        if (known !== undefined && nextBelow(random, 2) === 0) {
          expect(b.removeUnused(known, b.version, 0)).toBeTrue();
          map.delete(key);
        } else if (map.size < room) {
          const entry = a.insert(key);
          if (entry === 0) refused++;
          else map.set(key, entry);
        }
      }
      expect(new Set(map.values()).size).toBe(map.size);
    }
    expect(refused).toBeLessThan(4); // of 12 000 or so
  });
});
