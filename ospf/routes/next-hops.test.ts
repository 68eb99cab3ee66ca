import { expect, test } from "bun:test";
import fc from "fast-check";
import { NextHopSets, NO_WAY, OWN } from "#ospf/routes/next-hops";

const address = (last: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? last : 0));
const hops = fc.array(fc.tuple(fc.constantFrom("a", "b", "eth10", "eth2"), fc.nat(40)), {
  minLength: 1,
  maxLength: 12,
});

/** Hop number 0 of an interface: onto the link itself. */
const setOf = (sets: NextHopSets, members: readonly (readonly [string, number])[]): number =>
  members.reduce((set, [on, last]) => sets.union(set, sets.single(on, last === 0 ? undefined : address(last))), NO_WAY);

test("a union is the first maxPaths of all hops in order, whatever the order of unions (RFC 2328 §16.8)", () => {
  fc.assert(
    fc.property(fc.array(hops, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 64 }), (lists, maxPaths) => {
      const sets = new NextHopSets(maxPaths);
      const forth = lists.reduce((set, list) => sets.union(set, setOf(sets, list)), NO_WAY);
      const back = lists.reduceRight((set, list) => sets.union(setOf(sets, list.toReversed()), set), NO_WAY);
      const naive = new Set(lists.flat().map(([on, last]) => `${on} ${String(last).padStart(2, "0")}`));
      const found = sets
        .list(forth)
        .map((hop) => `${hop.interface} ${String(hop.address?.[15] ?? 0).padStart(2, "0")}`);
      expect(back).toBe(forth);
      expect(found).toEqual([...naive].sort().slice(0, maxPaths));
    }),
  );
});

test("what is our own stays so, at the same cost as others' too", () => {
  const sets = new NextHopSets(8);
  const other = sets.single("a", address(1));
  expect(sets.union(OWN, other)).toBe(OWN);
  expect(sets.union(other, OWN)).toBe(OWN);
  expect(sets.union(NO_WAY, OWN)).toBe(OWN);
  expect(sets.list(OWN)).toEqual([]);
});

test("hops onto a link give way to those of a router on it (RFC 2328 §16.1.1)", () => {
  const sets = new NextHopSets(8);
  const set = setOf(sets, [
    ["a", 0],
    ["b", 0],
    ["c", 7],
  ]);
  expect(sets.hasDirect(set)).toBe(true);
  const replaced = sets.replaceDirect(set, (on) => (on === "a" ? sets.single("a", address(9)) : NO_WAY));
  expect(replaced).toBe(
    setOf(sets, [
      ["a", 9],
      ["c", 7],
    ]),
  );
  expect(sets.hasDirect(replaced)).toBe(false);
  expect(sets.replaceDirect(sets.single("b", undefined), () => NO_WAY)).toBe(NO_WAY);
});

test("sets that follow others keep their arrays", () => {
  const before = new NextHopSets(8);
  const old = before.list(
    setOf(before, [
      ["a", 1],
      ["b", 2],
    ]),
  );
  const after = new NextHopSets(8, before);
  after.single("z", address(3));
  expect(
    after.list(
      setOf(after, [
        ["b", 2],
        ["a", 1],
      ]),
    ),
  ).toBe(old);
});
