/**
 * `npm run perf:peers`: AIN beside other ways to join two VMs on two hypervisors, in turns, on this machine. Prints a
 * table, writes perf/out/peers.json, perf/peers.svg and perf/peers.md. How to read it: perf/README.md.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import colors from "picocolors";
import { lockFile } from "#sys/descriptor";
import type { Contestant } from "./peers/contestants/contestant";
import { CONTESTANTS } from "./peers/contestants/list";
import { describeMachine } from "./peers/machine";
import { markdown } from "./peers/markdown";
import { type Options, parseOptions } from "./peers/options";
import { plot } from "./peers/plot";
import { type Entry, emptyReport, type Report, succeeded } from "./peers/report";
import { takeTurn } from "./peers/run";
import { table } from "./peers/table";
import { removeLeftovers, type Topology } from "./peers/topology";

const LOCK = "/run/ain-perf-peers.lock";

let standing: Topology | undefined;
let interrupted = false;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, async () => {
    if (interrupted) return;
    interrupted = true;
    console.error(`\n${signal}: taking everything down`);
    await standing?.close();
    process.exit(130);
  });
}

/** On a terminal, what is going on right now, in one line that the next one overwrites. */
function showStep(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${colors.dim(text)}`);
}

async function oneTurn(contestant: Contestant, options: Options, entry: Entry, where: string): Promise<void> {
  try {
    const turn = await takeTurn(contestant, options, {
      step: (what) => showStep(`${where}: ${what} …`),
      opened: (topology) => {
        standing = topology;
      },
    });
    entry.rounds.push(turn);
    showStep("");
    const { oneStream, fourStreams, bothWays, udpRate, rttMedian } = turn;
    const tcp = [oneStream, fourStreams, bothWays].map((value) => value.toFixed(2)).join(" / ");
    console.log(`${where}: ${tcp} Gbit/s, ${(udpRate / 1000).toFixed(0)} kpackets/s, ${rttMedian.toFixed(0)} µs`);
  } catch (error) {
    if (interrupted) return;
    const reason = error instanceof Error ? error.message : String(error);
    entry.rounds.push(null);
    if (!entry.failures.includes(reason)) entry.failures.push(reason);
    showStep("");
    console.log(colors.red(`${where}: ${reason}`));
  }
}

/** Everyone once a round, each round beginning with another, so that nobody always follows the same neighbour. */
async function compare(contestants: readonly Contestant[], options: Options): Promise<Report> {
  const report = emptyReport(describeMachine(), options, contestants);
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length;
      const [contestant, entry] = [contestants[index], report.entries[index]];
      if (interrupted || contestant === undefined || entry === undefined) continue;
      await oneTurn(contestant, options, entry, `round ${round + 1}/${options.rounds}, ${contestant.title}`);
    }
  }
  return report;
}

function save(report: Report): void {
  const out = join(import.meta.dir, "out");
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "peers.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(import.meta.dir, "peers.svg"), plot(report));
  writeFileSync(join(import.meta.dir, "peers.md"), markdown(report));
  console.log("\nwritten: perf/out/peers.json, perf/peers.svg, perf/peers.md");
}

const options = parseOptions(process.argv);
if (process.getuid?.() !== 0) {
  console.error("perf:peers makes network namespaces: please run it as root");
  process.exit(1);
}
if (lockFile(LOCK) === undefined) {
  console.error("perf:peers is running already; two at a time would measure each other");
  process.exit(1);
}
removeLeftovers();
const wanted = CONTESTANTS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
const report = await compare(wanted, options);
if (interrupted) await new Promise(() => {}); // the signal's handler ends the process
console.log(`\n${table(report)}`);
if (options.output && report.entries.some((entry) => succeeded(entry).length > 0)) save(report);
process.exitCode = report.entries.some((entry) => entry.failures.length > 0) ? 1 : 0;
