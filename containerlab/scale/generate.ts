/**
 * `bin/bun containerlab/scale/generate.ts [HYPERVISORS] [FOLDER]` writes the topology `scale` and its nodes' files: so many
 * hypervisors (a multiple of 8, 8 … 256) in racks of 8, two switches for each rack, and two or more spines; every hypervisor
 * has two uplinks and two VMs, one of each of two tenants that use the same addresses.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIpv4, parseIpv4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { allocateNear } from "#policy/homes";

const RACK = 8;
const MOST = 256;
/** Racks for each spine: switches have a port for each neighbor. */
const RACKS_PER_SPINE = 8;
/**
 * Octets. A router keeps 2048 frames of the MTU for each interface: with containerlab's 9500 that is 19 MiB, with these 4.
 * The fabric's packets are longer by an IPv6 header, and by a tunnel's.
 */
const [FABRIC_MTU, VM_MTU] = [1600, 1500];
const KEY = "9f4c1d6a27e0b358c2417fd0e6a95b13";
const NETWORK = "10.0.0.0/16";
const OSPF = `ospf:
  # Calmer than where a lab is small: hundreds of sessions on two cores.
  defaults: { hello: 10s, dead: 40s }
  spf: { long: 2s }
`;

interface Plan {
  readonly hypervisors: number;
  readonly racks: number;
  readonly spines: number;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const hypervisorName = (i: number): string => `hv${i + 1}`;
const leafNames = (rack: number): string[] => [`leaf${rack + 1}a`, `leaf${rack + 1}b`];
const spineName = (i: number): string => `spine${i + 1}`;

/** Links between routers, each as both ends; interfaces are numbered as they come. */
function wiring({ hypervisors, racks, spines }: Plan): [string, string][] {
  const next = new Map<string, number>();
  const end = (node: string): string => {
    const number = (next.get(node) ?? 0) + 1;
    next.set(node, number);
    return `${node}:eth${number}`;
  };
  const link = (a: string, b: string): [string, string] => [end(a), end(b)];
  const up = range(racks).flatMap((rack) =>
    leafNames(rack).flatMap((leaf) => range(spines).map((spine) => link(leaf, spineName(spine)))),
  );
  const down = range(hypervisors).flatMap((i) =>
    leafNames(Math.floor(i / RACK)).map((leaf) => link(leaf, hypervisorName(i))),
  );
  return [...up, ...down];
}

const homeOf = (i: number): string => `2001:db8:a1:${(i + 1).toString(16)}::/64`;

function fabricYaml({ hypervisors }: Plan): string {
  const homes = range(hypervisors).map((i) => `  - { prefix: "${homeOf(i)}", hypervisor: ${hypervisorName(i)} }`);
  return `# The deployment: the same file on every node. Made by generate.ts.
name: scale
key: ${KEY}
prefixes: ["2001:db8:a1::/48"]
homes:
${homes.join("\n")}
tenants:
  blue:
    id: 1
    networks:
      prod: { id: 1, prefixes: [${NETWORK}], gateway: 10.0.0.1 }
  red:
    id: 2
    networks:
      prod: { id: 1, prefixes: [${NETWORK}], gateway: 10.0.0.1 }
`;
}

const uplinks = (node: string, links: readonly [string, string][]): string =>
  links
    .flat()
    .filter((end) => end.startsWith(`${node}:`))
    .map((end) => `  - interface: ${end.slice(node.length + 1)}`)
    .join("\n");

/** One address of each tenant whose home is there. */
function addressesOf(i: number, { hypervisors }: Plan): { blue: string; red: string } {
  const plan = { key: fromHex(KEY)!, homes: { length: hypervisors } };
  const prefixes = [{ address: parseIpv4("10.0.0.0")!, length: 16 }];
  const at = (tenant: number): string => {
    const pool = { tags: (tenant << 10) | 1, prefixes };
    const [address] = allocateNear(plan, pool, { homes: new Set([i]), count: 1, isTaken: (ip) => (ip & 0xff) < 2 });
    return formatIpv4(address!);
  };
  return { blue: at(1), red: at(2) };
}

function hypervisorYaml(i: number, plan: Plan, links: readonly [string, string][]): string {
  const { blue, red } = addressesOf(i, plan);
  return `name: ${hypervisorName(i)}
fabric: ./fabric.yaml
role: hypervisor
prefix: "${homeOf(i)}"
uplinks:
${uplinks(hypervisorName(i), links)}
${OSPF}vms:
  - { name: blue${i + 1}, network: blue/prod, address: ${blue}, interface: blue }
  - { name: red${i + 1}, network: red/prod, address: ${red}, interface: red }
`;
}

const switchYaml = (name: string, number: number, links: readonly [string, string][]): string => `name: ${name}
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:ff00::${number.toString(16)}"
uplinks:
${uplinks(name, links)}
${OSPF}`;

const HEAD = (
  plan: Plan,
): string => `# ${plan.hypervisors} hypervisors in ${plan.racks} racks, ${2 * plan.racks} leaves, ${plan.spines} spines, ${2 * plan.hypervisors} VMs. Made by generate.ts.
name: scale
topology:
  # No management network: a VM shall have no way but its hypervisor's.
  defaults: { kind: linux, network-mode: none, privileged: false, exec: [offload-on] }
  groups:
    router:
      image: ain:latest
      cap-add: [NET_ADMIN, SYS_ADMIN, SYS_NICE]
      security-opts: [apparmor=unconfined]
      devices: [/dev/net/tun]
      binds: ["nodes/fabric.yaml:/etc/ain/fabric.yaml:ro", "nodes/__clabNodeName__.yaml:/etc/ain/node.yaml:ro"]
      labels: { ain-role: router, ain-config: nodes/__clabNodeName__.yaml }
    vm:
      image: ain-vm:latest
      cap-add: [NET_ADMIN]
      exec: [ip route add default via 10.0.0.1 dev eth1 onlink]
      labels: { ain-role: vm, ain-gateway: 10.0.0.1 }
`;

function topologyYaml(plan: Plan, links: readonly [string, string][]): string {
  const routers = [
    ...range(plan.spines).map(spineName),
    ...range(plan.racks).flatMap(leafNames),
    ...range(plan.hypervisors).map(hypervisorName),
  ];
  const vms = range(plan.hypervisors).flatMap((i) =>
    Object.entries(addressesOf(i, plan)).map(([tenant, address]) => {
      const settings = `group: vm, exec: [ip addr add ${address}/32 dev eth1], labels: { ain-address: ${address}/32 }`;
      return `    ${tenant}${i + 1}: { ${settings} }`;
    }),
  );
  const toVms = range(plan.hypervisors).flatMap((i) =>
    ["blue", "red"].map((tenant): [string, string] => [`${hypervisorName(i)}:${tenant}`, `${tenant}${i + 1}:eth1`]),
  );
  const wire = (mtu: number, [a, b]: [string, string]): string => `    - { endpoints: ["${a}", "${b}"], mtu: ${mtu} }`;
  return `${HEAD(plan)}  nodes:
${routers.map((name) => `    ${name}: { group: router }`).join("\n")}
${vms.join("\n")}
  links:
${[...links.map((ends) => wire(FABRIC_MTU, ends)), ...toVms.map((ends) => wire(VM_MTU, ends))].join("\n")}
`;
}

/** File name → text, as it is in the folder. Throws RangeError for a number that makes no whole racks. */
export function scaleFiles(hypervisors: number): Readonly<Record<string, string>> {
  if (!Number.isInteger(hypervisors / RACK) || hypervisors < RACK || hypervisors > MOST) {
    throw new RangeError(`found ${hypervisors} hypervisors, expected a multiple of ${RACK}, ${RACK} … ${MOST}`);
  }
  const racks = hypervisors / RACK;
  const plan = { hypervisors, racks, spines: Math.max(2, Math.ceil(racks / RACKS_PER_SPINE)) };
  const links = wiring(plan);
  const switches = [...range(plan.spines).map(spineName), ...range(racks).flatMap(leafNames)];
  return {
    "scale.clab.yml": topologyYaml(plan, links),
    "nodes/fabric.yaml": fabricYaml(plan),
    ...Object.fromEntries(switches.map((name, i) => [`nodes/${name}.yaml`, switchYaml(name, i + 1, links)])),
    ...Object.fromEntries(
      range(hypervisors).map((i) => [`nodes/${hypervisorName(i)}.yaml`, hypervisorYaml(i, plan, links)]),
    ),
  };
}

if (import.meta.main) {
  const [count = "32", folder = import.meta.dir] = process.argv.slice(2);
  const files = scaleFiles(Number(count));
  mkdirSync(join(folder, "nodes"), { recursive: true });
  for (const old of readdirSync(join(folder, "nodes"))) rmSync(join(folder, "nodes", old));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  console.log(`${folder}: ${count} hypervisors, ${Object.keys(files).length - 2} routers`);
}
