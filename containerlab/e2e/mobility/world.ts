/**
 * Three hypervisors behind a switch, and VMs that can live at any of them.
 *
 * ```
 *   hv1   home of a and b     hv2 home of nobody         hv3 home of nobody
 *   red's ra and rb have a's and b's addresses and stay at hv2 and hv3
 * ```
 */
import { labMove, locationOf } from "#lab/move";
import type { ProbeEnd } from "#lab/probe/flows";
import type { RegisteredVmView, VmDetailView } from "#router/vms/views";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, type TestLab } from "../test-lab";

export const [A, B] = addressesAt(3, 0, BLUE, 2) as [string, string];
const MACS: Readonly<Record<string, string>> = { a: "02:00:00:00:00:0a", b: "02:00:00:00:00:0b" };
/** UDP port of probers. */
const PORT = 7007;

const vmYaml = (name: string, network: string, address: string): string =>
  `{ name: ${name}, network: ${network}/prod, address: ${address}, ${name in MACS ? `mac: "${MACS[name]}", ` : ""}interface: ${name} }`;

const vmNode = (name: string, address: string): string =>
  name in MACS
    ? `{ kind: linux, labels: { ain-role: vm, ain-moves: "true", ain-address: ${address}/32, ain-gateway: 10.0.0.1, ain-mac: "${MACS[name]}" } }`
    : `{ kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;

/** Where the VMs begin; those that move are at home. */
const BEGIN: Readonly<Record<string, string>> = { a: "hv1", b: "hv1", ra: "hv2", rb: "hv3" };

/** Writes the files and brings it up. @param fabric what the fabric's file says besides. */
export async function build(lab: TestLab, fabric = ""): Promise<void> {
  const vms: Readonly<Record<string, string[]>> = {
    hv1: [vmYaml("a", "blue", A), vmYaml("b", "blue", B)],
    hv2: [vmYaml("ra", "red", A)],
    hv3: [vmYaml("rb", "red", B)],
  };
  lab.write("fabric.yaml", fabricYaml(3) + fabric);
  lab.write("sw.yaml", switchYaml(3));
  for (const index of [1, 2, 3]) lab.write(`hv${index}.yaml`, hypervisorYaml({ index, vms: vms[`hv${index}`]! }));
  const hypervisors = ["hv1", "hv2", "hv3"];
  const router = (name: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const waysOf = (vm: string): string[] => [BEGIN[vm]!, ...hypervisors.filter((hv) => hv !== BEGIN[vm])];
  await lab.up(`  nodes:
${["sw", ...hypervisors].map(router).join("\n")}
    a: ${vmNode("a", A)}
    b: ${vmNode("b", B)}
    ra: ${vmNode("ra", A)}
    rb: ${vmNode("rb", B)}
  links:
${[1, 2, 3].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1600 }`).join("\n")}
${["a", "b"].flatMap((vm) => waysOf(vm).map((hv) => `    - { endpoints: ["${hv}:${vm}", "${vm}:${hv}"], mtu: 1500 }`)).join("\n")}
    - { endpoints: ["hv2:ra", "ra:eth1"], mtu: 1500 }
    - { endpoints: ["hv3:rb", "rb:eth1"], mtu: 1500 }
`);
}

export const probeEnd = (lab: TestLab, vm: string): ProbeEnd => ({
  ...{ namespace: lab.namespace(vm), address: vm.endsWith("a") ? A : B, port: PORT },
});

/** One call of a router's API. Throws Error with the router's own words. */
export async function api<T>(
  lab: TestLab,
  node: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<T> {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`http://ain/v1/${path}`, { method, unix: lab.socket(node), ...json });
  const answer = (await response.json()) as T;
  if (!response.ok) throw new Error(`${node}: ${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** How a router has a VM; undefined: not at all. */
export async function stateOf(lab: TestLab, node: string, vm: string): Promise<string | undefined> {
  const vms = await api<RegisteredVmView[]>(lab, node, "GET", "vm");
  return vms.find(({ name }) => name === vm)?.state;
}

/** Steps of a move as a cloud's orchestrator does them; resolves when the VM is active there and away here. */
export async function move(lab: TestLab, vm: string, to: string): Promise<void> {
  const from = locationOf(lab.state, vm)!;
  const { definition } = await api<VmDetailView>(lab, from, "GET", `vm/${vm}`);
  await api(lab, to, "POST", "vm/prepare", definition);
  await api(lab, from, "POST", `vm/${vm}/hold`);
  labMove(lab.state, vm, to);
  await lab.until(`${vm} is active at ${to}`, async () => (await stateOf(lab, to, vm)) === "active");
  await lab.until(`${vm} has left ${from}`, async () => (await stateOf(lab, from, vm)) !== "held");
}
