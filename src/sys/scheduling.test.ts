import { expect, test } from "bun:test";
import { Worker } from "node:worker_threads";
import type { Scheduling } from "#sys/scheduling";
import type { Raised } from "#sys/testing/raised-thread";

/** In a thread of its own: the tests' is to stay as it is. */
async function raised(most: Scheduling): Promise<Raised> {
  const worker = new Worker(new URL("./testing/raised-thread.ts", import.meta.url), { workerData: most });
  const answer = await new Promise<Raised>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  return answer;
}

const SCHED_OTHER = 0;
const SCHED_RR = 2;
const AS_SAID: Record<Scheduling, Omit<Raised, "became">> = {
  "real-time": { nice: 0, realtimePriority: 10, policy: SCHED_RR },
  preferred: { nice: -10, realtimePriority: 0, policy: SCHED_OTHER },
  ordinary: { nice: 0, realtimePriority: 0, policy: SCHED_OTHER },
};
const BEST_FIRST: readonly Scheduling[] = ["real-time", "preferred", "ordinary"];

test.each(BEST_FIRST)("a thread that asks for %p becomes that or what is next to it, and says what", async (most) => {
  const { became, ...kernel } = await raised(most);
  expect(BEST_FIRST.indexOf(became)).toBeGreaterThanOrEqual(BEST_FIRST.indexOf(most));
  expect({ ...kernel, nice: became === "preferred" ? kernel.nice : 0 }).toEqual(AS_SAID[became]);
});
