/** `ain demo`: the paper's idea in a minute. Builds the quickstart lab, shows what happens in it, takes it down. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { formatIpv6 } from "#base/address";
import { columns } from "#cli/columns";
import { captureOne } from "#cli/demo/capture";
import { measureThroughput } from "#cli/demo/throughput";
import { askEverywhere, type DemoVm } from "#cli/demo/who";
import { Failure } from "#cli/failure";
import { colorsFor, print } from "#cli/output";
import { labDown } from "#lab/down";
import type { Topology } from "#lab/model";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { networkAddress } from "#policy/homes";
import type { Vm } from "#router/config/model";
import { loadNode } from "#router/config/node";
import { inNamespace } from "#sys/namespace";

const FOLDER = fileURLToPath(new URL("../../../containerlab/quickstart/", import.meta.url));
const AIN = fileURLToPath(new URL("../../../bin/ain", import.meta.url));
const IPERF_SECONDS = 4;
const PATIENCE = 20_000; // milliseconds

/** A VM of the demo and where it is: its namespace, its hypervisor, its address in the fabric. */
interface Place extends DemoVm {
  readonly network: string;
  readonly hypervisor: string;
  readonly networkAddress: string;
}

const c = colorsFor(process.stdout);
const section = (title: string): void => print(`\n${c.bold(c.cyan(`── ${title} `.padEnd(78, "─")))}`);

