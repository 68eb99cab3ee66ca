/** Packets by chance: who sends them, to whom, and what about them is unusual. One seed, one series. */
import { formatAddress, formatIpv4, parseMac } from "#base/address";
import { put16, u16 } from "#base/bytes";
import { nextBelow, nextFraction, type Random } from "#base/random";
import { build4, build6, framed, type Ip4, type Ip6, together, type Upper } from "#fastpath/testing/packet";
import type { PacketQuestion } from "#router/why/views";
import { BROADCAST, multicastMac4, multicastMac6 } from "#wire/ethernet";
import { type Arrival, nonceOf, payload } from "./observation";
import {
  FLOATED,
  FLOATING,
  GATEWAY_MAC,
  GATEWAYS,
  MACHINES,
  type Machine,
  NAT_ADDRESS,
  type Network,
  nobodyAt,
  OUT_MAC,
  OUTSIDE_HOST,
  OUTSIDE_HOST_6,
  octetsOf,
} from "./world";

export interface Case {
  /** In words, to be told when it fails. */
  readonly what: string;
  /** The VM's node, or `o`. */
  readonly node: string;
  /** Frames that meet the same states of the routers have the same: only one of them is under way at a time. */
  readonly state: string;
  /** Made for a number of its own: ports, identifications and payload tell it from all others. */
  readonly frame: (serial: number) => Uint8Array;
  /** The same in `ain why`'s own words, where it has words for it. */
  readonly words?: (serial: number) => PacketQuestion;
}

export const pick = <T>(r: Random, list: readonly T[]): T => list[nextBelow(r, list.length)]!;
const chance = (r: Random, share: number): boolean => nextFraction(r) < share;

const PORTS = [22, 25, 53, 7, 80, 443, 8005, 8011, 9500, 6667, 33434] as const;
const PROTOCOLS = [50, 47, 132, 4, 41, 89, 2, 103, 33, 254, 58, 1] as const;
/** Octets of IP packets about where something changes: headers that tunnels and translation add, links, VMs. */
const SIZES = [1300, 1332, 1352, 1380, 1381, 1400, 1401, 1432, 1433, 1452, 1453, 1480, 1481, 1500] as const;
const WRONG_MAC = parseMac("02:00:00:00:00:99")!;

/** A source port, or an identifier, of the case's own. */
const own = (serial: number): number => 1024 + (serial % 64_000);

type Protocol = "tcp" | "udp" | "icmp" | number;
interface Load {
  readonly protocol: Protocol;
  readonly port: number;
  /** TCP's, or ICMP's type. */
  readonly flags: number;
  /** Octets of payload. */
  readonly length: number;
}

const HEADERS = { tcp: 20, udp: 8, icmp: 8 } as const;

function upperOf({ protocol, port, flags, length }: Load, serial: number): Upper {
  const data = payload(serial, length);
  if (protocol === "tcp") return { kind: "tcp", source: own(serial), destination: port, flags, data };
  if (protocol === "udp") return { kind: "udp", source: own(serial), destination: port, data };
  if (protocol === "icmp") return { kind: "icmp", type: flags, rest: own(serial) << 16, body: data };
  const head = new Uint8Array(protocol === 132 ? 12 : 0);
  if (protocol === 132) {
    put16(head, 0, own(serial));
    put16(head, 2, port);
  }
  return { kind: "raw", protocol, data: together(head, data) };
}

function randomLoad(r: Random, is6: boolean, size: number | undefined): Load {
  const protocol = pick<Protocol>(r, ["tcp", "tcp", "udp", "udp", "icmp", "icmp", pick(r, PROTOCOLS)]);
  const header = typeof protocol === "number" ? 12 : HEADERS[protocol];
  const length = size === undefined ? 32 + 16 * nextBelow(r, 4) : size - (is6 ? 40 : 20) - header;
  const echo = is6 ? 128 : 8;
  const flags =
    protocol === "icmp"
      ? chance(r, 0.8)
        ? echo
        : pick(r, [echo + (is6 ? 1 : -8), 13, 17, 140, 200])
      : chance(r, 0.8)
        ? 2
        : 16;
  return { protocol, port: pick(r, PORTS), flags, length };
}

