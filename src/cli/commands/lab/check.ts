/** `ain lab check LAB`: does a lab do what it is there for? */
import { Command } from "commander";
import { columns } from "#cli/columns";
import { seconds } from "#cli/commands/lab/seconds";
import { Speakers } from "#cli/demo/speakers";
import { Failure } from "#cli/failure";
import { runInNode } from "#cli/lab-program";
import { requireRoot, requireStandingLab } from "#cli/lab-target";
import { askAll, type Place, placesOf, type WhoAnswers } from "#cli/lab-vms";
import { colorsFor, counted, print, printJson } from "#cli/output";
import type { Topology } from "#lab/model";
import { type StandingLab, topologyOf } from "#lab/standing";

/** Milliseconds between looks at the routers, and that VMs may ask one another at least. */
const LOOK = 200;
const LEAST = 5000;
/** Pings. */
const AT_ONCE = 8;
/** With more addresses than that their answers are counted, not shown. */
const SHOWN = 12;

/** What a lab was found to be. */
export interface LabCheckJson {
  readonly lab: string;
  readonly made: "namespaces" | "containers";
  /** True: all is as it should be. */
  readonly ok: boolean;
  readonly routers: readonly LabRouterJson[];
  readonly vms: readonly LabVmJson[];
}

/** A router and its OSPF neighbors. */
export interface LabRouterJson {
  readonly name: string;
  readonly player: "AIN" | "FRR";
  /** How many are Full. */
  readonly full: number;
  /** How many it has links to. */
  readonly expected: number;
  /** Why it could not be asked; null: it could. */
  readonly trouble: string | null;
}

/** A VM, and who answered it. */
export interface LabVmJson {
  readonly name: string;
  readonly network: string;
  readonly address: string;
  /** By address asked; null: nobody answered. */
  readonly answers: Readonly<Record<string, string | null>>;
  /** The VM that it pinged, the next one of its network; null: it is alone there. */
  readonly pinged: string | null;
  /** False: no answer. */
  readonly pingOk: boolean;
}

export const checkCommand = (): Command =>
  new Command("check")
    .description(
      "check a lab, of namespaces or of containerlab's: OSPF neighbors Full, VMs answered by their own tenant",
    )
    .argument("<lab>", "name of a lab, or its topology file")
    .option("--timeout <seconds>", "how long its routers may take to find one another and all ways", seconds, 60)
    .option("--json", "print the result as JSON")
    .action(check);

async function check(target: string, { timeout, json }: { timeout: number; json?: true }): Promise<void> {
  requireRoot();
  const lab = requireStandingLab(target);
  const topology = topologyOf(lab);
  const end = performance.now() + timeout * 1000;
  const routers = await untilFull(lab, topology, end);
  const vms = placesOf(topology);
  // Neighbors may be Full some time before all routes are there.
  const who = await askAll(vms, Math.max(end - performance.now(), LEAST));
  const pings: Ping[] = [];
  for (let i = 0; i < who.rows.length; i += AT_ONCE) {
    pings.push(...(await Promise.all(who.rows.slice(i, i + AT_ONCE).map(({ vm }) => pingNext(lab, vm, vms)))));
  }
  const faults = faultsOf(routers, who, pings);
  if (json) printJson(asJson(lab, routers, who, pings));
  else tell(lab, routers, who, pings);
  if (faults.length > 0) throw new Failure(faults.join(", "));
}

