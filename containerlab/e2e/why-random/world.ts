/**
 * A deployment in which most things that `ain why` can say are so: three hypervisors, two switches (two ways of equal cost
 * everywhere), a gateway, two tenants with the same prefixes, peerings, rules, and VMs at home, away, and on the move.
 *
 * ```
 *   hv1 ─┬─ sw1 ─┬─ gw ─ o (the outside)        b…, v…: blue/prod    d…: blue/dev      l…: blue/lan, an Ethernet segment
 *   hv2 ─┤       │                              r…: red/prod, with blue/prod's addresses
 *   hv3 ─┴─ sw2 ─┘  hv3's link to sw2 is narrow  rd: red/dev          rw: red/web, public
 * ```
 * All VMs are mute: what comes from them is the test's own. Home 4 is discarded by all hypervisors, home 5 nobody has a route to.
 */
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac, parsePrefix4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { allocateNear, homeOf, networkAddress } from "#policy/homes";
import { KEY, type TestLab } from "../test-lab";

const HOMES = 5;
export const TAGS = {
  "blue/prod": 0x401,
  "blue/dev": 0x402,
  "blue/lan": 0x403,
  "red/prod": 0x801,
  "red/dev": 0x802,
  "red/web": 0x803,
} as const;
export type Network = keyof typeof TAGS;

export const GATEWAYS: Readonly<Record<Network, string>> = {
  "blue/prod": "10.0.0.1",
  "blue/dev": "10.1.0.1",
  "blue/lan": "10.3.0.1",
  "red/prod": "10.0.0.1",
  "red/dev": "10.2.0.1",
  "red/web": "198.18.1.1",
};
export const POOLS: Readonly<Record<Network, string>> = {
  "blue/prod": "10.0.0.0/24",
  "blue/dev": "10.1.0.0/24",
  "blue/lan": "10.3.0.0/24",
  "red/prod": "10.0.0.0/24",
  "red/dev": "10.2.0.0/24",
  "red/web": "198.18.1.0/24",
};
const BLUE_PUBLIC = "203.0.113.0/24";
/** Of tenants: outside the fabric's prefixes, and the same at both. */
const OWN = "2001:db8:7::";

export interface Machine {
  readonly name: string;
  readonly network: Network;
  readonly ipv4: string | undefined;
  readonly ipv6: readonly string[];
  readonly mac: Uint8Array;
  readonly mtu: number | undefined;
  /** Hypervisors it may live at, the first to begin with. */
  readonly ways: readonly string[];
}

/** The `nth` address of a pool that is at home at home 0 … 4. */
export function addressAt(network: Network, home: number, nth = 0, pool = POOLS[network]): string {
  const plan = { key: fromHex(KEY)!, homes: { length: HOMES } };
  const wanted = { homes: new Set([home]), count: nth + 1, isTaken: (ipv4: number) => (ipv4 & 0xff) < 2 };
  return formatIpv4(allocateNear(plan, { tags: TAGS[network], prefixes: [parsePrefix4(pool)!] }, wanted)[nth]!);
}

const homePrefix = (home: number): Uint8Array => parseIpv6(`2001:db8:a1:${home + 1}::`)!;

/** An IPv6 host's address at home 0 … 4. */
export const host6 = (network: Network, home: number, number: number): string =>
  formatIpv6(networkAddress(homePrefix(home), TAGS[network], Uint8Array.of(0, 0, 0, number)));

/** An address that no VM has, at home 0 … 4. */
export function nobodyAt(network: Network, home: number, is6: boolean): string {
  return is6 ? host6(network, home, 200) : addressAt(network === "blue/lan" ? "blue/prod" : network, home, 9);
}

/** Addresses that nobody can say anything about, as their homes are not reached: whoever asks goes on asking. */
export const UNANSWERED: ReadonlySet<string> = new Set(
  (Object.keys(TAGS) as Network[]).flatMap((network) =>
    [3, 4].flatMap((home) => [nobodyAt(network, home, false), nobodyAt(network, home, true)]),
  ),
);

type Rest = Partial<Pick<Machine, "ipv4" | "ipv6" | "mtu">>;
const machine = (name: string, network: Network, ways: readonly string[], rest: Rest, number: number): Machine => ({
  ...{ name, network, ways, ipv4: rest.ipv4, ipv6: rest.ipv6 ?? [], mtu: rest.mtu },
  mac: parseMac(`02:00:00:00:01:${number.toString(16).padStart(2, "0")}`)!,
});

