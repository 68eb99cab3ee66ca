import { expect, test } from "bun:test";
import { nextBelow } from "#base/random";
import { MOST_STEPS, ST_PORTS, STEP_WORDS } from "#fastpath/steps";
import { withSeed } from "#fastpath/testing/with-seed";
import { type EndedWay, WAYS, WayMemory } from "#fastpath/watch/way-memory";

/** One of `flows` ways. */
function wayOf(flow: number): EndedWay {
  const count = 1 + (flow % MOST_STEPS);
  const words = new Int32Array(MOST_STEPS * STEP_WORDS);
  words[ST_PORTS] = flow;
  words[count * STEP_WORDS] = flow * 77; // behind the last step: of none
  return { steps: { words, count }, from: flow % 5, ending: flow % 7 };
}

test("a number and its version mean one way, whatever others come between", () => {
  withSeed((random) => {
    const memory = new WayMemory();
    const meant = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const flow = nextBelow(random, 600);
      const number = memory.number(wayOf(flow));
      expect(number).toBeLessThan(WAYS);
      expect(memory.version(number)).not.toBe(0);
      const name = `${number} ${memory.version(number)}`;
      expect(meant.get(name) ?? flow).toBe(flow);
      meant.set(name, flow);
    }
  });
});

test("a few ways keep their numbers for good", () => {
  const memory = new WayMemory();
  const numbers = Array.from({ length: 8 }, (_, flow) => memory.number(wayOf(flow)));
  const versions = numbers.map((number) => memory.version(number));
  for (let i = 0; i < 20; i++)
    expect(Array.from({ length: 8 }, (_, flow) => memory.number(wayOf(flow)))).toEqual(numbers);
  expect(numbers.map((number) => memory.version(number))).toEqual(versions);
  expect(new Set(numbers).size).toBe(8);
});

test("ways that differ in one word of any step, in their port or in their ending are others", () => {
  const memory = new WayMemory();
  const way = wayOf(9);
  const number = memory.number(way);
  const name = (of: EndedWay): string => `${memory.number(of)} ${memory.version(memory.number(of))}`;
  const first = `${number} ${memory.version(number)}`;
  for (let i = 0; i < way.steps.count * STEP_WORDS; i += 13) {
    const words = Int32Array.from(way.steps.words);
    words[i]! ^= 1;
    expect(name({ ...way, steps: { words, count: way.steps.count } })).not.toBe(first);
  }
  expect(name({ ...way, from: 99 })).not.toBe(first);
  expect(name({ ...way, ending: 99 })).not.toBe(first);
});
