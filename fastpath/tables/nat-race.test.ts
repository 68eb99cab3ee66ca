import { expect, test } from "bun:test";
import { type Nat, REFUSED_BUSY } from "#fastpath/tables/nat";
import { B_OWNER, B_RANGE, BLOCK_WORDS, RANGE_WORDS, RG_FREE } from "#fastpath/tables/nat-layout";
import { listBindings, listBlocks } from "#fastpath/tables/nat-list";
import {
  BEGIN,
  CLOCK,
  END,
  hammerFlow,
  type NatHammerOrder,
  type NatHammerReport,
  PROGRESS,
  STATE,
} from "#fastpath/testing/nat-hammer";
import { type NatBuffers, natOf, newNatBuffers, out, sweepAll } from "#fastpath/testing/nat-world";

const WORKERS = 3;
const MILLIS = 500;
/** Packets of each Worker, were it ever so slow. */
const ENOUGH = 500;
/** Ticks of a turn: longer than a session lasts, so that what is not used in every turn goes. */
const STEP = 3500;

/** Workers at one NAT; `during` runs while they work and may end them by storing END. */
async function hammer(
  buffers: NatBuffers,
  order: Pick<NatHammerOrder, "work" | "flows" | "seed">,
  during: (control: Int32Array) => Promise<void>,
): Promise<NatHammerReport[]> {
  const control = new Int32Array(new SharedArrayBuffer(64));
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(new URL("../testing/nat-hammer.ts", import.meta.url).href),
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
      const seed = order.seed + i;
      worker.postMessage({ ...buffers, ...order, seed, control: control.buffer, worker: i, workers: WORKERS });
    });
    await during(control);
    return (await Promise.all(reports)) as NatHammerReport[];
  } finally {
    Atomics.store(control, STATE, END);
    for (const worker of workers) worker.terminate();
  }
}

/** What is wrong with a NAT that nobody works at. */
function faults(nat: Nat, buffer: SharedArrayBuffer, now: number): string[] {
  const { bindings } = nat;
  const wrong: string[] = [];
  const insides = new Set<string>();
  const outsides = new Set<string>();
  const pools = new Map<string, string>();
  const usedBy = new Map<string, number>();
  for (const v of listBindings(bindings, () => 0, now)) {
    const inside = `${v.protocol} ${v.inside} ${v.insidePort}`;
    if (insides.has(inside)) wrong.push(`two bindings of ${inside}`);
    insides.add(inside);
    const outside = `${v.protocol} ${v.outside} ${v.outsidePort}`;
    if (outsides.has(outside)) wrong.push(`two bindings with ${outside}`);
    outsides.add(outside);
    if ((pools.get(`${v.inside}`) ?? `${v.outside}`) !== `${v.outside}`)
      wrong.push(`two pool addresses for ${v.inside}`);
    pools.set(`${v.inside}`, `${v.outside}`);
    const block = `${v.outside} ${v.outsidePort & ~15}`;
    usedBy.set(block, (usedBy.get(block) ?? 0) + 1);
    const owner = [...listBlocksOf(nat)].find(([name]) => name === block)?.[1];
    if (owner !== `${v.inside}`) wrong.push(`${outside} lies in a block of ${owner}`);
  }
  for (const { outside, firstPort, used } of listBlocks(bindings)) {
    const counted = usedBy.get(`${outside} ${firstPort}`) ?? 0;
    if (used !== counted) wrong.push(`block ${outside} ${firstPort} counts ${used} ports in use of ${counted}`);
  }
  return [...wrong, ...freeFaults(nat, buffer)];
}

const listBlocksOf = (nat: Nat): [string, string][] =>
  [...listBlocks(nat.bindings)].map(({ outside, firstPort, inside }) => [`${outside} ${firstPort}`, `${inside}`]);

