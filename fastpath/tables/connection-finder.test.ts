import { expect, test } from "bun:test";
import { nextBelow } from "#base/random";
import { listConnections } from "#fastpath/tables/connection-list";
import { Connections } from "#fastpath/tables/connections";
import { describePacket, find, flow, newTable, pass } from "#fastpath/testing/connection-packets";
import { withSeed } from "#fastpath/testing/with-seed";

test("the ways with a tag are those that have it, and the ways without are those that are free", () => {
  withSeed((random) => {
    for (let round = 0; round < 200; round++) {
      const table = new Connections(newTable({ entries: 200 }));
      describePacket(table, flow(round));
      table.hash();
      // Few and neighbouring values, the smallest and the largest too: what one half does to the other would show.
      const tags = [0, 0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff];
      const within = [table.first, table.second].flatMap((slot) => Array.from({ length: 16 }, (_, i) => slot + i + 1));
      const tagOf = new Map<number, number>();
      for (const entry of new Set(within)) {
        const tag = tags[nextBelow(random, tags.length)]!;
        tagOf.set(entry, tag);
        if (tag !== 0) expect(table.entries.take(entry, tag)).toBe(true);
        else expect(table.entries.isTaken(entry)).toBe(false);
      }
      for (const tag of tags) {
        const found = new Set<number>();
        for (let ways = table.waysWith(tag); ways !== 0; ways &= ways - 1) found.add(table.entryOf(ways));
        const expected = within.filter((entry) => tagOf.get(entry) === tag);
        expect([...found].sort()).toEqual([...new Set(expected)].sort());
      }
    }
  });
});

test("a slot is taken once", () => {
  const table = new Connections(newTable());
  expect([table.entries.take(5, 77), table.entries.take(5, 78)]).toEqual([true, false]);
  expect([table.entries.hasTag(5, 77), table.entries.isTaken(5)]).toEqual([true, true]);
});

/** Two threads' tables of the same memory, of which the second does `meanwhile` when the first is about to publish, or just has. */
function interrupted(when: "before" | "after", meanwhile: (second: Connections) => void): Connections {
  const buffer = newTable();
  const first = new Connections(buffer);
  const publish = first.entries.publish.bind(first.entries);
  first.entries.publish = (entry, control, state) => {
    if (when === "after") publish(entry, control, state);
    meanwhile(new Connections(buffer));
    if (when === "before") publish(entry, control, state);
  };
  return first;
}

for (const when of ["before", "after"] as const) {
  test(`of two threads that insert the same, the one interrupted just ${when} it publishes, one entry stays`, () => {
    for (let i = 0; i < 200; i++) {
      let theirs = 0;
      const table = interrupted(when, (second) => {
        theirs = pass(second, flow(i), 0);
      });
      const mine = pass(table, flow(i), 0);
      const there = [...listConnections(table.entries, 0)];
      expect(there.map(({ entry }) => entry)).toEqual([find(table, flow(i), 0)]);
      expect([mine, theirs]).toContain(there[0]!.entry);
      expect(table.entries.size).toBe(1);
    }
  });
}

test("a thread that stands still with a slot it has not written hinders nobody", () => {
  const buffer = newTable();
  const still = new Connections(buffer);
  describePacket(still, flow(1));
  still.hash();
  still.entries.take(still.likely + 1, still.tag);
  const table = new Connections(buffer);
  expect(find(table, flow(1), 0)).toBe(0);
  const entry = pass(table, flow(1), 0);
  expect(entry).toBeGreaterThan(0);
  expect(find(table, flow(1), 0)).toBe(entry);
});

test("no two entries of a slot have one version, whoever makes them", () => {
  const buffer = newTable({ entries: 1 });
  const tables = [new Connections(buffer), new Connections(buffer)] as const;
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) {
    const table = tables[i & 1]!;
    const entry = pass(table, flow(i), 0);
    const name = `${entry} ${table.version}`;
    expect(seen.has(name)).toBe(false);
    seen.add(name);
    if (i % 3 === 0) table.entries.remove(entry, table.version);
  }
});
