import { expect, test } from "bun:test";
import { nextBelow, seeded } from "#base/random";
import { inTimeOrder } from "#cli/why/time-order";
import type { ToldLine } from "#router/watch/trace-expansion";
import type { TracedPacket, TraceLine } from "#router/watch/views";

const at = (router: string, time: number): ToldLine => ({ router, line: { type: "packet", time } as TracedPacket });
const other = (router: string, line: TraceLine): ToldLine => ({ router, line });
const COUNTS = { type: "counts", told: 1, limited: 0, lost: 0 } as const;

async function* of(bunches: readonly (readonly ToldLine[])[], failure?: Error): AsyncGenerator<readonly ToldLine[]> {
  yield* bunches;
  if (failure !== undefined) throw failure;
}

async function read(bunches: AsyncIterable<readonly ToldLine[]>): Promise<{ lines: ToldLine[]; error: unknown }> {
  const lines: ToldLine[] = [];
  try {
    for await (const bunch of inTimeOrder(bunches)) lines.push(...bunch);
  } catch (error) {
    return { lines, error };
  }
  return { lines, error: undefined };
}

const times = (lines: readonly ToldLine[]): number[] =>
  lines.flatMap(({ line }) => (line.type === "packet" ? [line.time] : []));

test("packets of routers that tell in turn come by time, and at the same moment as they came", async () => {
  const { lines } = await read(
    of([[at("hv1", 1), at("hv1", 1.03)], [at("hv2", 1.01), at("hv2", 1.03)], [at("sw", 1.02)]]),
  );
  expect(lines.map(({ router, line }) => `${router} ${line.type === "packet" ? line.time : ""}`)).toEqual([
    ...["hv1 1", "hv2 1.01", "sw 1.02", "hv1 1.03", "hv2 1.03"],
  ]);
});

test("of a long trace with three routers, each 100 ms late at most, all packets come, by time", async () => {
  const random = seeded(7);
  const told = Array.from({ length: 3000 }, (_, i) => {
    const time = i / 100;
    return { when: time + nextBelow(random, 100) / 1000, line: at(`r${nextBelow(random, 3)}`, time) };
  }).sort((a, b) => a.when - b.when);
  const bunches = Array.from({ length: 300 }, (_, i) => told.slice(10 * i, 10 * i + 10).map(({ line }) => line));
  const { lines } = await read(of(bunches));
  expect(times(lines)).toEqual(Array.from({ length: 3000 }, (_, i) => i / 100));
});

test("a packet that comes too late for its place is not lost", async () => {
  const { lines } = await read(of([[at("hv1", 1)], [at("hv1", 3)], [at("hv2", 0.5)], [at("hv1", 5)]]));
  expect(times(lines).toSorted((a, b) => a - b)).toEqual([0.5, 1, 3, 5]);
});

test("what is no packet is handed on, and what was read before an error comes before it", async () => {
  const start = { type: "start", router: "hv1" } as const;
  const bunches = [
    [other("hv1", start), at("hv1", 2)],
    [at("hv2", 1), other("hv2", COUNTS)],
  ];
  const { lines, error } = await read(of(bunches, new Error("broken further on")));
  expect(lines.map(({ line }) => line.type)).toEqual(["start", "counts", "packet", "packet"]);
  expect(times(lines)).toEqual([1, 2]);
  expect(error).toEqual(new Error("broken further on"));
});
