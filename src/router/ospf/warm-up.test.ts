import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { WarmUp } from "#router/ospf/warm-up";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** So many steps of work that are counted, each of them longer than a slice. */
class Work {
  done = 0;
  private time = 0;

  readonly now = (): number => this.time;

  *steps(count: number): Generator<void> {
    for (; this.done < count; yield) {
      this.done++;
      this.time += 5;
    }
  }
}

const fail = (error: unknown): never => {
  throw error;
};

test("the start comes first: nothing is rehearsed for a while, then a slice at a time, with rests, until all is done", () => {
  const work = new Work();
  const warmUp = new WarmUp({ rehearsals: work.steps(3), now: work.now, failed: fail });
  jest.advanceTimersByTime(100);
  expect(work.done).toBe(0);
  const seen = new Set<number>();
  for (let passed = 0; warmUp.isUnderWay && passed < 10_000; passed++) {
    jest.advanceTimersByTime(1);
    seen.add(work.done);
  }
  expect([[...seen], warmUp.isUnderWay]).toEqual([[0, 1, 2, 3], false]);
  expect(jest.getTimerCount()).toBe(0);
});

test("stopped, it does nothing any more", () => {
  const work = new Work();
  const warmUp = new WarmUp({ rehearsals: work.steps(1000), now: work.now, failed: fail });
  for (let passed = 0; work.done === 0 && passed < 10_000; passed++) jest.advanceTimersByTime(1);
  warmUp.stop();
  jest.advanceTimersByTime(10_000);
  expect([work.done, warmUp.isUnderWay]).toEqual([1, false]);
  expect(jest.getTimerCount()).toBe(0);
});

test("a rehearsal that fails is told of, and is the last", () => {
  const failures: unknown[] = [];
  const error = new Error("defect");
  const failing = (function* (): Generator<void> {
    yield;
    throw error;
  })();
  const warmUp = new WarmUp({ rehearsals: failing, failed: (what) => failures.push(what) });
  jest.advanceTimersByTime(10_000);
  expect(failures).toEqual([error]);
  expect(warmUp.isUnderWay).toBe(false);
});

test("the router's own rehearsals end by themselves, and without a fault", () => {
  const warmUp = new WarmUp({ failed: fail });
  for (let passed = 0; warmUp.isUnderWay && passed < 60_000; passed += 10) jest.advanceTimersByTime(10);
  expect(warmUp.isUnderWay).toBe(false);
});
