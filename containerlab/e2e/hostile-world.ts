/**
 * Who meets whom in the tests of hostile frames: one hypervisor, its VMs and its fabric links.
 *
 * ```
 *   a, o, m: blue, mute ──┐           ┌── eth1 ── n: a plain IPv6 host, the way to home 2; also remote blue VM s
 *   b: blue, Linux ───────┤    hv     │
 *   r: red, mute ─────────┤           └── eth2 ── p: mute, whence hostile frames come
 *   v, w: IPv6, mute ─────┤
 *   l, k: blue, mute ─────┘   on an Ethernet segment
 * ```
 * v and w are blue's, in a network of their own that is not advertised to: nothing is sent to them unasked.
 * Mute: nothing but the test's frames comes from there, so every counter is the test's own. Of m the router knows no MAC
 * address; o takes no super-packets. Home 3 is behind a neighbour that does not exist, home 4 is discarded, home 5 has no
 * route.
 */
import { formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from "#base/address";
import { build4, build6, framed, type Ip4, type Ip6, type Upper } from "#fastpath/testing/packet";
import { networkAddress } from "#policy/homes";
import { multicastMac6 } from "#wire/ethernet";
import { addressesAt, BLUE, fabricYaml, RED, type TestLab } from "./test-lab";

const HOMES = 5;
/** Tags of blue/six. */
const SIX = (1 << 10) | 2;
/** Tags of blue/lan, which is an Ethernet segment. */
export const LAN = (1 << 10) | 3;
/** UDP to it the operator's rule forbids. */
export const DENIED_PORT = 19;
const home = (index: number): Uint8Array => parseIpv6(`2001:db8:a1:${index}::`)!;

export interface Host {
  readonly text: string;
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
}

/** The `nth` address (from 0) of a network that lives at home 1 … 5. */
function host(index: number, tags: number, nth: number): Host {
  const text = addressesAt(HOMES, index - 1, tags, nth + 1)[nth]!;
  const ipv4 = parseIpv4(text)!;
  return { text, ipv4, ipv6: networkAddress(home(index), tags, ipv4) };
}

export const A = host(1, BLUE, 0);
export const B = host(1, BLUE, 1);
export const O = host(1, BLUE, 2);
export const M = host(1, BLUE, 3);
/** Blue and at home here, but no VM has it. */
export const NOBODY = host(1, BLUE, 4);
export const R = host(1, RED, 0);
/** n itself. */
export const S = host(2, BLUE, 0);
/** Beyond n, which throws away what is for it: nothing answers. */
export const T = host(2, BLUE, 1);
export const BEHIND_SILENCE = host(3, BLUE, 0);
export const DISCARDED = host(4, BLUE, 0);
export const UNROUTED = host(5, BLUE, 0);
/** A red VM at home 2. */
export const RED_REMOTE = host(2, RED, 0);

/** On the segment; 10.0.1.1 is its gateway. */
export const L = lanHost(2);
export const K = lanHost(3);

function lanHost(last: number): Host {
  const text = `10.0.1.${last}`;
  const ipv4 = parseIpv4(text)!;
  return { text, ipv4, ipv6: networkAddress(home(1), LAN, ipv4) };
}

/** An IPv6 host's address: home 1 … 5, tags of blue/six, host number 1 … 255. */
export const host6 = (index: number, number: number, tags = SIX): Uint8Array =>
  networkAddress(home(index), tags, Uint8Array.of(0, 0, 0, number));
export const V6 = host6(1, 2);
export const W6 = host6(1, 3);
/** Beyond n, as t is. */
export const X6 = host6(2, 2);
export const GATEWAY6 = parseIpv6("fe80::1")!;

export const GATEWAY = parseIpv4("10.0.0.1")!;
export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
export const A_MAC = parseMac("02:00:00:00:00:0a")!;
const O_MAC = parseMac("02:00:00:00:00:0c")!;
export const R_MAC = parseMac("02:00:00:00:00:0d")!;
export const M_MAC = parseMac("02:00:00:00:00:0e")!;
export const P_MAC = parseMac("02:00:00:00:02:02")!;
export const V_MAC = parseMac("02:00:00:00:00:0f")!;
const W_MAC = parseMac("02:00:00:00:00:10")!;
export const L_MAC = parseMac("02:00:00:00:00:11")!;
export const K_MAC = parseMac("02:00:00:00:00:12")!;
/** The router's on eth2. */
export const ETH2_MAC = parseMac("02:00:00:00:02:01")!;
export const ROUTER6 = parseIpv6("2001:db8:a1:1::1")!;
const N = "2001:db8:a1:ff::2";
export const N6 = parseIpv6(N)!;
/** The IPv6 outside. */
export const BEYOND = "2001:db8:66::";
/** Largest IPv4 packet that VM a takes, octets. */
export const A_MTU = 1400;

/** Nodes whose incoming frames a test sees. */
export const NODES = ["a", "b", "o", "m", "r", "v", "w", "l", "k", "n", "p"] as const;
export type Node = (typeof NODES)[number];

const vm = (name: string, address: Host, more: string): string =>
  `  - { name: ${name}, network: ${name === "r" ? "red" : "blue"}/${"lk".includes(name) ? "lan" : "prod"}, address: ${address.text}, interface: ${name}${more} }\n`;

const vm6 = (name: string, address: Uint8Array, more: string): string =>
  `  - { name: ${name}, network: blue/six, ipv6: "${formatIpv6(address)}", interface: ${name}${more} }\n`;

/** The hypervisor's file, without the VMs named. */
export const nodeYaml = (...without: string[]): string => `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
routes:
  - { to: "2001:db8:a1:2::/64", via: [{ uplink: eth1, nextHop: "${N}" }] }
  - { to: "2001:db8:a1:ff::/64", via: [{ uplink: eth1, nextHop: "${N}" }] }
  - { to: "2001:db8:a1:3::/64", via: [{ uplink: eth1, nextHop: "2001:db8:a1:ff::3" }] }
  - { to: "2001:db8:a1:4::/64", discard: true }
vms:
${[
  ["a", vm("a", A, `, mac: "${formatMac(A_MAC)}", mtu: ${A_MTU}`)],
  ["b", vm("b", B, "")],
  ["o", vm("o", O, `, mac: "${formatMac(O_MAC)}", offload: false`)],
  ["m", vm("m", M, "")],
  ["r", vm("r", R, `, mac: "${formatMac(R_MAC)}"`)],
  ["l", vm("l", L, `, mac: "${formatMac(L_MAC)}"`)],
  ["k", vm("k", K, `, mac: "${formatMac(K_MAC)}"`)],
  ["v", vm6("v", V6, `, mac: "${formatMac(V_MAC)}"`)],
  ["w", vm6("w", W6, `, mac: "${formatMac(W_MAC)}", mtu: 1400`)],
]
  .filter(([name]) => !without.includes(name!))
  .map(([, text]) => text)
  .join("")}`;

/** Its VMs have private addresses; only what its tenant brought could leave by a gateway, which there is none of. */
const SIX_YAML = `six: { id: 2, prefixes: [], ra: false, tenantPrefixes: [{ prefix: "2001:db8:70::/48", public: true }], routes: [{ to: "${BEYOND}/48", via: gateway }] }`;

/** Builds it all; resolves when b and s reach one another. */
export async function build(lab: TestLab): Promise<void> {
  lab.write(
    "fabric.yaml",
    `${fabricYaml(HOMES).replace("gateway: 10.0.0.1 } } }\n  red", `gateway: 10.0.0.1 }, ${SIX_YAML}, lan: { id: 3, prefixes: [10.0.1.0/24], gateway: 10.0.1.1, broadcast: { prefix: 10.0.1.0/24, rate: 100 } } } }\n  red`)}rules: [{ name: no-chargen, action: deny, protocol: udp, ports: ${DENIED_PORT} }]\noutside: { prefix: "2001:db8:a1:fe::/64", ipv6: ["${BEYOND}/48"] }\n`,
  );
  lab.write("hv.yaml", nodeYaml());
  const mute = (name: string): string => `    ${name}:
      kind: linux
      exec: [sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1, ip link set eth1 arp off]
`;
  const link = (name: string, mac?: Uint8Array): string =>
    mac === undefined
      ? `    - { endpoints: ["hv:${name}", "${name}:eth1"], mtu: 1500 }\n`
      : `    - { mtu: 1500, type: veth, endpoints: [{ node: hv, interface: ${name} }, { node: ${name}, interface: eth1, mac: "${formatMac(mac)}" }] }\n`;
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
${["a", "o", "m", "r", "v", "w", "l", "k", "p"].map(mute).join("")}    b: { kind: linux, labels: { ain-role: vm, ain-address: ${B.text}/32, ain-gateway: 10.0.0.1 } }
    n:
      kind: linux
      exec:
        - ip address add ${N}/64 dev eth1 nodad
        - ip address add ${formatIpv6(S.ipv6)}/128 dev lo
        - ip route add 2001:db8:a1:1::1 dev eth1
        - ip route add default via 2001:db8:a1:1::1 dev eth1
  links:
    - { endpoints: ["hv:eth1", "n:eth1"], mtu: 1500 }
    - { mtu: 1500, type: veth, endpoints: [{ node: hv, interface: eth2, mac: "${formatMac(ETH2_MAC)}" }, { node: p, interface: eth1, mac: "${formatMac(P_MAC)}" }] }