/** Each range counts the blocks that are free. */
function freeFaults({ bindings: { places } }: Nat, buffer: SharedArrayBuffer): string[] {
  const words = new Int32Array(buffer);
  const free = new Map<number, number>();
  for (let block = 0; block < places.blockCount; block++) {
    const at = places.blocks + block * BLOCK_WORDS;
    const range = words[at + B_RANGE]! - 1;
    if (range >= 0 && words[at + B_OWNER] === 0) free.set(range, (free.get(range) ?? 0) + 1);
  }
  const counted = (range: number): number => words[places.ranges + range * RANGE_WORDS + RG_FREE]!;
  return [...free]
    .filter(([range, n]) => counted(range) !== n)
    .map(([range, n]) => `range ${range}: ${n} free, not ${counted(range)}`);
}

const sum = (reports: readonly NatHammerReport[], field: "operations" | "wrong" | "gone"): number =>
  reports.reduce((total, report) => total + report[field], 0);

test("forwarders that bind the same inside ends at once leave one binding of each: RFC 4787 §4.1 REQ-1", async () => {
  const seed = Number(process.env.SEED ?? Date.now() >>> 0);
  const flows = 3000;
  const buffers = newNatBuffers({ blockSize: 16, bindings: 4000, subscribers: 400, sessions: 6000 });
  const nat = natOf(buffers);
  const reports = await hammer(buffers, { work: "bind", flows, seed }, async (control) => {
    Atomics.store(control, STATE, BEGIN);
  });
  if (process.env.VERBOSE) console.log(reports);
  const refused = reports.flatMap((r) => Object.entries(r.refused));
  expect({ wrong: sum(reports, "wrong"), gone: sum(reports, "gone"), refused, seed }).toEqual({
    wrong: 0,
    gone: 0,
    refused: [],
    seed,
  });
  expect({ faults: faults(nat, buffers.table, 0), seed }).toEqual({ faults: [], seed });
  expect([...listBindings(nat.bindings, () => 0, 0)].length).toBe(flows);
  for (let i = 0; i < flows; i += 7) expect(out(nat, hammerFlow(i), 0).result).toBeGreaterThan(0);
});

for (const [what, size] of [
  ["with room for all", {}],
  ["in a table too small for them", { bindings: 60, subscribers: 20 }],
  ["with few blocks", { shares: [{ ranges: [{ address: 1, firstPort: 1024, ports: 320 }], blocksEach: 2 }] }],
] as const) {
  test(`forwarders that bind, expire, sweep and give back blocks at once, ${what}, never mistake one's port for another's`, async () => {
    const seed = Number(process.env.SEED ?? Date.now() >>> 0);
    const flows = 400;
    const timing = { rest: 20, linger: 5, tcp: 240, udp: 20, icmp: 20 };
    const buffers = newNatBuffers({ blockSize: 16, bindings: 600, subscribers: 60, sessions: 1000, timing, ...size });
    const nat = natOf(buffers);
    let now = 0;
    const reports = await hammer(buffers, { work: "churn", flows, seed }, async (control) => {
      const done = () => Math.min(...control.subarray(PROGRESS, PROGRESS + WORKERS));
      for (const end = performance.now() + MILLIS; performance.now() < end || done() < ENOUGH; ) {
        now = Atomics.add(control, CLOCK, STEP) + STEP;
        await Bun.sleep(1);
      }
      Atomics.store(control, STATE, END);
    });
    if (process.env.VERBOSE) console.log(now, reports);
    expect({ wrong: sum(reports, "wrong"), seed }).toEqual({ wrong: 0, seed });
    expect(reports.reduce((n, r) => n + (r.refused[REFUSED_BUSY] ?? 0), 0)).toBeLessThan(
      sum(reports, "operations") / 100,
    );
    expect({ faults: faults(nat, buffers.table, now), seed }).toEqual({ faults: [], seed });
    // And in the end everything is given back.
    for (let i = 0; i < 4; i++) sweepAll(nat, now + (i + 1) * 10_000);
    expect([...listBindings(nat.bindings, () => 0, now)]).toEqual([]);
    expect([...listBlocks(nat.bindings)]).toEqual([]);
    expect(nat.sessions.entries.size).toBe(0);
  });
}
