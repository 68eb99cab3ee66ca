import { afterEach, expect, test } from "bun:test";
import { WarmUp, type WarmUpOptions } from "#router/ospf/warm-up";

/** Frames that were given to the loop, each of which comes back by itself. */
class Loop {
  readonly failures: unknown[] = [];
  frames = 0;
  /** False: it takes none. */
  isOpen = true;
  readonly warmUp: WarmUp;

  constructor(options: Partial<WarmUpOptions> = {}) {
    this.warmUp = new WarmUp({
      loop: (octets) => this.take(octets),
      failed: (error) => this.failures.push(error),
      ...{ routers: 12, times: 2, ...options },
    });
  }

  private take(octets: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.frames++;
    setImmediate(() => this.warmUp.take(octets.slice()));
    return true;
  }

  /** Rejects after ten seconds. */
  async until(holds: () => boolean): Promise<void> {
    for (let passed = 0; !holds(); passed += 5) {
      if (passed > 10_000) throw new Error("it does not happen");
      await Bun.sleep(5);
    }
  }
}

const loops: Loop[] = [];
const begin = (options?: Partial<WarmUpOptions>): Loop => {
  loops.push(new Loop(options));
  return loops.at(-1)!;
};
afterEach(() => {
  for (const { warmUp } of loops.splice(0)) warmUp.stop();
});

test("the start comes first: nothing is rehearsed for a while; then all of it ends by itself, and without a fault", async () => {
  const loop = begin();
  await Bun.sleep(100);
  expect([loop.frames, loop.warmUp.isUnderWay]).toEqual([0, true]);
  await loop.until(() => !loop.warmUp.isUnderWay);
  expect(loop.frames).toBeGreaterThan(40);
  expect(loop.warmUp.done).toBe(2);
  expect(loop.failures).toEqual([]);
  const { frames } = loop;
  await Bun.sleep(50);
  expect(loop.frames).toBe(frames);
});

test("stopped, it does nothing any more, and frames that still come back are nobody's", async () => {
  const loop = begin();
  await loop.until(() => loop.frames > 4);
  loop.warmUp.stop();
  const { frames } = loop;
  await Bun.sleep(100);
  expect([loop.frames, loop.warmUp.isUnderWay, loop.failures]).toEqual([frames, false, []]);
});

test("a loop that has no room is tried again", async () => {
  const loop = begin({ times: 1 });
  loop.isOpen = false;
  await Bun.sleep(400);
  expect([loop.frames, loop.warmUp.isUnderWay]).toEqual([0, true]);
  loop.isOpen = true;
  await loop.until(() => !loop.warmUp.isUnderWay);
  expect(loop.frames).toBeGreaterThan(20);
});

test("one whose frames get lost is the last, and no defect", async () => {
  const loop = begin({ loop: () => true, times: 100 });
  await loop.until(() => !loop.warmUp.isUnderWay);
  expect([loop.failures, loop.warmUp.done]).toEqual([[], 0]);
});

test("a rehearsal that fails is told of, and is the last", async () => {
  const error = new Error("defect");
  const loop = begin({
    loop: () => {
      throw error;
    },
  });
  await loop.until(() => !loop.warmUp.isUnderWay);
  expect(loop.failures).toEqual([error]);
});