${link("a", A_MAC)}${link("b")}${link("o", O_MAC)}${link("m", M_MAC)}${link("r", R_MAC)}${link("v", V_MAC)}${link("w", W_MAC)}${link("l", L_MAC)}${link("k", K_MAC)}`);
  await lab.until("b reaches s", () => lab.run("b", `ping -c 1 -W 1 ${S.text}`).status === 0);
}

/** An IPv4 packet of VM a's for t, unless told otherwise. */
export const fromA = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: A.ipv4, destination: T.ipv4, upper, ...more });
/** In a frame for the gateway. */
export const frameOfA = (packet: Uint8Array): Uint8Array => framed(packet, GATEWAY_MAC, A_MAC);

/** An IPv6 packet of VM v's for x, unless told otherwise. */
export const fromV = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: V6, destination: X6, upper, ...more });
/** In a frame for the gateway, or for the group. */
export const frameOfV = (packet: Uint8Array): Uint8Array =>
  framed(packet, packet[24] === 0xff ? multicastMac6(packet.subarray(24, 40)) : GATEWAY_MAC, V_MAC);

/** An IPv6 packet from t, out of the fabric, for VM a, unless told otherwise. */
export const fromT = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: T.ipv6, destination: A.ipv6, upper, ...more });
/** In a frame of p's for the router. */
export const frameOfP = (packet: Uint8Array): Uint8Array => framed(packet, ETH2_MAC, P_MAC);
/** A whole frame of VM m's. */
export const fromM = (upper: Upper): Uint8Array =>
  framed(build4({ source: M.ipv4, destination: T.ipv4, upper }), GATEWAY_MAC, M_MAC);
