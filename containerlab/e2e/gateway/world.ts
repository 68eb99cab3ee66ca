/**
 * Two hypervisors, a switch and two gateways that speak OSPF; outside a router and a host, both of them plain Linux.
 *
 * ```
 *   hv1  ba blue/prod 10.0.0.x, red has the same        gw1 ─ 198.51.100.0/30 ─┐
 *        b6 blue/six, IPv6 alone; bm blue/prod, whose home is hv2
 *   hv2  ra red/prod 10.0.0.x                  sw ─                            or ─ 192.0.2.0/24 ─ oh
 *        bf blue/prod, floating 198.18.0.10             gw2 ─ 198.51.101.0/30 ─┘
 *        bp blue/web 198.18.1.x, public
 * ```
 */
import { formatIpv4, parsePrefix4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { allocateNear, homeOf } from "#policy/homes";
import { KEY, type TestLab } from "../test-lab";

const PLAN = { key: fromHex(KEY)!, homes: { length: 2 } };
const [BLUE, RED, WEB] = [0x401, 0x801, 0x402];

function at(home: number, tags: number, pool: string, count = 1): Uint8Array[] {
  const wanted = { homes: new Set([home]), count, isTaken: (ipv4: number) => (ipv4 & 0xff) < 2 };
  return allocateNear(PLAN, { tags, prefixes: [parsePrefix4(pool)!] }, wanted);
}

/** The same private address for two tenants: blue's at hv1, red's at hv2. */
const SHARED = at(0, BLUE, "10.0.0.0/24", 100).find((ipv4) => homeOf(PLAN, RED, ipv4) === 1)!;
export const ADDRESS = {
  ba: formatIpv4(SHARED),
  ra: formatIpv4(SHARED),
  bf: formatIpv4(at(1, BLUE, "10.0.0.0/24")[0]!),
  bm: formatIpv4(at(1, BLUE, "10.0.0.0/24", 2)[1]!),
  bp: formatIpv4(at(1, WEB, "198.18.1.0/24")[0]!),
} as const;
/** A VM without IPv4, and what it calls the outside host. */
export const B6 = "2001:db8:a1:1:0:403:0:2";
export const FLOATING = "198.18.0.10";
export const HOST = "192.0.2.9";
export const HOST_6 = "2001:db8:a1:fe:0:1:c000:209";
export const POOLS = ["203.0.113.16", "203.0.113.32"] as const;
/** Of these the lower half of the ports is red's. */
export const RED_POOLS = ["203.0.113.17", "203.0.113.33"] as const;

export const fabricYaml = (rules = ""): string => `name: gateway
key: ${KEY}
prefixes: ["2001:db8:a1::/48"]
homes: ["2001:db8:a1:1::/64", "2001:db8:a1:2::/64"]
outside:
  prefix: "2001:db8:a1:fe::/64"
  floating: [{ address: ${FLOATING}, network: blue/prod, to: ${ADDRESS.bf} }]
tenants:
  blue:
    id: 1
    networks:
      prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1, routes: [{ to: 0.0.0.0/0, via: gateway }] }
      web: { id: 2, public: [198.18.1.0/24], gateway: 198.18.1.1, routes: [{ to: 0.0.0.0/0, via: gateway }] }
      six: { id: 3, prefixes: [], routes: [{ to: 0.0.0.0/0, via: gateway }] }
    rules:
      - { name: in, action: allow, from: outside, to: [{ network: blue/prod, prefix: ${ADDRESS.bf}/32 }, blue/web], protocol: tcp, ports: 80 }
      - { name: ping, action: allow, from: outside, to: [{ network: blue/prod, prefix: ${ADDRESS.bf}/32 }, blue/web], protocol: icmp, icmpType: echo }
${rules}  red:
    id: 2
    networks:
      prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1, routes: [{ to: 0.0.0.0/0, via: gateway }] }
`;

const OSPF = "ospf: { defaults: { hello: 1s, dead: 4s, bfd: true } }";

const hypervisor = (index: 1 | 2, vms: readonly string[]): string => `name: hv${index}
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:${index}::/64"
uplinks: [{ interface: eth1 }]
${OSPF}
vms:
${vms.map((vm) => `  - ${vm}`).join("\n")}
`;

const vm = (name: keyof typeof ADDRESS, network: string): string =>
  `{ name: ${name}, network: ${network}, address: ${ADDRESS[name]}, interface: ${name} }`;

const gateway = (index: 1 | 2): string => `name: gw${index}
fabric: ./fabric.yaml
role: gateway
forwarders: 2
address: "2001:db8:a1:ff::${index}1"
uplinks: [{ interface: eth1 }]
${OSPF}
outside:
  interface: out
  address: 198.51.10${index - 1}.2/30
  nextHop: 198.51.10${index - 1}.1
  pool: [${POOLS[index - 1]}/30]
  shares: [{ tenants: [red], pool: [${RED_POOLS[index - 1]}/32], ports: "1024-33791" }]
`;

const GATEWAY_OF = { ba: "10.0.0.1", ra: "10.0.0.1", bf: "10.0.0.1", bm: "10.0.0.1", bp: "198.18.1.1" } as const;
const names = Object.keys(ADDRESS) as (keyof typeof ADDRESS)[];
const hypervisorOf = (name: keyof typeof ADDRESS): string => (name === "ba" || name === "bm" ? "hv1" : "hv2");

/** What an outside router is told of the fabric: NAT addresses are one gateway's, all others any gateway's. */
export const ROUTES = [
  `ip route add ${POOLS[0]}/30 via 198.51.100.2`,
  `ip route add ${POOLS[1]}/30 via 198.51.101.2`,
  ...[`${FLOATING}/32`, "198.18.1.0/24"].map(
    (to) => `ip route add ${to} nexthop via 198.51.100.2 nexthop via 198.51.101.2`,
  ),
];

/** Neighbors that are gone are known to be so within seconds, and the other way is taken. */
const SYSCTLS = `net.ipv4.ip_forward: "1", net.ipv4.fib_multipath_use_neigh: "1", net.ipv4.fib_multipath_hash_policy: "1"`;

export async function build(lab: TestLab): Promise<void> {
  lab.write("fabric.yaml", fabricYaml());
  lab.write(
    "sw.yaml",
    `name: sw
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:ff::1"
uplinks: [${[1, 2, 3, 4].map((i) => `{ interface: eth${i} }`).join(", ")}]
${OSPF}
`,
  );
  lab.write(
    "hv1.yaml",
    hypervisor(1, [
      ...[vm("ba", "blue/prod"), vm("bm", "blue/prod")],
      `{ name: b6, network: blue/six, ipv6: "${B6}", interface: b6 }`,
    ]),
  );
  lab.write("hv2.yaml", hypervisor(2, [vm("ra", "red/prod"), vm("bf", "blue/prod"), vm("bp", "blue/web")]));
  for (const index of [1, 2] as const) lab.write(`gw${index}.yaml`, gateway(index));
  const routers = ["sw", "hv1", "hv2", "gw1", "gw2"].map(
    (n) => `    ${n}: { kind: linux, labels: { ain-role: router, ain-config: ${n}.yaml } }`,
  );
  const vms = names.map(
    (name) =>
      `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${ADDRESS[name]}/32, ain-gateway: ${GATEWAY_OF[name]} } }`,
  );
  const exec = [
    "ip addr add 198.51.100.1/30 dev eth1",
    "ip addr add 198.51.101.1/30 dev eth2",
    "ip addr add 192.0.2.1/24 dev eth3",
    ...ROUTES,
  ];
  await lab.up(`  nodes:
${routers.join("\n")}
${vms.join("\n")}
    b6: { kind: linux, labels: { ain-role: vm, ain-address: "${B6}/128" } }
    or: { kind: linux, sysctls: { ${SYSCTLS} }, exec: [${exec.map((words) => `"${words}"`).join(", ")}] }
    oh: { kind: linux, exec: ["ip addr add ${HOST}/24 dev eth1", "ip route add default via 192.0.2.1"] }
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth3", "gw1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth4", "gw2:eth1"], mtu: 1500 }
    - { endpoints: ["gw1:out", "or:eth1"], mtu: 1500 }
    - { endpoints: ["gw2:out", "or:eth2"], mtu: 1500 }
    - { endpoints: ["or:eth3", "oh:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:b6", "b6:eth1"], mtu: 1500 }
${names.map((name) => `    - { endpoints: ["${hypervisorOf(name)}:${name}", "${name}:eth1"], mtu: 1500 }`).join("\n")}
`);
}