export async function demo(): Promise<void> {
  const result = loadTopology(`${FOLDER}quickstart.clab.yml`, process.env);
  if (!result.ok) throw new Failure("the quickstart topology is damaged: run 'git status'");
  // A name of its own: a quickstart lab that somebody has up stays as it is.
  const topology = renamed(result.topology, `demo${process.pid}`);
  const files = new LabFiles(topology.name);
  const interrupted = (): void => {
    void labDown(files).then(() => process.exit(130));
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  const began = performance.now();
  try {
    introduce();
    await build(topology, files);
    const vms = placesOf(topology);
    showHomes(vms);
    await showMatrix(vms);
    await showPacket(topology, vms);
    showTraceroute(vms);
    await showThroughput(vms);
  } finally {
    await labDown(files);
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  }
  print(
    `\n${c.green("done")}: the lab is taken down, ${((performance.now() - began) / 1000).toFixed(0)} seconds in all.`,
  );
  print(`Next: ${c.bold("bin/ain lab up containerlab/quickstart/quickstart.clab.yml")} and look around (docs/lab.md).`);
}

/** The same topology under another lab name: namespaces begin with it. */
function renamed(topology: Topology, name: string): Topology {
  const nodes = topology.nodes.map((node) => ({ ...node, namespace: `${name}-${node.name}` }));
  return { ...topology, name, nodes };
}

function introduce(): void {
  print(c.bold("AIN: VMs keep their IPv4 addresses; between hypervisors their packets are plain IPv6."));
  print(`
   blue1 red1         blue2 red2         blue3 red3      two tenants, the same three
     └─┬──┘             └─┬──┘             └─┬──┘        IPv4 addresses
      hv1                hv2                hv3          hypervisors (ain run)
       └──────────────── sw ─────────────────┘           a switch: IPv6 only, no tunnels`);
}

async function build(topology: Topology, files: LabFiles): Promise<void> {
  section("building the lab");
  const started = performance.now();
  await labUp(topology, { files, ain: AIN, patience: PATIENCE, say: () => {} });
  const routers = topology.nodes.filter(({ role }) => role.kind === "router").length;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  print(
    `${topology.nodes.length} network namespaces, ${topology.links.length} links, ${routers} routers in ${seconds} s`,
  );
}

function placesOf(topology: Topology): Place[] {
  return topology.nodes.flatMap((node) => {
    if (node.role.kind !== "router") return [];
    const config = loadNode(node.role.config);
    if (!config.ok) throw new Failure(`${node.role.config} is damaged: run 'git status'`);
    return config.node.vms.map((vm) => ({
      name: vm.name,
      namespace: topology.nodes.find(({ name }) => name === vm.name)!.namespace,
      address: vm.address.text,
      network: vm.network.name,
      hypervisor: config.node.name,
      networkAddress: fabricAddress(vm, config.fabric.homes[vm.home]!.prefix.address),
    }));
  });
}

const fabricAddress = (vm: Vm, prefix: Uint8Array): string =>
  formatIpv6(networkAddress(prefix, vm.network.tags, vm.address.bytes));

const tenantColor = (network: string, text: string): string => (network.startsWith("red") ? c.red(text) : c.blue(text));

function showHomes(vms: readonly Place[]): void {
  section("where each address has its home");
  print("A hash of tenant, network and IPv4 address chooses the hypervisor prefix: no directory, no controller.\n");
  const rows = vms.map((vm) => [
    tenantColor(vm.network, vm.name),
    vm.network,
    vm.address,
    vm.hypervisor,
    vm.networkAddress,
  ]);
  print(columns(["VM", "NETWORK", "ITS ADDRESS", "HOME", "ITS ADDRESS IN THE FABRIC"], rows));
}

async function showMatrix(vms: readonly Place[]): Promise<void> {
  section("who answers whom");
  print("Every VM asks every address “who are you?” (UDP). The same address answers differently to each tenant.\n");
  const addresses = [...new Set(vms.map((vm) => vm.address))].sort();
  const answers = await askEverywhere(vms, addresses, 8000);
  const byName = new Map(vms.map((vm) => [vm.name, vm]));
  let mixed = 0;
  let missing = 0;
  const sorted = [...vms].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = sorted.map((vm) => [
    tenantColor(vm.network, vm.name),
    ...addresses.map((address) => {
      const name = answers[vm.name]![address];
      if (name === undefined) missing++;
      const answerer = name === undefined ? undefined : byName.get(name);
      if (answerer === undefined) return c.yellow("nobody");
      if (answerer.network !== vm.network || answerer.address !== address) mixed++;
      return tenantColor(answerer.network, answerer.name);
    }),
  ]);
  print(columns(["ASKS", ...addresses], rows));
  if (mixed > 0 || missing > 0) throw new Failure(`${mixed} answers from the wrong VM, ${missing} missing`);
  print(
    `\n${c.green("✓")} ${vms.length * addresses.length} answers, each from the asker's own tenant; the addresses do not mix.`,
  );
}

async function showPacket(topology: Topology, vms: readonly Place[]): Promise<void> {
  section("one packet, seen twice");
  const [from, to] = [vms.find((vm) => vm.name === "blue1")!, vms.find((vm) => vm.name === "blue2")!];
  const fabric = topology.nodes.find(({ name }) => name === "sw")!.namespace;
  const lines = await captureOne(
    [
      { namespace: from.namespace, interface: "eth1", filter: "icmp[icmptype] == icmp-echo" },
      { namespace: fabric, interface: "eth1", filter: "icmp6 and ip6[40] == 128" },
    ],
    async () => {
      inNamespace(from.namespace, () => spawnSync("ping", ["-c", "1", "-W", "2", to.address]));
    },
  );
  print(`${c.dim("blue1's link:  ")} ${lines[0] ?? "(tcpdump saw nothing)"}`);
  print(`${c.dim("fabric, sw:    ")} ${lines[1] ?? "(tcpdump saw nothing)"}`);
  if (lines.includes(undefined)) throw new Failure("the packet was not seen on both links");
  print("\nNo encapsulation: the IPv6 addresses are the VMs, so every switch can route and balance them.");
}

function showTraceroute(vms: readonly Place[]): void {
  section("traceroute, blue1 → blue3");
  const [from, to] = [vms.find((vm) => vm.name === "blue1")!, vms.find((vm) => vm.name === "blue3")!];
  const words = ["-n", "-q", "1", "-w", "2", "-m", "8", to.address];
  const { stdout } = inNamespace(from.namespace, () => spawnSync("traceroute", words, { encoding: "utf8" }));
  const names: Record<string, string> = {
    "10.0.0.1": "the gateway: hv1",
    "192.0.0.8": "a fabric router, which has no IPv4 address (RFC 7600)",
    [to.address]: to.name,
  };
  for (const line of (stdout ?? "").split("\n").slice(1)) {
    const address = /\d+\.\d+\.\d+\.\d+/.exec(line)?.[0];
    if (line !== "") print(`${line.padEnd(30)} ${c.dim(names[address ?? ""] ?? "")}`);
  }
}

async function showThroughput(vms: readonly Place[]): Promise<void> {
  section(`iperf3, blue1 → blue2 through hv1, sw and hv2, one TCP stream, ${IPERF_SECONDS} s`);
  const [from, to] = [vms.find((vm) => vm.name === "blue1")!, vms.find((vm) => vm.name === "blue2")!];
  const stream = { client: from.namespace, server: to.namespace, to: to.address, seconds: IPERF_SECONDS };
  const mean = await measureThroughput(stream, (second, gbits) => {
    print(`  ${second} s  ${c.green("█".repeat(Math.min(48, Math.round(gbits * 4))))} ${gbits.toFixed(2)} Gbit/s`);
  });
  if (mean === undefined) throw new Failure("iperf3 did not run to its end");
  print(`  ${c.bold(`${mean.toFixed(2)} Gbit/s`)} on this machine, three routers in TypeScript in between.`);
}
