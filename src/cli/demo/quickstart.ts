/** `ain demo`: the paper's idea in a minute, in the lab quickstart. */
import { spawnSync } from "node:child_process";
import { columns } from "#cli/columns";
import { captureOne } from "#cli/demo/capture";
import {
  c,
  neighborsOf,
  onStage,
  routesOf,
  type Stage,
  section,
  showMatrix,
  tenantColor,
  untilRouted,
  waysOf,
} from "#cli/demo/stage";
import { measureThroughput } from "#cli/demo/throughput";
import { Failure } from "#cli/failure";
import type { Place } from "#cli/lab-vms";
import { print } from "#cli/output";
import { inNamespace } from "#sys/namespace";

const IPERF_SECONDS = 4;

export async function quickstart(): Promise<void> {
  introduce();
  await onStage("quickstart", async (stage) => {
    const { vms } = stage;
    await showRouting(stage);
    showHomes(vms);
    section("who answers whom");
    await showMatrix(vms);
    await showPacket(stage);
    showTraceroute(vms);
    await showThroughput(vms);
  });
}

function introduce(): void {
  print(c.bold("AIN: VMs keep their IPv4 addresses; between hypervisors their packets are plain IPv6."));
  print(`
   blue1 red1         blue2 red2      two tenants, the same two IPv4 addresses
     └─┬──┘             └─┬──┘
      hv1                hv2          hypervisors (ain run)
       └─────── sw ───────┘           a switch: IPv6 only, no tunnels`);
}

async function showRouting(stage: Stage): Promise<void> {
  section("routes, by OSPFv3");
  const seconds = await untilRouted(stage);
  const [neighbor] = await neighborsOf(stage, "hv1");
  print(
    `All routers found each other in ${seconds} s; BFD watches the links. hv1's neighbor ${neighbor!.routerId} is ${neighbor!.state}.\n`,
  );
  const rows = (await routesOf(stage, "hv1"))
    .filter((route) => route.nextHops.length > 0)
    .map((route) => [route.prefix, route.path, `${route.cost}`, waysOf(route)]);
  print(columns(["HV1'S ROUTES", "PATH", "COST", "OUT OF"], rows));
}

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

async function showPacket({ topology, vms }: Stage): Promise<void> {
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
  section("traceroute, blue1 → blue2");
  const [from, to] = [vms.find((vm) => vm.name === "blue1")!, vms.find((vm) => vm.name === "blue2")!];
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