const nameOf = ({ protocol, port, flags, length }: Load): string =>
  `${protocol}${protocol === "icmp" ? ` type ${flags}` : ` to ${port}`}${protocol === "tcp" ? ` flags ${flags}` : ""}, ${length} octets`;

/** Anything that there is, of the family that is asked for, as a destination of a VM's. */
function randomDestination(r: Random, { network }: Machine, is6: boolean): string {
  const at = nextFraction(r);
  if (network === "blue/lan" && at < 0.5) return pick(r, ["255.255.255.255", "10.3.0.255", "224.0.0.9", "239.1.1.1"]);
  if (at < 0.6) {
    const others = MACHINES.filter((each) => (is6 ? each.ipv6.length > 0 : each.ipv4 !== undefined));
    const near = others.filter((each) => each.network === network);
    const to = pick(r, chance(r, 0.6) && near.length > 0 ? near : others);
    return is6 ? pick(r, to.ipv6) : to.ipv4!;
  }
  if (at < 0.72) return nobody(r, network, is6);
  if (at < 0.84)
    return is6 ? OUTSIDE_HOST_6 : pick(r, [OUTSIDE_HOST, "8.8.8.8", FLOATING, NAT_ADDRESS, "198.51.100.1"]);
  if (is6)
    return pick(r, [
      "fe80::1",
      "ff02::1",
      "2001:db8:a1:2::1",
      "2001:db8:a1:ff::1",
      "::1",
      "2001:db8:7::77",
      "2001:db9::1",
    ]);
  return pick(r, [
    GATEWAYS[network],
    "10.1.0.200",
    "10.2.0.9",
    "255.255.255.255",
    "224.0.0.9",
    "127.0.0.1",
    "172.16.0.1",
    "10.0.0.1",
  ]);
}

/** An address that no VM has, at any home: of a hypervisor, of one that discards, of one that nobody has a route to. */
function nobody(r: Random, network: Network, is6: boolean): string {
  return nobodyAt(network, nextBelow(r, 5), is6);
}

/** What is unusual about one in two. `isBridged`: behind a Linux bridge, which drops by itself what is malformed. */
function oddities4(r: Random, isBridged: boolean): Partial<Ip4> & { readonly size?: number } {
  const ttl = pick(r, [1, 2, 3, 4, 5, 255]);
  switch (nextBelow(r, isBridged ? 4 : 12)) {
    case 0:
      return { ttl };
    case 1:
      return { tos: nextBelow(r, 256), ttl };
    case 2:
      return { size: pick(r, SIZES), dontFragment: true };
    case 3:
      return { size: pick(r, SIZES) };
    case 4:
      return {
        options: Uint8Array.of(
          ...pick(r, [
            [1, 1, 1, 0],
            [131, 7, 4, 10, 0, 0, 9, 0],
            [7, 7, 4, 0, 0, 0, 0, 0],
          ]),
        ),
      };
    case 5:
      return pick<Partial<Ip4>>(r, [
        { checksum: "wrong" },
        { totalLength: 2000 },
        { offset: 100 },
        { moreFragments: true },
      ]);
    default:
      return {};
  }
}

function oddities6(r: Random, isBridged: boolean): Partial<Ip6> & { readonly size?: number } {
  const hopLimit = pick(r, [1, 2, 3, 4, 5, 255]);
  switch (nextBelow(r, isBridged ? 4 : 12)) {
    case 0:
      return { hopLimit };
    case 1:
      return { trafficClass: nextBelow(r, 256), hopLimit };
    case 2:
      return { size: pick(r, SIZES) };
    case 3:
      return { flowLabel: nextBelow(r, 1 << 20) };
    case 4:
      return { extensions: [{ header: pick(r, [0, 60, 43]), body: Uint8Array.of(0, 0, 0, 0, 0, 0) }] };
    case 5:
      return pick<Partial<Ip6>>(r, [
        { payloadLength: 2000 },
        { extensions: [{ header: 43, body: Uint8Array.of(0, 1, 0, 0, 0, 0) }] },
      ]);
    default:
      return {};
  }
}