/** The first of blue/prod's at a home that is red/prod's too, there at the home of a hypervisor. */
function sharedAt(home: number): string {
  const plan = { key: fromHex(KEY)!, homes: { length: HOMES } };
  const isReached = (address: string): boolean => homeOf(plan, TAGS["red/prod"], parseIpv4(address)!) < 3;
  for (let nth = 0; ; nth++) {
    const address = addressAt("blue/prod", home, nth);
    if (isReached(address)) return address;
  }
}

const SHARED = sharedAt(0);
/** The private address that FLOATING stands for. */
export const FLOATED: string = sharedAt(1);

const LIST: readonly (readonly [string, Network, readonly string[], Rest])[] = [
  ["b1", "blue/prod", ["hv1"], { ipv4: SHARED }],
  ["b2", "blue/prod", ["hv1"], { ipv4: addressAt("blue/prod", 2), ipv6: [host6("blue/prod", 0, 2)] }],
  ["b3", "blue/prod", ["hv2"], { ipv4: FLOATED }],
  ["b4", "blue/prod", ["hv3"], { ipv4: addressAt("blue/prod", 2, 1), mtu: 1400 }],
  ["bp", "blue/prod", ["hv2"], { ipv4: addressAt("blue/prod", 0, 0, BLUE_PUBLIC) }],
  ["v1", "blue/prod", ["hv1"], { ipv6: [host6("blue/prod", 0, 7), host6("blue/prod", 2, 7)] }],
  ["v2", "blue/prod", ["hv3"], { ipv6: [host6("blue/prod", 1, 8)] }],
  ["d1", "blue/dev", ["hv1"], { ipv4: addressAt("blue/dev", 0), ipv6: [`${OWN}a`] }],
  ["d2", "blue/dev", ["hv3"], { ipv4: addressAt("blue/dev", 1), ipv6: [`${OWN}b`, host6("blue/dev", 2, 9)] }],
  ["l1", "blue/lan", ["hv1"], { ipv4: "10.3.0.4" }],
  ["l2", "blue/lan", ["hv2"], { ipv4: "10.3.0.5" }],
  ["r1", "red/prod", ["hv1"], { ipv4: SHARED, ipv6: [host6("red/prod", 0, 2)] }],
  ["r2", "red/prod", ["hv2"], { ipv4: FLOATED }],
  ["r3", "red/prod", ["hv3"], { ipv4: addressAt("red/prod", 2, 3), ipv6: [host6("red/prod", 2, 3)] }],
  ["rd", "red/dev", ["hv2"], { ipv4: addressAt("red/dev", 1), ipv6: [`${OWN}a`] }],
  ["rw", "red/web", ["hv3"], { ipv4: addressAt("red/web", 2) }],
  ["mb", "blue/prod", ["hv1", "hv2", "hv3"], { ipv4: addressAt("blue/prod", 0, 6), ipv6: [host6("blue/prod", 0, 66)] }],
  ["mr", "red/prod", ["hv3", "hv1"], { ipv4: addressAt("red/prod", 1, 4), ipv6: [host6("red/prod", 1, 67)] }],
];
export const MACHINES: readonly Machine[] = LIST.map(([name, network, ways, rest], i) =>
  machine(name, network, ways, rest, i + 1),
);

export const FLOATING = "198.18.0.10";
export const NAT_ADDRESS = "198.51.102.17";
export const OUTSIDE_HOST = "192.0.2.9";
/** What an IPv6 host calls it. */
export const OUTSIDE_HOST_6 = "2001:db8:a1:fe:0:1:c000:209";
export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
/** Of the gateway's link to the outside, and of the router there. */
export const OUT_MAC = parseMac("02:00:00:00:02:01")!;
const O_MAC = parseMac("02:00:00:00:02:02")!;

