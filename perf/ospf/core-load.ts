/**
 * `bun perf/ospf/core-load.ts LSAS [KIND [TIMES]]`: what the core itself takes to become Full, for profiles (`--cpu-prof`);
 * several times in one process, to tell what is compiling.
 */
import type { Kind } from "./area";
import { Exchange } from "./exchange";

const lsas = Number(process.argv[2] ?? 34_176);
const millis = (n: number): string => `${n.toFixed(0)} ms`;

for (let i = 0; i < Number(process.argv[4] ?? 1); i++) {
  const exchange = new Exchange(lsas, (process.argv[3] ?? "area") as Kind);
  exchange.run();
  const { full, inCore, longest, core, speaker } = exchange;
  console.log(
    `${lsas} LSAs: Full after ${millis(full)} in the core, routes after ${millis(inCore)}, longest call ${millis(longest)}`,
  );
  const runs = core.routing
    .log()
    .map(
      ({ kind, startedAt, endedAt, slices, vertices }) =>
        `${kind} ${millis(endedAt - startedAt)} ${slices} slices ${vertices}`,
    );
  console.log(runs.join("; "));
  console.log(JSON.stringify(process.memoryUsage()), JSON.stringify(speaker.counts));
}