const told = (more: object): string => (Object.keys(more).length === 0 ? "" : `, ${JSON.stringify(more)}`);

/** A packet of a VM's, to anybody. */
export function fromVm(r: Random): Case {
  const vm = pick(r, MACHINES);
  const is6 = vm.ipv4 === undefined || (vm.ipv6.length > 0 && chance(r, 0.5));
  const source = chance(r, 0.05) ? spoofed(r, vm, is6) : is6 ? pick(r, vm.ipv6) : vm.ipv4!;
  const wanted = randomDestination(r, vm, is6);
  const destination = turnsUnforeseen(vm, wanted) ? OUTSIDE_HOST : wanted;
  const isBridged = vm.ways.length > 1;
  const { size, ...odd }: Partial<Ip4> & Partial<Ip6> & { size?: number } = is6
    ? oddities6(r, isBridged)
    : oddities4(r, isBridged);
  const load = randomLoad(r, is6, size);
  const toMac = chance(r, 0.02) ? WRONG_MAC : linkMac(r, octetsOf(destination));
  const fromMac = chance(r, 0.02) ? WRONG_MAC : vm.mac;
  const ends = { source: octetsOf(source), destination: octetsOf(destination) };
  const frame = (serial: number): Uint8Array => {
    const upper = upperOf(load, serial);
    const packet = is6
      ? build6({ ...ends, upper, ...odd })
      : build4({ ...ends, upper, identification: own(serial), ...odd });
    return framed(packet, toMac, fromMac);
  };
  const isPlain = toMac === GATEWAY_MAC && fromMac === vm.mac && Object.keys(odd).length === 0 && size === undefined;
  const isItself = source === vm.ipv4 || vm.ipv6.includes(source);
  const { protocol, port, flags } = load;
  const hasWords = isPlain && isItself && (protocol !== "icmp" || flags === 8 || flags === 128) && flags !== 16;
  return {
    ...{ node: vm.name, frame, state: stateOf(source, destination, protocol) },
    what: `${vm.name} ${source} > ${destination} ${nameOf(load)}${told({ ...odd, ...(size && { size }) })}`,
    ...(hasWords &&
      chance(r, 0.5) && {
        words: (serial: number) => ({
          ...{ from: vm.name, to: destination, source, protocol: `${protocol}`, nonce: nonceOf(serial) },
          ...{ port, sourcePort: own(serial) },
        }),
      }),
  };
}

/** What turns around at the gateway under a NAT address has a port that nobody knows before, and so takes any of the ways. */
const turnsUnforeseen = ({ network, ipv4 }: Machine, destination: string): boolean =>
  network === "blue/prod" && ipv4?.startsWith("10.") === true && ipv4 !== FLOATED && isKnownOutside(destination);

const isKnownOutside = (address: string): boolean =>
  address === FLOATING ||
  address === NAT_ADDRESS ||
  MACHINES.some(({ ipv4 }) => ipv4 === address && !ipv4.startsWith("10."));

/** Groups have MAC addresses of their own, which not all use. */
function linkMac(r: Random, destination: Uint8Array): Uint8Array {
  const isGroup = destination.length === 16 ? destination[0] === 0xff : destination[0]! >= 224;
  if (!isGroup || chance(r, 0.3)) return GATEWAY_MAC;
  if (destination.length === 16) return multicastMac6(destination);
  return destination[0] === 255 ? BROADCAST : multicastMac4(destination);
}

/** Protocols without ports have one connection for all that two hosts say to each other. */
function stateOf(source: string, destination: string, protocol: Protocol): string {
  return typeof protocol === "number" ? `${[source, destination].sort().join(" ")} ${protocol}` : "";
}

function spoofed(r: Random, vm: Machine, is6: boolean): string {
  const other = pick(
    r,
    MACHINES.filter((each) => each !== vm && (is6 ? each.ipv6.length > 0 : each.ipv4 !== undefined)),
  );
  if (is6) return pick(r, [pick(r, other.ipv6), "2001:db8:a1:1::1", "fe80::99", "::1", "ff02::5"]);
  return pick(r, [other.ipv4!, "10.0.0.250", "8.8.8.8", "0.0.0.0", "127.0.0.1", "224.0.0.1", GATEWAYS[vm.network]]);
}

