import { expect, test } from "bun:test";
import { nextBelow, seeded } from "#base/random";
import { deal, freshIds, type Item } from "#ospf/origination/fragments";

const item = (key: string, octets = 10): Item<string> => ({ key, octets, value: key });

test("items go into one LSA while it has room, then into another", () => {
  const dealt = deal(
    ["a", "b", "c"].map((key) => item(key)),
    20,
    new Map(),
    freshIds([]),
  );
  expect([...dealt]).toEqual([
    [0, ["a", "b"]],
    [1, ["c"]],
  ]);
});

test("what is out in an LSA stays there when another item goes, and new items fill the gap", () => {
  const held = new Map([
    ["a", 0],
    ["b", 0],
    ["c", 1],
    ["d", 1],
  ]);
  const dealt = deal(
    ["b", "c", "d", "e"].map((key) => item(key)),
    20,
    held,
    freshIds([0, 1]),
  );
  expect(dealt.get(0)).toEqual(["b", "e"]);
  expect(dealt.get(1)).toEqual(["c", "d"]);
});

test("an LSA all of whose items go is filled before another is made", () => {
  const dealt = deal([item("b")], 20, new Map([["a", 7]]), freshIds([7]));
  expect([...dealt]).toEqual([[7, ["b"]]]);
});

test("what no longer fits, the room having shrunk, moves on", () => {
  const held = new Map([
    ["a", 0],
    ["b", 0],
  ]);
  const dealt = deal([item("a"), item("b")], 10, held, freshIds([0]));
  expect([...dealt]).toEqual([
    [0, ["a"]],
    [1, ["b"]],
  ]);
});

test("an item larger than the room goes alone", () => {
  expect([...deal([item("a", 50), item("b")], 20, new Map(), freshIds([]))]).toEqual([
    [0, ["a"]],
    [1, ["b"]],
  ]);
});

test("fresh Link State IDs are the smallest that are not taken", () => {
  const fresh = freshIds([0, 2]);
  expect([fresh(), fresh(), fresh()]).toEqual([1, 3, 4]);
});

test("whatever comes and goes, nothing is lost, nothing overflows, and dealing what is out again changes nothing", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    let held = new Map<string, number>();
    for (let step = 0; step < 20; step++) {
      const items = Array.from({ length: 40 }, (_, i) => item(`${i}`, 1 + (i % 7))).filter(
        () => nextBelow(random, 3) > 0,
      );
      const room = 8 + nextBelow(random, 20);
      const dealt = deal(items, room, held, freshIds(held.values()));
      const sizes = new Map(items.map(({ key, octets }) => [key, octets]));
      for (const values of dealt.values()) {
        const total = values.reduce((sum, value) => sum + sizes.get(value)!, 0);
        if (total > room) throw new Error(`seed ${seed}: an LSA of ${total} in room for ${room}`);
      }
      const places = new Map([...dealt].flatMap(([id, values]) => values.map((value) => [value, id] as const)));
      expect([seed, ...places.keys()].sort()).toEqual([seed, ...items.map(({ key }) => key)].sort());
      expect(deal(items, room, places, freshIds(places.values()))).toEqual(dealt);
      held = places;
    }
  }
});
