/**
 * `npm run perf:spf`: what a computation of the routing table costs, on databases as large as those of the paper's
 * table 2. Each in a process of its own, so that the first run is as cold as in a router; nothing is asserted.
 */
import { columns } from "#cli/columns";
import { type Changes, compute, type Memory, newMemory, noChanges } from "#ospf/routes/computation";
import type { Instance } from "#ospf/state";
import { aggregationInstance, podOf, serverInstance } from "#ospf/testing/pods";

const ROUNDS = 25;

interface Case {
  readonly name: string;
  readonly build: () => Instance;
}

const CASES: readonly Case[] = [
  { name: "server, 1 of 1024 PoDs", build: () => serverInstance(podOf(1024)) },
  { name: "server, 1 of 256 PoDs", build: () => serverInstance(podOf(256)) },
  { name: "server, 1 of 32 PoDs", build: () => serverInstance(podOf(32)) },
  {
    name: "same, point-to-point",
    build: () => serverInstance({ servers: 16_832, access: 256, aggregation: 8, links: "point-to-point" }),
  },
  { name: "aggregation, 16 of 256 PoDs", build: () => aggregationInstance(podOf(256), 16) },
];

interface Run {
  readonly millis: number;
  /** Of the longest piece. */
  readonly longest: number;
}

interface Figures {
  readonly lsas: number;
  readonly vertices: number;
  readonly routes: number;
  readonly first: Run;
  readonly full: Run;
  readonly prefix: Run;
}

/** One computation; the instance has the new table after it. */
function run(instance: Instance, memory: Memory, changes: Changes): Run & { readonly vertices: number } {
  const work = compute(instance, memory, changes, instance.table);
  const start = Bun.nanoseconds();
  let before = start;
  let longest = 0;
  for (;;) {
    const { done, value } = work.next();
    const now = Bun.nanoseconds();
    longest = Math.max(longest, now - before);
    before = now;
    if (!done) continue;
    instance.table = value.table;
    return { millis: (now - start) / 1e6, longest: longest / 1e6, vertices: value.vertices };
  }
}

function measure({ build }: Case): Figures {
  const instance = build();
  const memory = newMemory(instance);
  Bun.gc(true);
  const first = run(instance, memory, noChanges());
  const full: Run[] = [];
  const prefix: Run[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    full.push(run(instance, memory, { ...noChanges(), allTrees: true }));
    prefix.push(run(instance, memory, { ...noChanges(), internal: true }));
  }
  let lsas = instance.external.size;
  for (const { database } of instance.areas.values()) lsas += database.size;
  const routes = instance.table.routes.size;
  return { lsas, vertices: first.vertices, routes, first, full: median(full), prefix: median(prefix) };
}

const median = (runs: readonly Run[]): Run => runs.toSorted((a, b) => a.millis - b.millis)[runs.length >> 1]!;

const number = (n: number): string => n.toLocaleString("en").replaceAll(",", " ");

async function measureAlone(name: string): Promise<Figures> {
  const child = Bun.spawn([process.execPath, import.meta.path, name], { stdout: "pipe", stderr: "inherit" });
  return (await new Response(child.stdout).json()) as Figures;
}

function row(name: string, { lsas, vertices, routes, first, full, prefix }: Figures): string[] {
  const millis = [first.millis, first.longest, full.millis, full.longest, prefix.millis].map((each) => each.toFixed(1));
  return [name, number(lsas), number(vertices), number(routes), ...millis];
}

async function main(): Promise<void> {
  const only = CASES.find(({ name }) => name === process.argv[2]);
  if (only !== undefined) {
    process.stdout.write(JSON.stringify(measure(only)));
    return;
  }
  const heading = ["router", "LSAs", "vertices", "routes", "first ms", "piece", "full ms", "piece", "prefix ms"];
  const rows: string[][] = [];
  for (const { name } of CASES) rows.push(row(name, await measureAlone(name)));
  process.stdout.write(
    `routing table: the first computation, and medians of ${ROUNDS} full and prefix ones; piece: the longest in it\n\n` +
      `${columns(heading, rows, ["left", ...heading.slice(1).map(() => "right" as const)])}\n`,
  );
}

await main();
