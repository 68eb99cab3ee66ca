import { describe, expect, test } from "bun:test";
import { nextBelow } from "#base/random";
import { FibMemory, LARGEST_REQUEST } from "#fastpath/tables/fib-memory";
import { withSeed } from "#fastpath/testing/with-seed";

const WORDS = 1 << 14;
const FROM = 16;

describe("blocks", () => {
  test("blocks in use never overlap, keep their content, and join again when freed", () => {
    withSeed((random) => {
      const words = new Int32Array(WORDS);
      const memory = new FibMemory(words, FROM);
      const blocks: { at: number; size: number; mark: number }[] = [];
      let refused = 0;
      for (let step = 1; step < 20_000; step++) {
        const growing = (step >>> 11) % 2 === 0; // fills up, then empties, several times
        if (blocks.length > 0 && nextBelow(random, 10) < (growing ? 3 : 7)) {
          const [block] = blocks.splice(nextBelow(random, blocks.length), 1);
          const { at, size, mark } = block!;
          expect(words.subarray(at, at + size).every((word) => word === mark)).toBe(true);
          memory.free(at, size);
          continue;
        }
        const size = 1 + nextBelow(random, nextBelow(random, 4) ? 40 : LARGEST_REQUEST);
        const at = memory.allocate(size);
        if (at === 0) {
          refused++;
          continue;
        }
        expect(at >= FROM && at + size <= WORDS && at % 2 === 0).toBe(true);
        words.fill(-step, at, at + size);
        blocks.push({ at, size, mark: -step });
      }
      expect(refused).toBeGreaterThan(0);
      for (const { at, size } of blocks) memory.free(at, size);
      expect(memory.usedWords).toBe(0);
      expect(memory.freeWords).toBe(WORDS - FROM);
      expect(memory.roomWords).toBe(WORDS - FROM);
    });
  });

  test("a freed block is used for the next request that fits, before memory that was never used", () => {
    const memory = new FibMemory(new Int32Array(WORDS), FROM);
    const [first, second] = [memory.allocate(100), memory.allocate(100)];
    memory.free(first, 100);
    expect(memory.allocate(60)).toBe(first);
    expect(memory.allocate(30)).toBe(first + 60);
    expect(memory.allocate(30)).toBe(second + 100);
  });
});
