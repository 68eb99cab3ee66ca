/** What the demos share: a lab that is built and taken down, where its VMs are, headings. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contains, parsePrefix6 } from "#base/address";
import { call } from "#cli/client";
import { columns } from "#cli/columns";
import { Failure } from "#cli/failure";
import { askAll, type Place, placesOf } from "#cli/lab-vms";
import { colorsFor, print } from "#cli/output";
import { labDown } from "#lab/down";
import type { Topology } from "#lab/model";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import type { OspfNeighborsView, OspfRouteView } from "#router/ospf/views";
import { ainProgram, folderOnDisk, isSingleFile } from "#runtime/program";

const PATIENCE = 30_000; // milliseconds

export const c = colorsFor(process.stdout);
export const section = (title: string): void => print(`\n${c.bold(c.cyan(`── ${title} `.padEnd(78, "─")))}`);

export interface Stage {
  readonly topology: Topology;
  readonly files: LabFiles;
  readonly vms: readonly Place[];
}

type DemoName = "quickstart" | "pod-fabric" | "mobility";

/** The topology file of a demo, from the repository's root. */
const topologyFile = (name: DemoName): string => `containerlab/${name}/${name}.clab.yml`;

/** Builds the lab, has `act` show it, and takes it down whatever happens. */
export async function onStage(name: DemoName, act: (stage: Stage) => Promise<void>): Promise<void> {
  const result = loadTopology(join(folderOnDisk(`containerlab/${name}`, makeScratch), `${name}.clab.yml`), process.env);
  if (!result.ok) throw new Failure(`the topology ${name} is damaged: run 'git status'`);
  // A name of its own: a lab of this topology that somebody has up stays as it is.
  const topology = renamed(result.topology, `demo${process.pid}`);
  const files = new LabFiles(topology.name);
  const interrupted = (): void => {
    void labDown(files).then(() => process.exit(130));
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  const began = performance.now();
  try {
    await build(topology, files);
    await act({ topology, files, vms: placesOf(topology) });
  } finally {
    await labDown(files);
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  }
  print(
    `\n${c.green("done")}: the lab is taken down, ${((performance.now() - began) / 1000).toFixed(0)} seconds in all.`,
  );
  const next = isSingleFile ? `ain lab up ${topologyFile(name)}` : `bin/ain lab up ${topologyFile(name)}`;
  print(`Next: ${c.bold(next)} and look around (docs/lab.md).`);
}

/** A folder that goes with the process, also when it is interrupted. */
function makeScratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "ain-demo-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same topology under another lab name: namespaces begin with it. */
function renamed(topology: Topology, name: string): Topology {
  const nodes = topology.nodes.map((node) => ({ ...node, namespace: `${name}-${node.name}` }));
  return { ...topology, name, nodes };
}

async function build(topology: Topology, files: LabFiles): Promise<void> {
  section("building the lab");
  const started = performance.now();
  await labUp(topology, { files, ain: ainProgram(), patience: PATIENCE, say: () => {} });
  const routers = topology.nodes.filter(({ role }) => role.kind === "router" || role.kind === "frr").length;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  print(
    `${topology.nodes.length} network namespaces, ${topology.links.length} links, ${routers} routers in ${seconds} s`,
  );
}

/** What a router of the lab answers to `show …`. */
export const ask = async <T>({ files }: Stage, router: string, what: string): Promise<T> =>
  (await call(files.socket(router), "GET", `show/${what}`)) as T;

export const routesOf = (stage: Stage, router: string): Promise<OspfRouteView[]> => ask(stage, router, "ospf/routes");

export const neighborsOf = async (stage: Stage, router: string): Promise<OspfNeighborsView["neighbors"]> =>
  (await ask<OspfNeighborsView>(stage, router, "ospf/neighbors")).neighbors;

/** Until every hypervisor has neighbors that are all Full, and a route to every VM. Seconds it took. */
export async function untilRouted(stage: Stage): Promise<string> {
  const started = performance.now();
  const hypervisors = [...new Set(stage.vms.map(({ hypervisor }) => hypervisor))];
  for (let isRouted = false; !isRouted; await Bun.sleep(50)) {
    isRouted = (await Promise.all(hypervisors.map((router) => knowsAll(stage, router)))).every(Boolean);
    if (performance.now() - started > PATIENCE) throw new Failure("the routers do not find their routes");
  }
  return ((performance.now() - started) / 1000).toFixed(1);
}

async function knowsAll(stage: Stage, router: string): Promise<boolean> {
  const neighbors = await neighborsOf(stage, router);
  if (neighbors.length === 0 || neighbors.some(({ state }) => state !== "Full")) return false;
  const prefixes = (await routesOf(stage, router)).map(({ prefix }) => parsePrefix6(prefix)!);
  return stage.vms.every(({ networkAddress: to }) => {
    const address = parsePrefix6(`${to}/128`)!.address;
    return prefixes.some((prefix) => contains(prefix, address));
  });
}

/** `eth1, eth2`: the interfaces that a route leads out of. */
export const waysOf = ({ nextHops }: OspfRouteView): string => nextHops.map((hop) => hop.interface).join(", ");

export const tenantColor = (network: string, text: string): string =>
  network.startsWith("red") ? c.red(text) : c.blue(text);

/** Every VM asks every address who is there; throws Failure unless each is answered from the asker's own tenant. */
export async function showMatrix(vms: readonly Place[]): Promise<void> {
  print("Every VM asks every address “who are you?” (UDP). The same address answers differently to each tenant.\n");
  const { addresses, rows, wrong, missing } = await askAll(vms, 8000);
  const named = ({ name, network }: Place): string => tenantColor(network, name);
  const lines = rows.map(({ vm, answers }) => [
    named(vm),
    ...answers.map((answerer) => (answerer === null ? c.yellow("nobody") : named(answerer))),
  ]);
  print(columns(["ASKS", ...addresses], lines));
  if (wrong > 0 || missing > 0) throw new Failure(`${wrong} answers from the wrong VM, ${missing} missing`);
  print(
    `\n${c.green("✓")} ${vms.length * addresses.length} answers, each from the asker's own tenant; the addresses do not mix.`,
  );
}
