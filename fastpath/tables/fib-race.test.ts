import { expect, test } from "bun:test";
import { masked } from "#base/address";
import { nextBelow, nextBetween, type Random, seeded } from "#base/random";
import { FibFullError, FibWriter } from "#fastpath/tables/fib-writer";
import type { WatchReport } from "#fastpath/testing/fib-watcher";
import { oneBitOff } from "#fastpath/testing/naive-fib";

const PROBES = 128;
const COVER = 1;
const NEVER = 0x3fff_ffff; // value of routes that cover no probe
const MILLIS = 400;

interface Scene {
  /** One for each probe, covering it alone; even ones come and go, odd ones stay. */
  readonly routes: { readonly address: Uint8Array; readonly length: number; readonly value: number }[];
  readonly probes: Int32Array;
  readonly legal: Int32Array;
}

function scene(random: Random): Scene {
  const probes = new Int32Array(4 * PROBES);
  const legal = new Int32Array(2 * PROBES);
  const routes = Array.from({ length: PROBES }, (_, i) => {
    const octets = new Uint8Array(probes.buffer, 16 * i, 16);
    octets.set([0x20, 0x01, 0x0d, 0xb8, i]);
    for (let at = 5; at < 16; at++) octets[at] = nextBelow(random, 3);
    const value = 100 + i;
    legal.set([value, i % 2 === 0 ? COVER : value], 2 * i);
    const length = nextBetween(random, 40, 128);
    return { address: masked(octets, length), length, value };
  });
  return { routes, probes, legal };
}

/** Changes the table as fast as it goes until `end`; returns how many changes it made. */
function flap(writer: FibWriter, { routes, probes }: Scene, random: Random, end: number): number {
  const octets = new Uint8Array(probes.buffer);
  let changes = 0;
  while (performance.now() < end) {
    const route = routes[2 * nextBelow(random, PROBES / 2)]!;
    const probe = nextBelow(random, PROBES);
    const beside = oneBitOff(random, octets.slice(16 * probe, 16 * probe + 16));
    try {
      if (nextBelow(random, 2)) writer.insert(route.address, route.length, route.value);
      else writer.remove(route.address, route.length);
      if (writer.size < 3000) writer.insert(beside, 128, NEVER);
      else
        for (const { address, length, value } of [...writer.entries()])
          if (value === NEVER) writer.remove(address, length);
      changes += 2;
    } catch (error) {
      if (!(error instanceof FibFullError)) throw error; // a slow forwarder may hold all that is free
    }
  }
  return changes;
}

test("a forwarder that reads while routes come and go sees the old or the new one, never anything else", async () => {
  const seed = Number(process.env.SEED ?? Date.now() >>> 0);
  const random = seeded(seed);
  const shared = new SharedArrayBuffer(8);
  const turns = new Int32Array(shared);
  const writer = new FibWriter({ capacityOctets: 512 << 10, turns: turns.subarray(0, 1) });
  const stage = scene(random);
  writer.insert(Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, ...new Uint8Array(12)), 32, COVER);
  for (const { address, length, value } of stage.routes) writer.insert(address, length, value);

  const worker = new Worker(new URL("../testing/fib-watcher.ts", import.meta.url).href);
  try {
    const answer = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        worker.onmessage = (event) => resolve(event.data);
        worker.onerror = (event) => reject(new Error(event.message));
      });
    expect(await answer()).toBe("ready");
    const report = answer();
    worker.postMessage({ fib: writer.buffer, turns: shared, probes: stage.probes, legal: stage.legal });
    const changes = flap(writer, stage, random, performance.now() + MILLIS);
    Atomics.store(turns, 1, 1);
    const { lookups, changes: seen, wrong, example } = (await report) as WatchReport;
    expect({ wrong, example, seed }).toEqual({ wrong: 0, example: "", seed });
    expect(lookups).toBeGreaterThan(PROBES);
    expect(changes).toBeGreaterThan(0);
    if (process.env.VERBOSE) console.log({ lookups, changes, seen });
  } finally {
    Atomics.store(turns, 1, 1);
    worker.terminate();
  }
});
