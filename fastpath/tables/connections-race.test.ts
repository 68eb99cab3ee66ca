import { expect, test } from "bun:test";
import { listConnections } from "#fastpath/tables/connection-list";
import { Connections } from "#fastpath/tables/connections";
import {
  BEGIN,
  CLOCK,
  END,
  type HammerOrder,
  type HammerReport,
  hammerOwner,
  hammerPacket,
  hammerRule,
  STATE,
} from "#fastpath/testing/connection-hammer";
import { find, newTable } from "#fastpath/testing/connection-packets";

const WORKERS = 3;
const MILLIS = 400;

/** Workers at one table; `during` runs while they work and ends them by storing END. */
async function hammer(
  order: Omit<HammerOrder, "seed" | "worker" | "workers">,
  seed: number,
  during: (control: Int32Array) => Promise<void>,
): Promise<HammerReport[]> {
  const control = new Int32Array(order.control);
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(new URL("../testing/connection-hammer.ts", import.meta.url).href),
  );
  const answer = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  try {
    await Promise.all(workers.map(answer));
    const reports = workers.map(answer);
    workers.forEach((worker, i) => {
      worker.postMessage({ ...order, seed: seed + i, worker: i, workers: WORKERS });
    });
    await during(control);
    return (await Promise.all(reports)) as HammerReport[];
  } finally {
    Atomics.store(control, STATE, END);
    for (const worker of workers) worker.terminate();
  }
}

const sum = (reports: readonly HammerReport[], field: keyof HammerReport): number =>
  reports.reduce((total, report) => total + report[field], 0);

/** By owner, entries that are listed and that are counted. */
function counts(table: Connections, now: number): { listed: number[]; counted: number[] } {
  const listed = new Array<number>(8).fill(0);
  for (const { owner } of listConnections(table.entries, now)) listed[owner]!++;
  return { listed, counted: listed.map((_, owner) => table.entries.ownerCount(owner)) };
}

test("forwarders that insert the same connections at once, from both ends, leave one entry of each", async () => {
  const seed = Number(process.env.SEED ?? Date.now() >>> 0);
  const flows = 30_000;
  const buffer = newTable({ entries: flows });
  const table = new Connections(buffer);
  const order = { table: buffer, control: new SharedArrayBuffer(64), work: "insert", flows } as const;
  const reports = await hammer(order, seed, async (control) => {
    Atomics.store(control, STATE, BEGIN);
  });
  if (process.env.VERBOSE) console.log(reports);
  expect({ wrong: sum(reports, "wrong"), refused: sum(reports, "refused"), seed }).toEqual({
    wrong: 0,
    refused: 0,
    seed,
  });
  const perRule = new Map<number, number>();
  for (const { rule } of listConnections(table.entries, 0)) perRule.set(rule, (perRule.get(rule) ?? 0) + 1);
  const notOne = Array.from({ length: flows }, (_, flow) => flow).filter(
    (flow) => perRule.get(hammerRule(flow)) !== 1 || find(table, hammerPacket(flow), 0) === 0,
  );
  expect({ notOne, seed }).toEqual({ notOne: [], seed });
  const { listed, counted } = counts(table, 0);
  expect(counted).toEqual(listed);
});

for (const [what, entries, flows, quota] of [
  ["with room for all", 1000, 300, 1000],
  ["in a table too small for them", 60, 300, 1000],
  ["with a small quota", 120, 300, 12],
] as const) {
  test(`forwarders that use, remove, expire and replace entries at once, ${what}, never take one for another's`, async () => {
    const seed = Number(process.env.SEED ?? Date.now() >>> 0);
    const buffer = newTable({ entries, quota });
    const table = new Connections(buffer);
    const order = { table: buffer, control: new SharedArrayBuffer(64), work: "churn", flows } as const;
    let torn = 0;
    let shown = 0;
    const reports = await hammer(order, seed, async (control) => {
      for (const end = performance.now() + MILLIS; performance.now() < end; ) {
        const now = Atomics.add(control, CLOCK, 100) + 100; // entries expire after 12 to 30 turns
        for (const view of listConnections(table.entries, now)) {
          shown++;
          const flow = view.source.port === 80 ? view.destination.port : view.source.port;
          if (view.rule !== hammerRule(flow) || view.owner !== hammerOwner(flow) || view.ruleGeneration !== 5) torn++;
        }
        await Bun.sleep(1);
      }
      Atomics.store(control, STATE, END);
    });
    expect({ wrong: sum(reports, "wrong"), torn, seed }).toEqual({ wrong: 0, torn: 0, seed });
    expect(shown).toBeGreaterThan(0);
    expect(sum(reports, "operations")).toBeGreaterThan(1000);
    if (process.env.VERBOSE) console.log({ shown, reports });

    const now = new Int32Array(order.control)[CLOCK]!;
    table.entries.sweep(now, table.entries.slots);
    const rules = [...listConnections(table.entries, now)].map(({ rule }) => rule);
    expect(new Set(rules).size).toBe(rules.length);
    const { listed, counted } = counts(table, now);
    expect(counted).toEqual(listed);
    expect(Math.max(...counted)).toBeLessThanOrEqual(quota);
  });
}
