import { expect, describe as suite, test } from "bun:test";
import { between, type Choices, chance, data, fromSeed, fromTape, pick, shrink } from "#fastpath/testing/choices";

const draw = (c: Choices): number[] => Array.from({ length: 1 + c.below(9) }, () => between(c, 10, 1000));

suite("choices", () => {
  test("come again with the same seed and with the same tape", () => {
    for (let seed = 0; seed < 100; seed++) {
      const first = fromSeed(seed);
      const drawn = draw(first);
      expect(draw(fromSeed(seed))).toEqual(drawn);
      expect(draw(fromTape(first.tape))).toEqual(drawn);
    }
  });

  test("are the simplest ones when the tape is used up", () => {
    const c = fromTape([]);
    expect([c.below(7), between(c, 3, 9), pick(c, ["a", "b"]), chance(c, 99)]).toEqual([0, 3, "a", false]);
    expect(data(c, 3)).toEqual(Uint8Array.of(0, 1, 2));
  });

  test("stay within the bounds that are asked for, whatever the tape says", () => {
    const c = fromTape([500, 3, 500]);
    expect([c.below(10), c.below(10), c.below(1)]).toEqual([9, 3, 0]);
  });

  test("shrink to a smallest case that still fails", () => {
    const fails = (tape: readonly number[]): boolean => draw(fromTape(tape)).some((x) => x >= 777);
    let tape: readonly number[] = [];
    for (let seed = 0; !fails(tape); seed++) {
      const c = fromSeed(seed);
      draw(c);
      tape = c.tape;
    }
    expect(draw(fromTape(shrink(tape, fails)))).toEqual([777]);
  });
});
