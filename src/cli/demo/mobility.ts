/** `ain demo mobility`: a VM moves around twice while another sends to it as fast as it can. */
import { spawnSync } from "node:child_process";
import { columns } from "#cli/columns";
import { captureOne } from "#cli/demo/capture";
import { ask, c, onStage, type Stage, section, showMatrix, tenantColor, untilRouted } from "#cli/demo/stage";
import { measureThroughput } from "#cli/demo/throughput";
import { Failure } from "#cli/failure";
import { moveText } from "#cli/flight-text";
import type { Place } from "#cli/lab-vms";
import { print } from "#cli/output";
import { carryOver, flightsOf, knownFor, type Move, released } from "#cli/vm-move";
import { labMove } from "#lab/move";
import { mergeFlights } from "#router/mobility/move-report";
import type { MoveReport, SharesView, TunnelsView } from "#router/mobility/views";
import { inNamespace } from "#sys/namespace";

/** Where blue1 is, from the start: around twice, beginning and ending at home. */
const [HOME, ...ROUTE] = ["hv1", "hv2", "hv3", "hv1", "hv2", "hv3", "hv1"] as const;
/** Milliseconds that a step of a move may take, and that lie between two moves. */
const PATIENCE = 5000;
const REST = 1500;

interface Pair {
  /** It moves. */
  readonly blue1: Place;
  /** It stays at hv3, its home. */
  readonly blue2: Place;
}

export async function mobility(): Promise<void> {
  introduce();
  await onStage("mobility", async (stage) => {
    const find = (name: string): Place => stage.vms.find((vm) => vm.name === name)!;
    const pair = { blue1: find("blue1"), blue2: find("blue2") };
    await showPlaces(stage);
    await showWays(stage, pair);
    const [reports, gbits] = await showMoves(stage, pair);
    section("who answers whom, after all that");
    await showMatrix(stage.vms);
    conclude(reports, gbits);
  });
}

function introduce(): void {
  print(c.bold("AIN and VMs that move: they keep their addresses and connections, and packets find the direct way."));
  print(`
             blue1                       lives at one of the three at a time
      ┌ ─ ─ ─ ─┼─ ─ ─ ─ ┐
     hv1      hv2      hv3               hypervisors (ain run)
      │       red1  blue2  red2          blue2 talks to blue1; red's two have their addresses
      └─────── sw ──────┘                a switch: IPv6 only`);
}

async function showPlaces(stage: Stage): Promise<void> {
  section("where the VMs are, and where they are at home");
  const seconds = await untilRouted(stage);
  print(
    `All routers found each other in ${seconds} s. A VM's home is a hash of its address; where it is may be elsewhere.\n`,
  );
  const rows = stage.vms.map((vm) => {
    // The fabric's file gives hypervisor n the prefix 2001:db8:a1:n::/64.
    const home = `hv${vm.networkAddress.split(":")[3]}`;
    return [tenantColor(vm.network, vm.name), vm.network, vm.address, home, vm.hypervisor, vm.networkAddress];
  });
  print(columns(["VM", "NETWORK", "ITS ADDRESS", "HOME", "IS AT", "ITS ADDRESS IN THE FABRIC"], rows));
}

/** Two packets to a VM that is away from home, from one that never spoke to it before: by the home, then directly. */
async function showWays(stage: Stage, { blue1, blue2 }: Pair): Promise<void> {
  section("blue1 moves to hv2; blue2's first packets to it");
  await moveVm(stage, HOME, ROUTE[0]);
  const fabric = stage.topology.nodes.find(({ name }) => name === "sw")!.namespace;
  const ping = async (): Promise<void> => {
    inNamespace(blue2.namespace, () => spawnSync("ping", ["-c", "1", "-W", "2", blue1.address]));
  };
  // The switch's links show what comes in from the hypervisors.
  const tap = (name: string, filter: string) => ({ namespace: fabric, interface: name, filter });
  const request = "icmp6 and ip6[40] == 128";
  const first = await captureOne([tap("eth3", request), tap("eth1", "ip6 proto 47")], ping);
  print(`${c.dim("1st, leaving hv3:  ")} ${first[0] ?? "(tcpdump saw nothing)"}`);
  print(`${c.dim("     leaving hv1:  ")} ${first[1] ?? "(tcpdump saw nothing)"}`);
  await Bun.sleep(300);
  const before = await sharesOf(stage, HOME);
  const second = await captureOne([tap("eth3", "ip6 proto 47")], ping);
  const relayed = (await sharesOf(stage, HOME)).relayed - before.relayed;
  print(`${c.dim("2nd, leaving hv3:  ")} ${second[0] ?? "(tcpdump saw nothing)"}`);
  if (first.includes(undefined) || second.includes(undefined)) throw new Failure("the packets were not seen");
  print(
    `\nThe first went home to hv1 as it was, and from there in a tunnel to hv2. hv3 asked meanwhile: the second went
straight from hv3 to hv2 with the same packet inside, and hv1 carried ${relayed === 0 ? "none" : c.yellow(`${relayed}`)} of it.`,
  );
}

