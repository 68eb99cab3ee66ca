/**
 * Two hypervisors, a switch and two gateways that speak OSPF; outside a router and a host with IPv6, both of them plain Linux.
 *
 * ```
 *   hv1  bp blue/web, an address of the fabric's; bm the same, whose home is hv2        gw1 ─ 2001:db8:f1::/64 ─┐
 *        bt blue/web, addresses that blue brought: public ones, and a private one   sw ─                        or ─ oh
 *   hv2  rp red/prod, an address of the fabric's that is private                        gw2 ─ 2001:db8:f2::/64 ─┘
 * ```
 */
import { KEY, type TestLab } from "../test-lab";

export const BP = "2001:db8:a1:1:0:401:0:2";
export const BM = "2001:db8:a1:2:0:401:0:9";
export const RP = "2001:db8:a1:2:0:801:0:2";
export const BT = "2001:db8:70::7";
export const BT_PRIVATE = "fd00:71::7";
/** On the subnet of gw1's outside link. */
export const BT_ON_LINK = "2001:db8:f1:0:8000::7";
export const HOST = "2001:db8:cafe::9";

const FABRIC = `name: straight
key: ${KEY}
prefixes: ["2001:db8:a1::/48"]
homes: ["2001:db8:a1:1::/64", "2001:db8:a1:2::/64"]
outside: { prefix: "2001:db8:a1:fe::/64", ipv6: ["2000::/3"] }
tenants:
  blue:
    id: 1
    networks:
      web:
        id: 1
        prefixes: []
        publicIpv6: true
        tenantPrefixes:
          - { prefix: "2001:db8:70::/48", public: true }
          - { prefix: "2001:db8:f1:0:8000::/65", public: true }
          - "fd00:71::/48"
        routes: [{ to: "::/0", via: gateway }]
    rules:
      - { name: web, action: allow, from: outside, to: blue/web, protocol: tcp, ports: 80 }
      - { name: ping, action: allow, from: outside, to: blue/web, protocol: icmp, icmpType: echo }
      - { name: dns, action: allow, from: outside, to: { network: blue/web, prefix: "2001:db8:70::/64" }, protocol: udp, ports: 53 }
  red: { id: 2, networks: { prod: { id: 1, prefixes: [] } } }
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

const gateway = (index: 1 | 2): string => `name: gw${index}
fabric: ./fabric.yaml
role: gateway
address: "2001:db8:a1:ff::${index}1"
uplinks: [{ interface: eth1 }]
${OSPF}
outside:
  interface: out
  address: 198.51.10${index - 1}.2/30
  nextHop: 198.51.10${index - 1}.1
  ipv6: { address: "2001:db8:f${index}::2/64", nextHop: "2001:db8:f${index}::1" }
`;

/** What an outside router is told of the fabric: any gateway will do for any of it. */
export const ROUTES = ["2001:db8:a1::/48", "2001:db8:70::/48"].map(
  (to) => `ip -6 route add ${to} nexthop via 2001:db8:f1::2 nexthop via 2001:db8:f2::2`,
);

export async function build(lab: TestLab): Promise<void> {
  lab.write("fabric.yaml", FABRIC);
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
  const vm = (name: string, network: string, ipv6: string): string =>
    `{ name: ${name}, network: ${network}, ipv6: [${ipv6}], interface: ${name} }`;
  lab.write(
    "hv1.yaml",
    hypervisor(1, [
      vm("bp", "blue/web", `"${BP}"`),
      vm("bm", "blue/web", `"${BM}"`),
      vm("bt", "blue/web", `"${BT}", "${BT_PRIVATE}", "${BT_ON_LINK}"`),
    ]),
  );
  lab.write("hv2.yaml", hypervisor(2, [vm("rp", "red/prod", `"${RP}"`)]));
  for (const index of [1, 2] as const) lab.write(`gw${index}.yaml`, gateway(index));
  const routers = ["sw", "hv1", "hv2", "gw1", "gw2"].map(
    (n) => `    ${n}: { kind: linux, labels: { ain-role: router, ain-config: ${n}.yaml } }`,
  );
  const host = (name: string, address: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: "${address}/128" } }`;
  const exec = [
    ...[1, 2].map((i) => `ip addr add 198.51.10${i - 1}.1/30 dev eth${i}`),
    ...[1, 2].map((i) => `ip -6 addr add 2001:db8:f${i}::1/64 dev eth${i} nodad`),
    "ip -6 addr add 2001:db8:cafe::1/64 dev eth3 nodad",
    ...ROUTES,
  ];
  const sysctls = `net.ipv6.conf.all.forwarding: "1", net.ipv6.fib_multipath_hash_policy: "1"`;
  await lab.up(`  nodes:
${routers.join("\n")}
${[host("bp", BP), host("bm", BM), host("bt", BT), host("rp", RP)].join("\n")}
    or: { kind: linux, sysctls: { ${sysctls} }, exec: [${exec.map((words) => `"${words}"`).join(", ")}] }
    oh: { kind: linux, exec: ["ip -6 addr add ${HOST}/64 dev eth1 nodad", "ip -6 route add default via 2001:db8:cafe::1"] }
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth3", "gw1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth4", "gw2:eth1"], mtu: 1500 }
    - { endpoints: ["gw1:out", "or:eth1"], mtu: 1500 }
    - { endpoints: ["gw2:out", "or:eth2"], mtu: 1500 }
    - { endpoints: ["or:eth3", "oh:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:bp", "bp:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:bm", "bm:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:bt", "bt:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:rp", "rp:eth1"], mtu: 1500 }
`);
}
