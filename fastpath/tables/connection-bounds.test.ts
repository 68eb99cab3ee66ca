import { expect, test } from "bun:test";
import { nextBelow, nextU32 } from "#base/random";
import { placesOf, WAYS } from "#fastpath/tables/connection-layout";
import { listConnections } from "#fastpath/tables/connection-list";
import { ESTABLISHED, SYN_SENT, UDP_NEW } from "#fastpath/tables/connection-states";
import { Connections, REFUSED_FULL, REFUSED_QUOTA } from "#fastpath/tables/connections";
import { answer, find, flow, newTable, pass, TCP, type TestPacket, vm } from "#fastpath/testing/connection-packets";
import { withSeed } from "#fastpath/testing/with-seed";

test("there is room for as many connections as the table was made for", () => {
  withSeed((random) => {
    const table = new Connections(newTable({ entries: 50_000 }));
    const salt = nextU32(random);
    for (let i = 0; i < 50_000; i++) {
      const packet = flow(i ^ salt, TCP);
      expect(pass(table, packet, 0)).toBeGreaterThan(0);
      answer(table, packet, 0);
    }
    expect(table.entries.size).toBe(50_000);
  });
});

/** A table in which no connection may be replaced, and how many it took. */
function fullTable(): { table: Connections; taken: TestPacket[] } {
  const table = new Connections(newTable({ entries: 1 }));
  const taken: TestPacket[] = [];
  for (let i = 0; taken.length < table.entries.slots; i++) {
    const packet = flow(i, TCP);
    if (pass(table, packet, 0) > 0) {
      taken.push(packet);
      answer(table, packet, 0);
    }
  }
  return { table, taken };
}

test("a full table refuses new connections and leaves those it has undisturbed", () => {
  const { table, taken } = fullTable();
  for (let i = 0; i < 1000; i++) expect(pass(table, flow(1_000_000 + i), 1)).toBe(REFUSED_FULL);
  for (const packet of taken) {
    const entry = find(table, packet, 1);
    expect(table.entries.state(entry)).toBe(ESTABLISHED);
  }
  expect(table.entries.size).toBe(taken.length);
});

test("expired entries of a full table are replaced at once, and counted no more", () => {
  const { table, taken } = fullTable();
  const later = 100_000;
  for (let i = 0; i < taken.length; i++) expect(pass(table, flow(1_000_000 + i), later, 1)).toBeGreaterThan(0);
  expect(table.entries.size).toBe(table.entries.slots);
  expect(table.entries.ownerCount(0) + table.entries.ownerCount(1)).toBe(table.entries.slots);
});

test("of the entries that nobody answered the oldest within reach gives way", () => {
  const table = new Connections(newTable({ entries: 1 })); // two sets: all is within reach, or half
  let now = 0;
  for (let i = 0; i < 10_000; i++) pass(table, flow(i), now++ >> 3);
  const ages = [...listConnections(table.entries, now >> 3)].map((c) => c.idleTicks);
  expect(ages.length).toBe(2 * WAYS);
  expect(Math.max(...ages)).toBeLessThan(100);
});

test("a flood of SYNs keeps nobody out and disturbs no connection: RFC 4987 §3", () => {
  withSeed((random) => {
    const table = new Connections(newTable({ entries: 2000 }));
    const kept: TestPacket[] = [];
    for (let i = 0; i < 1000; i++) {
      kept.push(flow(i, TCP));
      pass(table, kept[i]!, 0);
      answer(table, kept[i]!, 0);
    }
    let now = 0;
    for (let i = 0; i < 50_000; i++) {
      const forged = {
        ...flow(1, TCP),
        source: vm(nextU32(random) | 0, nextU32(random) | 0, nextBelow(random, 65536)),
      };
      expect(pass(table, forged, now)).toBeGreaterThan(0);
      if (i % 100 === 99) now++;
      if (i % 500 !== 499) continue;
      // Somebody comes by, and the answer takes a tenth of a second: 100 forged ones.
      const packet = flow(1_000_000 + i, TCP);
      expect(pass(table, packet, now)).toBeGreaterThan(0);
      expect(table.entries.state(find(table, packet, now + 1))).toBe(SYN_SENT);
      answer(table, packet, now + 1);
      kept.push(packet);
    }
    for (const packet of kept) expect(table.entries.state(find(table, packet, now))).toBe(ESTABLISHED);
  });
});

test("an owner gets its quota of answered entries and no more, whatever the others have", () => {
  const table = new Connections(newTable({ quota: 10 }));
  table.entries.setQuota(2, 3);
  let next = 0;
  const fill = (owner: number): number => {
    for (let taken = 0; ; taken++) {
      const packet = flow(next++);
      if (pass(table, packet, 0, owner) === REFUSED_QUOTA) return taken;
      answer(table, packet, 0);
    }
  };
  expect([fill(1), fill(2), fill(3)]).toEqual([10, 3, 10]);
  expect([1, 2, 3].map((owner) => table.entries.ownerCount(owner))).toEqual([10, 3, 10]);
});

test("at its quota an owner's unanswered entries give way to its new ones, and nobody else's", () => {
  const table = new Connections(newTable({ entries: 1, quota: 20 }));
  for (let i = 0; i < 6; i++) pass(table, flow(i), 0, 1);
  for (let i = 100; i < 400; i++) {
    const entry = pass(table, flow(i), i, 2);
    expect(entry).not.toBe(REFUSED_FULL);
    expect(table.entries.ownerCount(2)).toBeLessThanOrEqual(20);
  }
  expect(table.entries.ownerCount(2)).toBe(20);
  expect(table.entries.ownerCount(1)).toBe(6);
  for (let i = 0; i < 6; i++) expect(table.entries.state(find(table, flow(i), 400))).toBe(UDP_NEW);
});

test("an owner that the table has no count for gets no entry, and no other word is counted in its stead", () => {
  const table = new Connections(newTable({ owners: 4 }));
  const before = table.entries.words.slice(0, table.entries.places.entries);
  for (const owner of [4, 5, 1000, -1]) expect(pass(table, flow(1), 0, owner)).toBe(REFUSED_QUOTA);
  expect(table.entries.words.slice(0, table.entries.places.entries)).toEqual(before);
});

test("a table of no size is refused", () => {
  for (const entries of [0, 2 ** 23, Number.NaN]) expect(() => newTable({ entries })).toThrow(RangeError);
  for (const owners of [0, 2 ** 23 + 1]) expect(() => newTable({ owners })).toThrow(RangeError);
});

test("a million connections take less than 200 MB", () => {
  expect(placesOf(Math.ceil(1_250_000 / WAYS) + 1, 65536).words * 4).toBeLessThan(200e6);
});