const FABRIC = `name: why
key: ${KEY}
prefixes: ["2001:db8:a1::/48"]
homes: [${Array.from({ length: HOMES }, (_, i) => `"2001:db8:a1:${i + 1}::/64"`).join(", ")}]
outside:
  prefix: "2001:db8:a1:fe::/64"
  floating: [{ address: ${FLOATING}, network: blue/prod, to: ${FLOATED} }]
rules:
  - { name: no-smtp, action: deny, protocol: tcp, ports: 25 }
  - { name: no-ssh, action: deny, from: public, to: { network: blue/prod, prefix: ${BLUE_PUBLIC} }, protocol: tcp, ports: 22 }
tenants:
  blue:
    id: 1
    networks:
      prod:
        id: 1
        prefixes: [10.0.0.0/24]
        public: [${BLUE_PUBLIC}]
        gateway: 10.0.0.1
        ra: false
        routes:
          - { to: 10.1.0.0/16, via: blue/dev }
          - { to: 10.1.0.128/25, via: blackhole }
          - { to: 10.2.0.0/16, via: red/dev }
          - { to: 0.0.0.0/0, via: gateway }
      dev:
        id: 2
        prefixes: [10.1.0.0/24]
        tenantPrefixes: ["${OWN}/64"]
        gateway: 10.1.0.1
        ra: false
        routes: [{ to: 10.0.0.0/24, via: blue/prod }]
      lan:
        id: 3
        prefixes: [10.3.0.0/24]
        gateway: 10.3.0.1
        broadcast: { prefix: 10.3.0.0/24 }
    rules:
      - { name: web, action: allow, from: blue/prod, to: blue/dev, protocol: tcp, ports: [80, "8000-8010"] }
      - { name: names, action: allow, from: blue/dev, to: blue/prod, protocol: udp, ports: 53, stateful: false }
      - { name: ping, action: allow, from: blue/prod, to: blue/dev, protocol: icmp, icmpType: echo }
      - { name: esp, action: allow, from: blue/dev, to: blue/prod, protocol: 50 }
      - { name: no-echo, action: deny, from: blue/prod, to: blue/prod, protocol: udp, ports: 7 }
      - { name: no-half, action: deny, from: { network: blue/prod, prefix: 10.0.0.0/26 }, to: blue/prod, protocol: udp, ports: "9000-9999" }
      - { name: no-sctp, action: deny, from: blue/prod, to: blue/prod, protocol: sctp }
      - { name: dns, action: allow, from: blue/prod, to: red/dev, protocol: udp, ports: 53 }
      - { name: alone, action: allow, from: blue/prod, to: red/dev, protocol: tcp, ports: 80 }
      - { name: no-irc, action: deny, from: blue/prod, to: outside, protocol: tcp, ports: 6667 }
      - { name: in, action: allow, from: outside, to: blue/prod, protocol: tcp, ports: 80 }
      - { name: ping-in, action: allow, from: outside, to: blue/prod, protocol: icmp, icmpType: echo }
  red:
    id: 2
    networks:
      prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1, ra: false }
      dev:
        id: 2
        prefixes: [10.2.0.0/24]
        tenantPrefixes: ["${OWN}/64"]
        gateway: 10.2.0.1
        ra: false
        routes: [{ to: 10.0.0.0/24, via: blue/prod }]
      web:
        id: 3
        prefixes: []
        public: [198.18.1.0/24]
        gateway: 198.18.1.1
        routes: [{ to: 0.0.0.0/0, via: gateway }]
    rules:
      - { name: dns, action: allow, from: blue/prod, to: red/dev, protocol: udp, ports: 53 }
      - { name: web-in, action: allow, from: outside, to: red/web, protocol: tcp, ports: [80, 443] }
`;

const HYPERVISORS = ["hv1", "hv2", "hv3"] as const;
export const ROUTERS = [...HYPERVISORS, "sw1", "sw2", "gw"] as const;
const SWITCHES = `via: [{ uplink: eth1, nextHop: "2001:db8:a1:ff::1" }, { uplink: eth2, nextHop: "2001:db8:a1:ff::2" }]`;

const vmYaml = ({ name, network, ipv4, ipv6, mac, mtu }: Machine): string => {
  const addresses = [
    ...(ipv4 === undefined ? [] : [`address: ${ipv4}`]),
    ...(ipv6.length === 0 ? [] : [`ipv6: [${ipv6.map((each) => `"${each}"`).join(", ")}]`]),
    ...(mtu === undefined ? [] : [`mtu: ${mtu}`]),
  ];
  return `  - { name: ${name}, network: ${network}, ${addresses.join(", ")}, mac: "${formatMac(mac)}", interface: ${name} }`;
};

const hypervisorYaml = (index: number): string => `name: hv${index}
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:${index}::/64"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
routes:
  - { to: "::/0", ${SWITCHES} }
  - { to: "2001:db8:a1:4::/64", discard: true }
vms:
${MACHINES.filter(({ ways }) => ways[0] === `hv${index}`)
  .map(vmYaml)
  .join("\n")}
`;

const switchYaml = (index: number): string => {
  const homes = [1, 2, 3].map(
    (i) => `  - { to: "2001:db8:a1:${i}::/64", via: [{ uplink: eth${i}, nextHop: "2001:db8:a1:${i}::1" }] }`,
  );
  const gateway = ["2001:db8:a1:fe::/64", "2001:db8:a1:ff::11/128"].map(
    (to) => `  - { to: "${to}", via: [{ uplink: eth4, nextHop: "2001:db8:a1:ff::11" }] }`,
  );
  return `name: sw${index}
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:ff::${index}"
uplinks: [${[1, 2, 3, 4].map((i) => `{ interface: eth${i} }`).join(", ")}]
routes:
${[...homes, ...gateway].join("\n")}
`;
};

