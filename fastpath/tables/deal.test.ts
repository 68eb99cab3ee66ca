import { describe, expect, test } from "bun:test";
import { nextBelow, nextBetween } from "#base/random";
import { BUCKETS, deal, type Share } from "#fastpath/tables/deal";
import { withSeed } from "#fastpath/testing/with-seed";

const shares = (count: number, weight = (_: number) => 1): Share[] =>
  Array.from({ length: count }, (_, i) => ({ adjacency: 100 + i, weight: weight(i), key: `up${i} fe80::${i}` }));

const bucketsOf = (buckets: Int32Array, share: Share): number =>
  buckets.reduce((sum, adjacency) => sum + Number(adjacency === share.adjacency), 0);

/** Buckets that are another's now, of those for which `counts` holds of who had them. */
const moved = (before: Int32Array, after: Int32Array, counts: (adjacency: number) => boolean): number =>
  before.reduce((sum, adjacency, i) => sum + Number(counts(adjacency) && after[i] !== adjacency), 0);

describe("shares", () => {
  test("each next hop has its share of the buckets to less than one bucket, for 1 to 64 of any weights", () => {
    withSeed((random) => {
      for (let count = 1; count <= 64; count++) {
        const members = shares(count, () => nextBetween(random, 1, count % 2 ? 1 : 16));
        const total = members.reduce((sum, { weight }) => sum + weight, 0);
        const buckets = deal(members);
        for (const share of members) {
          expect(Math.abs(bucketsOf(buckets, share) - (BUCKETS * share.weight) / total)).toBeLessThan(1);
        }
      }
    });
  });

  test("the same next hops are dealt the same buckets, after a restart too", () => {
    expect(deal(shares(5))).toEqual(deal(shares(5)));
    expect(Bun.hash.xxHash32(deal(shares(5)))).toBe(179_235_987);
  });
});

describe("changes", () => {
  test("when a next hop goes, only its own buckets move; when one comes, only those move that it gets", () => {
    withSeed((random) => {
      const all = shares(64);
      let members = all.slice(0, 8);
      let buckets = deal(members);
      for (let step = 0; step < 100; step++) {
        const absent = all.filter((share) => !members.includes(share));
        const goes = members.length > 1 && (absent.length === 0 || nextBelow(random, 2) === 0);
        const changed = goes ? members[nextBelow(random, members.length)]! : absent[nextBelow(random, absent.length)]!;
        members = goes ? members.filter((share) => share !== changed) : [...members, changed];
        const after = deal(members, buckets);
        if (goes) expect(moved(buckets, after, (adjacency) => adjacency !== changed.adjacency)).toBe(0);
        else expect(moved(buckets, after, () => true)).toBe(bucketsOf(after, changed));
        for (const share of members)
          expect(Math.abs(bucketsOf(after, share) - BUCKETS / members.length)).toBeLessThan(1);
        buckets = after;
      }
    });
  });

  test("dealt anew without a next hop, less than a tenth of the others' buckets move", () => {
    for (const count of [3, 8, 16, 64]) {
      const members = shares(count);
      const others = moved(deal(members), deal(members.slice(1)), (adjacency) => adjacency !== members[0]!.adjacency);
      expect(others / BUCKETS).toBeLessThan(0.1);
    }
  });
});
