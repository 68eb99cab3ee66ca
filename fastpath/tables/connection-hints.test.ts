import { expect, test } from "bun:test";
import { nextBelow, nextU32 } from "#base/random";
import { ConnectionHints } from "#fastpath/tables/connection-hints";
import { Connections } from "#fastpath/tables/connections";
import { back, describePacket, find, flow, newTable, pass } from "#fastpath/testing/connection-packets";
import { withSeed } from "#fastpath/testing/with-seed";

test("there are as many hints as slots of the table or more, and none says anything at first", () => {
  for (const slots of [1, 2, 3, 16, 17, 1000]) {
    const hints = new ConnectionHints(slots);
    const places = new Set(Array.from({ length: 4 * slots }, (_, hash) => hints.slotOf(hash)));
    expect(places.size).toBeGreaterThanOrEqual(slots);
    for (const slot of places) expect(hints.at(slot)).toBe(0);
  }
});

test("any 32-bit hash, signed or not, has a place", () => {
  const hints = new ConnectionHints(1000);
  for (const hash of [0, -1, 0x7fff_ffff, -0x8000_0000, 0xffff_ffff]) {
    hints.put(hints.slotOf(hash), 7);
    expect(hints.at(hints.slotOf(hash))).toBe(7);
  }
});

test("whatever a hint says, what is found by it is what a search finds", () => {
  withSeed((random) => {
    const table = new Connections(newTable({ entries: 40 }));
    let now = 0;
    for (let i = 0; i < 20_000; i++) {
      const packet = flow(nextBelow(random, 60));
      const way = nextBelow(random, 2) === 0 ? packet : back(packet);
      if (nextBelow(random, 3) === 0) pass(table, way, now);
      now += nextBelow(random, 40);
      const entry = find(table, way, now);
      const [direction, version] = [table.direction, table.version];
      const hinted = nextBelow(random, 4) === 0 ? entry : nextBelow(random, table.entries.slots + 1);
      describePacket(table, way);
      const found = table.findAt(hinted, now);
      expect(found).toBe(hinted === entry ? entry : 0);
      if (found !== 0) expect([table.direction, table.version]).toEqual([direction, version]);
      if (nextU32(random) % 50 === 0 && entry !== 0) table.entries.remove(entry, version);
    }
  });
});