/** All other moves, while one iperf3 stream runs from blue2 to blue1. */
async function showMoves(stage: Stage, { blue1, blue2 }: Pair): Promise<[MoveReport[], number]> {
  section("five more moves while blue2 sends to blue1 (iperf3, one TCP stream)");
  const seconds = Math.ceil((ROUTE.length * (REST + 150)) / 1000) + 1;
  const rates: string[] = [];
  const stream = measureThroughput(
    { client: blue2.namespace, server: blue1.namespace, to: blue1.address, seconds },
    (_, gbits) => rates.push(gbits.toFixed(1)),
  );
  await Bun.sleep(REST);
  const reports: MoveReport[] = [];
  const rows: string[][] = [];
  for (const [i, to] of ROUTE.entries()) {
    if (i === 0) continue; // it is there
    const report = await moveVm(stage, ROUTE[i - 1]!, to);
    reports.push(report);
    if (i === 1) print(`${moveText(report)}\n`);
    const before = await sharesOf(stage, "hv3");
    await Bun.sleep(REST);
    rows.push(rowOf(report, before, await sharesOf(stage, "hv3")));
  }
  const heads = ["MOVE", "DOWNTIME", "HELD", "LOST", "THEN BLUE2 SENT: NATIVELY", "BY TUNNEL", "WITHIN HV3"];
  print(columns(heads, rows, ["left", "right", "right", "right", "right", "right", "right"]));
  const mean = await stream;
  print(`\nGbit/s, second by second: ${rates.join(" ")}`);
  if (mean === undefined) throw new Failure("the TCP stream did not run to its end");
  return [reports, mean];
}

function rowOf({ source, target, downtime, held, lost }: MoveReport, before: SharesView, after: SharesView): string[] {
  const took = downtime.total === null ? "-" : `${downtime.total.toFixed(1)} ms`;
  const ways = (["native", "direct", "hairpin"] as const).map((way) => `${after[way] - before[way]}`);
  return [`${source} → ${target}`, took, `${held}`, `${lost}`, ...ways];
}

const sharesOf = async (stage: Stage, router: string): Promise<SharesView> =>
  (await ask<TunnelsView>(stage, router, "tunnels")).shares;

/** As `ain move` does it, and the lab's part of it. */
async function moveVm({ files }: Stage, from: string, to: string): Promise<MoveReport> {
  const move: Move = { vm: "blue1", from: files.socket(from), to: files.socket(to) };
  const hook = async (): Promise<void> => labMove(files.read()!, move.vm, to);
  await carryOver(move, { ...(await knownFor(move)), hold: true, hook });
  await released(move, PATIENCE);
  const flights = await flightsOf(move, PATIENCE);
  if (flights === undefined) throw new Failure(`${from} or ${to} has no report of the move`);
  return mergeFlights(...flights);
}

function conclude(reports: readonly MoveReport[], gbits: number): void {
  const sum = (of: (report: MoveReport) => number): number => reports.reduce((total, each) => total + of(each), 0);
  const times = reports.flatMap(({ downtime: { total } }) => total ?? []).sort((one, other) => one - other);
  const median = times[times.length >> 1]?.toFixed(1) ?? "-";
  print(
    `\n${c.green("✓")} blue1 went around twice, ${ROUTE.length} moves. Under load it was out of reach for ${c.bold(`${median} ms`)} (median; worst ${times.at(-1)?.toFixed(1) ?? "-"}),
  ${sum(({ held }) => held)} packets were held for it and ${sum(({ lost }) => lost)} lost, and the TCP stream went on: ${c.bold(`${gbits.toFixed(2)} Gbit/s`)} all in all.`,
  );
}