/** Looks until all neighbors are Full, or the time is over (by performance.now()). */
async function untilFull(lab: StandingLab, topology: Topology, end: number): Promise<LabRouterJson[]> {
  const speakers = new Speakers(topology, lab);
  for (;;) {
    const routers = await Promise.all(
      speakers.all().map(async ({ name, player }): Promise<LabRouterJson> => {
        const expected = peersOf(topology, name);
        try {
          const neighbors = await speakers.neighbors({ name, player });
          const full = neighbors.filter(({ state }) => state === "Full").length;
          return { name, player, full, expected, trouble: null };
        } catch (error) {
          return { name, player, full: 0, expected, trouble: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
    if (routers.every(isWell) || performance.now() > end) return routers;
    await Bun.sleep(LOOK);
  }
}

const isWell = ({ full, expected }: LabRouterJson): boolean => full === expected;

/** Routers at the other ends of a router's links. */
function peersOf({ nodes, links }: Topology, name: string): number {
  const isRouter = (node: string): boolean =>
    nodes.some((one) => one.name === node && (one.role.kind === "router" || one.role.kind === "frr"));
  return links.filter(({ ends: [a, b] }) => {
    if (a.node === name) return isRouter(b.node);
    return b.node === name && isRouter(a.node);
  }).length;
}

interface Ping {
  readonly to: string | null;
  readonly ok: boolean;
}

/** Each VM pings the next of its network, by the program that it has. */
async function pingNext(lab: StandingLab, vm: Place, vms: readonly Place[]): Promise<Ping> {
  const peers = vms.filter(({ network }) => network === vm.network);
  const next = peers[(peers.findIndex(({ name }) => name === vm.name) + 1) % peers.length];
  if (next === undefined || next.name === vm.name) return { to: null, ok: true };
  // A machine with more routers than it has time for may lose some.
  const tries = `for try in 1 2 3 4 5 6 7 8; do ping -c 1 -W 2 ${next.address} && exit; done; exit 1`;
  const { status } = await runInNode(lab, vm.name, ["sh", "-c", tries]);
  return { to: next.name, ok: status === 0 };
}

function faultsOf(routers: readonly LabRouterJson[], who: WhoAnswers, pings: readonly Ping[]): string[] {
  const restless = routers.filter((router) => !isWell(router)).length;
  const silent = pings.filter(({ ok }) => !ok).length;
  return [
    ...(restless > 0 ? [`${counted(restless, "router")} without all neighbors`] : []),
    ...(who.wrong > 0 ? [`${counted(who.wrong, "answer")} from the wrong VM`] : []),
    ...(who.missing > 0 ? [`${counted(who.missing, "answer")} missing`] : []),
    ...(silent > 0 ? [`${counted(silent, "ping")} without an answer`] : []),
  ];
}

function tell(lab: StandingLab, routers: readonly LabRouterJson[], who: WhoAnswers, pings: readonly Ping[]): void {
  const { bold, green, red, yellow } = colorsFor(process.stdout);
  print(`${bold(lab.state.name)} of ${lab.made}\n`);
  const rows = routers.map(({ name, player, full, expected, trouble }) => {
    const text = `${full} of ${expected}`;
    return [name, player, full === expected ? green(text) : red(text), trouble ?? ""];
  });
  print(columns(["ROUTER", "PLAYED BY", "NEIGHBORS FULL", ""], rows));
  const isWide = who.addresses.length > SHOWN;
  const lines = who.rows.map(({ vm, answers }, i) => [
    vm.name,
    vm.network,
    ...(isWide ? [`${answers.filter(Boolean).length}`] : answers.map((one) => one?.name ?? yellow("nobody"))),
    pings[i]!.ok ? green(pings[i]!.to ?? "-") : red(`${pings[i]!.to}: no answer`),
  ]);
  const heads = isWide ? ["ANSWERS"] : who.addresses;
  print(`\n${columns(["ASKS “WHO?”", "NETWORK", ...heads, "PINGS"], lines)}`);
  const well = faultsOf(routers, who, pings).length === 0;
  if (well) print(`\n${green("✓")} every router has its neighbors, every VM is answered by its own tenant's`);
}

function asJson(
  lab: StandingLab,
  routers: readonly LabRouterJson[],
  who: WhoAnswers,
  pings: readonly Ping[],
): LabCheckJson {
  const vms = who.rows.map(({ vm, answers }, i): LabVmJson => {
    const byAddress = Object.fromEntries(who.addresses.map((address, a) => [address, answers[a]?.name ?? null]));
    const { name, network, address } = vm;
    return { name, network, address, answers: byAddress, pinged: pings[i]!.to, pingOk: pings[i]!.ok };
  });
  const ok = faultsOf(routers, who, pings).length === 0;
  return { lab: lab.state.name, made: lab.made, ok, routers, vms };
}
