import { expect, test } from "bun:test";
import fc from "fast-check";
import { CostList, IntList, PairIndex } from "#ospf/routes/numbers";

const word = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 0xffff_ffff }));

test("pairs are numbered in the order of their coming, whatever the salt", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 500 }), word, (pairs, salt) => {
      const index = new PairIndex(salt);
      const naive = new Map<string, number>();
      for (const [a, b] of pairs) {
        expect(index.get(a, b)).toBe(naive.get(`${a} ${b}`) ?? -1);
        if (!naive.has(`${a} ${b}`)) naive.set(`${a} ${b}`, naive.size);
        expect(index.add(a, b)).toBe(naive.get(`${a} ${b}`)!);
      }
      for (const [a, b] of pairs) {
        const number = index.get(a, b);
        expect([index.first(number), index.second(number)]).toEqual([a, b]);
      }
      expect(index.size).toBe(naive.size);
    }),
  );
});

test("lists keep what was pushed as they grow", () => {
  const ints = new IntList(1);
  const costs = new CostList(1);
  for (let i = 0; i < 1000; i++) {
    ints.push(-i);
    costs.push(i * 2 ** 40);
  }
  expect(ints.array[999]).toBe(-999);
  expect(costs.array[999]).toBe(999 * 2 ** 40);
});