const GATEWAY = `name: gw
fabric: ./fabric.yaml
role: gateway
address: "2001:db8:a1:ff::11"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
routes: [{ to: "::/0", ${SWITCHES} }]
outside: { interface: out, address: 198.51.100.2/30, nextHop: 198.51.100.1, pool: [198.51.102.16/30] }
`;

/** Both ends of the links between routers, and the outside's: router and port here, router and port there, octets. */
const FABRIC_LINKS: readonly (readonly [string, string, string, string, number])[] = [
  ...[1, 2, 3].flatMap((i) =>
    [1, 2].map((s) => [`hv${i}`, `eth${s}`, `sw${s}`, `eth${i}`, i === 3 && s === 2 ? 1400 : 1500] as const),
  ),
  ["gw", "eth1", "sw1", "eth4", 1500],
  ["gw", "eth2", "sw2", "eth4", 1500],
];

/** Where a frame arrives that a router sends out of a port: `<node> <interface>`. */
export const ENDS: ReadonlyMap<string, string> = new Map([
  ...FABRIC_LINKS.flatMap(([a, x, b, y]): [string, string][] => [
    [`${a} ${x}`, `${b} ${y}`],
    [`${b} ${y}`, `${a} ${x}`],
  ]),
  ["gw out", "o eth1"],
  ...MACHINES.flatMap(({ name, ways }) =>
    ways.map((way): [string, string] => [`${way} ${name}`, `${name} ${vmInterface(ways)}`]),
  ),
]);

/** A VM that moves has one of its own behind its wires (docs/lab.md). */
export function vmInterface(ways: readonly string[]): string {
  return ways.length > 1 ? "eth0" : "eth1";
}

export async function build(lab: TestLab): Promise<void> {
  lab.write("fabric.yaml", FABRIC);
  for (const i of [1, 2, 3]) lab.write(`hv${i}.yaml`, hypervisorYaml(i));
  for (const i of [1, 2]) lab.write(`sw${i}.yaml`, switchYaml(i));
  lab.write("gw.yaml", GATEWAY);
  const router = (name: string) =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const moving = MACHINES.filter(({ ways }) => ways.length > 1);
  const still = MACHINES.filter(({ ways }) => ways.length === 1);
  const end = (node: string, name: string, mac?: Uint8Array) =>
    `{ node: ${node}, interface: ${name}${mac === undefined ? "" : `, mac: "${formatMac(mac)}"`} }`;
  const mute = "[sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1, ip link set eth1 arp off]";
  await lab.up(`  nodes:
${ROUTERS.map(router).join("\n")}
${still.map(({ name }) => `    ${name}: { kind: linux, exec: ${mute} }`).join("\n")}
${moving.map(({ name, ipv4, mac }) => `    ${name}: { kind: linux, labels: { ain-role: vm, ain-moves: "true", ain-address: ${ipv4}/32, ain-mac: "${formatMac(mac)}" } }`).join("\n")}
    o: { kind: linux, exec: [sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1, ip address add 198.51.100.1/30 dev eth1] }
  links:
${FABRIC_LINKS.map(([a, x, b, y, mtu]) => `    - { endpoints: ["${a}:${x}", "${b}:${y}"], mtu: ${mtu} }`).join("\n")}
    - { type: veth, mtu: 1500, endpoints: [${end("gw", "out", OUT_MAC)}, ${end("o", "eth1", O_MAC)}] }
${still.map(({ name, ways, mac }) => `    - { type: veth, mtu: 1500, endpoints: [${end(ways[0]!, name)}, ${end(name, "eth1", mac)}] }`).join("\n")}
${moving.flatMap(({ name, ways }) => ways.map((way) => `    - { endpoints: ["${way}:${name}", "${name}:${way}"], mtu: 1500 }`)).join("\n")}
`);
  for (const { name } of moving) {
    for (const words of [
      "sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
      "ip address flush dev eth0",
      "ip link set eth0 arp off",
    ]) {
      const { status, text } = lab.run(name, words);
      if (status !== 0) throw new Error(`${name}: ${words}: ${text}`);
    }
  }
}

/** As octets. */
export const octetsOf = (address: string): Uint8Array =>
  address.includes(":") ? parseIpv6(address)! : parseIpv4(address)!;
