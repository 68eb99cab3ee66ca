/**
 * Two tenants, five networks, seven VMs on two hypervisors, and what the tenants and the operator want of them.
 *
 * ```
 *   hv1   bp1 blue/prod 10.0.0.x     bpub blue/prod 203.0.113.x     rd red/dev 10.2.0.x
 *   hv2   bp2 blue/prod 10.0.0.x     bd   blue/dev  10.1.0.x        rp red/prod 10.0.0.x     rw red/web 198.51.100.x
 * ```
 * red/prod has blue/prod's addresses too. blue/prod has routes to blue/dev and to red/dev, and they to it.
 */
import { formatIpv4, parsePrefix4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { allocateNear } from "#policy/homes";
import { hypervisorYaml, KEY, switchYaml, type TestLab } from "../test-lab";

export type Network = "blue/prod" | "blue/dev" | "red/prod" | "red/dev" | "red/web";
export interface Machine {
  readonly name: string;
  readonly network: Network;
  readonly isPublic: boolean;
  readonly hypervisor: 1 | 2;
  readonly address: string;
}

const TAGS: Readonly<Record<Network, number>> = {
  "blue/prod": 0x401,
  "blue/dev": 0x402,
  "red/prod": 0x801,
  "red/dev": 0x802,
  "red/web": 0x803,
};

function machine(name: string, network: Network, hypervisor: 1 | 2, pool: string, isPublic = false): Machine {
  const plan = { key: fromHex(KEY)!, homes: { length: 2 } };
  const wanted = { homes: new Set([hypervisor - 1]), count: 1, isTaken: (ipv4: number) => (ipv4 & 0xff) < 2 };
  const [address] = allocateNear(plan, { tags: TAGS[network], prefixes: [parsePrefix4(pool)!] }, wanted);
  return { name, network, hypervisor, isPublic, address: formatIpv4(address!) };
}

export const MACHINES: readonly Machine[] = [
  machine("bp1", "blue/prod", 1, "10.0.0.0/24"),
  machine("bpub", "blue/prod", 1, "203.0.113.0/24", true),
  machine("rd", "red/dev", 1, "10.2.0.0/24"),
  machine("bp2", "blue/prod", 2, "10.0.0.0/24"),
  machine("bd", "blue/dev", 2, "10.1.0.0/24"),
  machine("rp", "red/prod", 2, "10.0.0.0/24"),
  machine("rw", "red/web", 2, "198.51.100.0/24", true),
];
export const named = (name: string): Machine => MACHINES.find((each) => each.name === name)!;

/** `web`: what the rule of that name says. */
export const fabricWith = (web: string): string => `name: tenants
key: ${KEY}
prefixes: ["2001:db8:a1::/48"]
homes: ["2001:db8:a1:1::/64", "2001:db8:a1:2::/64"]
rules:
  - { name: no-ssh, action: deny, from: public, to: { network: blue/prod, prefix: 203.0.113.0/24 }, protocol: tcp, ports: 22 }
tenants:
  blue:
    id: 1
    networks:
      prod:
        id: 1
        prefixes: [10.0.0.0/24]
        public: [203.0.113.0/24]
        gateway: 10.0.0.1
        routes: [{ to: 10.1.0.0/16, via: blue/dev }, { to: 10.2.0.0/16, via: red/dev }]
      dev: { id: 2, prefixes: [10.1.0.0/24], gateway: 10.1.0.1, routes: [{ to: 10.0.0.0/24, via: blue/prod }] }
    rules:
      - { name: web, from: blue/prod, to: blue/dev, protocol: tcp, ports: 80, ${web} }
      - { name: dns, action: allow, from: blue/prod, to: red/dev, protocol: udp, ports: 53 }
      - { name: alone, action: allow, from: blue/prod, to: red/dev, protocol: tcp, ports: 80 }
  red:
    id: 2
    networks:
      prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1 }
      dev: { id: 2, prefixes: [10.2.0.0/24], gateway: 10.2.0.1, routes: [{ to: 10.0.0.0/24, via: blue/prod }] }
      web: { id: 3, public: [198.51.100.0/24], gateway: 10.0.0.1 }
    rules:
      - { name: dns, action: allow, from: blue/prod, to: red/dev, protocol: udp, ports: 53, log: true }
`;

export const GATEWAYS: Readonly<Record<Network, string>> = {
  "blue/prod": "10.0.0.1",
  "blue/dev": "10.1.0.1",
  "red/prod": "10.0.0.1",
  "red/dev": "10.2.0.1",
  "red/web": "10.0.0.1",
};

const hypervisor = (index: 1 | 2): string =>
  hypervisorYaml({
    index,
    vms: MACHINES.filter((each) => each.hypervisor === index).map(
      ({ name, network, address }) => `{ name: ${name}, network: ${network}, address: ${address}, interface: ${name} }`,
    ),
  }).replace("role: hypervisor", "role: hypervisor\nconnections: { entries: 1024, perVm: 64 }");

export async function build(lab: TestLab, web: string): Promise<void> {
  lab.write("fabric.yaml", fabricWith(web));
  lab.write("sw.yaml", switchYaml(2));
  for (const index of [1, 2] as const) lab.write(`hv${index}.yaml`, hypervisor(index));
  const vms = MACHINES.map(
    ({ name, address, network }) =>
      `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: ${GATEWAYS[network]} } }`,
  );
  const links = MACHINES.map(
    ({ name, hypervisor: index }) => `    - { endpoints: ["hv${index}:${name}", "${name}:eth1"], mtu: 1500 }`,
  );
  await lab.up(`  nodes:
${["sw", "hv1", "hv2"].map((n) => `    ${n}: { kind: linux, labels: { ain-role: router, ain-config: ${n}.yaml } }`).join("\n")}
${vms.join("\n")}
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1500 }
${links.join("\n")}
`);
}