/** A packet from the outside, for whoever has an address there, or nobody. */
export function fromOutside(r: Random): Case {
  const publicOnes = MACHINES.flatMap(({ ipv4 }) => (ipv4 !== undefined && !ipv4.startsWith("10.") ? [ipv4] : []));
  const destination = pick(r, [
    ...publicOnes,
    ...publicOnes,
    FLOATING,
    NAT_ADDRESS,
    "198.51.100.2",
    "192.0.2.77",
    "10.0.0.5",
  ]);
  const source = chance(r, 0.9) ? OUTSIDE_HOST : pick(r, ["10.0.0.7", "127.0.0.1", publicOnes[0]!, "224.0.0.1"]);
  const { size, ...odd } = oddities4(r, false);
  const load = randomLoad(r, false, size);
  const frame = (serial: number): Uint8Array => {
    const upper = upperOf(load, serial);
    const ends = { source: octetsOf(source), destination: octetsOf(destination) };
    return framed(build4({ ...ends, upper, identification: own(serial), ...odd }), OUT_MAC, WRONG_MAC);
  };
  return {
    ...{ node: "o", frame, state: stateOf(source, destination, load.protocol) },
    what: `o ${source} > ${destination} ${nameOf(load)}${told({ ...odd, ...(size && { size }) })}`,
  };
}

/** The answer to what arrived at a VM or outside; undefined: there is none that could be given. */
export function answerTo({ at, frame: heard }: Arrival): Case | undefined {
  const [node] = at.split(" ") as [string];
  const is4 = u16(heard, 12) === 0x0800;
  const [ip, transport] = [14, 14 + (is4 ? 4 * (heard[14]! & 15) : 40)];
  const protocol = heard[ip + (is4 ? 9 : 6)]!;
  const isPiece = is4 && (u16(heard, ip + 6) & 0x3fff) !== 0;
  if (isPiece || ![1, 6, 17, 58].includes(protocol) || heard.length < transport + 8) return undefined;
  if (heard[ip + (is4 ? 12 : 8)] === 0xff || (heard[0]! & 1) !== 0) return undefined;
  const [source, destination] = is4
    ? [heard.slice(ip + 16, ip + 20), heard.slice(ip + 12, ip + 16)]
    : [heard.slice(ip + 24, ip + 40), heard.slice(ip + 8, ip + 24)];
  const upper = answering(heard, transport, protocol);
  if (upper === undefined) return undefined;
  const ports =
    upper.kind === "icmp" ? `${upper.rest}` : "source" in upper ? `${upper.source} ${upper.destination}` : "";
  const make = (serial: number): Uint8Array => {
    const data = payload(serial, 48);
    const whole: Upper = upper.kind === "icmp" ? { ...upper, body: data } : { ...upper, data };
    const packet = is4
      ? build4({ source, destination, upper: whole, identification: own(serial) })
      : build6({ source, destination, upper: whole });
    return framed(packet, heard.slice(6, 12), heard.slice(0, 6));
  };
  const [from, to] = is4
    ? [formatIpv4(source), formatIpv4(destination)]
    : [formatAddress(source), formatAddress(destination)];
  return {
    ...{ node, frame: make, state: `${[from, to].sort().join(" ")} ${protocol} ${ports}` },
    what: `${node} answers ${from} > ${to} protocol ${protocol} ${ports}`,
  };
}

type Ported = Extract<Upper, { kind: "tcp" | "udp" }>;

function answering(
  heard: Uint8Array,
  at: number,
  protocol: number,
): Ported | Extract<Upper, { kind: "icmp" }> | undefined {
  const [source, destination] = [u16(heard, at + 2), u16(heard, at)];
  if (protocol === 6) return { kind: "tcp", source, destination, flags: 0x12 };
  if (protocol === 17) return { kind: "udp", source, destination };
  const type = heard[at]!;
  if (type !== 8 && type !== 128) return undefined;
  return { kind: "icmp", type: type === 8 ? 0 : 129, rest: u16(heard, at + 4) << 16 };
}
