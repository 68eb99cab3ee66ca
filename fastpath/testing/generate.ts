/**
 * Packets of every kind a router may meet, out of VMs and out of the fabric: all header combinations, options, extension
 * headers, fragments, ICMP errors that quote and quote wrongly; then truncated, lying, mangled, or plain noise.
 */
import { put16 } from "#base/bytes";
import { type Choices, chance, data, pick } from "#fastpath/testing/choices";
import { dataSize, piece, upper } from "#fastpath/testing/generate-upper";
import {
  build4,
  build6,
  type Extension,
  type FragmentExtension,
  type Ip4,
  type Ip6,
  together,
  type Upper,
} from "#fastpath/testing/packet";
import { plainChecksum } from "#fastpath/testing/plain-checksum";

/** Who talks to whom. Addresses of 4 and of 16 octets side by side. */
export interface Hosts {
  /** The VM under test. */
  readonly vm4: Uint8Array;
  readonly vm6: Uint8Array;
  /** What it may talk to through the fabric; at least one. */
  readonly peers: readonly { readonly ipv4: Uint8Array; readonly ipv6: Uint8Array }[];
  /** Addresses that are wrong in some way: spoofed, illegal, of another network, unknown. */
  readonly wrong4: readonly Uint8Array[];
  readonly wrong6: readonly Uint8Array[];
  /** Routers of the fabric. */
  readonly routers6: readonly Uint8Array[];
}

export interface Wish {
  readonly hosts: Hosts;
  /** Packets get sizes around this. */
  readonly mtu: number;
  /** Chance of each lie, in percent: 0 makes valid packets only. */
  readonly broken: number;
}

/** An IPv4 packet as the VM sends it. */
export const generate4 = (c: Choices, wish: Wish): Uint8Array => mangled(c, wish, whole4(c, wish, 0), mend4);
/** An IPv6 packet for the VM. */
export const generate6 = (c: Choices, wish: Wish): Uint8Array => mangled(c, wish, whole6(c, wish, 0), (p) => p);

/** `depth` 0: on the wire, from the VM. 1, 2 …: quoted, and then it goes to the VM. */
function whole4(c: Choices, wish: Wish, depth: number): Uint8Array {
  const { hosts, broken, mtu } = wish;
  const peer = pick(c, hosts.peers).ipv4;
  const from = depth % 2 === 0 ? hosts.vm4 : peer;
  const to = depth % 2 === 0 ? peer : hosts.vm4;
  const quoted = depth < 2 ? () => whole4(c, wish, depth + 1) : undefined;
  const message = upper(c, { ipv6: false, broken, size: dataSize(c, mtu), quoted, willBeQuoted: depth > 0 });
  const packet: Ip4 = {
    source: chance(c, broken) ? pick(c, hosts.wrong4) : from,
    destination: chance(c, broken) ? pick(c, hosts.wrong4) : to,
    upper: message,
    dontFragment: chance(c, 50),
    ttl: hops(c),
    tos: chance(c, 20) ? c.below(256) : 0,
    identification: c.below(65536),
    options: chance(c, 10) ? ipv4Options(c, broken) : new Uint8Array(0),
    checksum: chance(c, broken / 4) ? "wrong" : "right",
    ...(chance(c, broken) ? { totalLength: c.below(2000) } : {}),
  };
  return chance(c, 25) ? build4(fragment4(c, packet)) : build4(packet);
}

function fragment4(c: Choices, packet: Ip4): Ip4 {
  const built = build4({ ...packet, options: new Uint8Array(0) });
  const { data: octets, offset, more } = piece(c, built.slice(20));
  return {
    ...packet,
    upper: { kind: "raw", protocol: built[9]!, data: octets },
    offset,
    moreFragments: more,
    dontFragment: chance(c, 5),
  };
}

const hops = (c: Choices): number => (chance(c, 12) ? pick(c, [1, 0, 2, 255]) : 64);

/** Record route, timestamps, router alert, source routes used up and not, and (when broken) lengths that lie. */
function ipv4Options(c: Choices, broken: number): Uint8Array {
  let options: Uint8Array = new Uint8Array(0);
  for (let count = 1 + c.below(3); count > 0; count--) {
    const option = pick(c, [
      [1],
      [148, 4, 0, 0],
      [7, 7, 4, 0, 0, 0, 0],
      [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [131, 7, 8, 10, 0, 0, 9],
      [137, 3, 4],
      [0],
      [131, 2],
      [131, 7, 4, 10, 0, 0, 9],
      [137, 7, 4, 10, 0, 0, 9],
      ...(chance(c, broken) ? [[7, 0], [7, 1], [7, 40], [130]] : []),
    ]);
    if (options.length + option.length <= 40) options = together(options, Uint8Array.from(option));
  }
  return options;
}

/** `depth` 0: on the wire, for the VM. 1, 2 …: quoted, and then it comes from the VM. */
function whole6(c: Choices, wish: Wish, depth: number): Uint8Array {
  const { hosts, broken, mtu } = wish;
  const peer = pick(c, hosts.peers).ipv6;
  const from = depth % 2 === 0 ? peer : hosts.vm6;
  const to = depth % 2 === 0 ? hosts.vm6 : peer;
  const quoted = depth < 2 ? () => whole6(c, wish, depth + 1) : undefined;
  const message = upper(c, { ipv6: true, broken, size: dataSize(c, mtu), quoted, willBeQuoted: depth > 0 });
  const isError = message.kind === "icmp" && message.type < 128;
  const source = isError && depth === 0 && chance(c, 50) ? pick(c, hosts.routers6) : from;
  const packet: Ip6 = {
    source: chance(c, broken) ? pick(c, [...hosts.wrong6, ...hosts.routers6]) : source,
    destination: chance(c, broken) ? pick(c, hosts.wrong6) : to,
    upper: message,
    hopLimit: hops(c),
    trafficClass: chance(c, 20) ? c.below(256) : 0,
    flowLabel: c.below(2 ** 20),
    extensions: extensions(c, broken),
    ...(chance(c, broken) ? { payloadLength: c.below(2000) } : {}),
  };
  return chance(c, 25) ? build6(fragment6(c, packet)) : build6(packet);
}

function fragment6(c: Choices, packet: Ip6): Ip6 {
  const { extensions: before = [], payloadLength: _, ...plain } = packet;
  const built = build6({ ...plain, extensions: [] });
  const whole = chance(c, 15);
  const cut = piece(c, built.slice(40));
  const octets = whole ? built.slice(40) : cut.data;
  const header: FragmentExtension = {
    header: 44,
    offset: whole ? 0 : cut.offset,
    more: whole ? false : cut.more,
    identification: c.below(2 ** 31),
  };
  const message: Upper = { kind: "raw", protocol: built[6]!, data: octets };
  const after = chance(c, 5) ? [pick(c, EXTENSIONS)] : [];
  return { ...packet, upper: message, extensions: [...before, header, ...after] };
}

const destinationOptions: Extension = { header: 60, body: Uint8Array.of(1, 4, 0, 0, 0, 0) };
const EXTENSIONS: readonly Extension[] = [
  destinationOptions,
  { header: 60, body: new Uint8Array(22) },
  { header: 43, body: Uint8Array.of(4, 0, 0, 0, 0, 0) },
  { header: 43, body: Uint8Array.of(4, 1, 0, 0, 0, 0) },
  { header: 0, body: Uint8Array.of(5, 2, 0, 0, 1, 0) },
];
const LYING: readonly Extension[] = [
  { header: 60, body: new Uint8Array(6), length: 255 },
  { header: 60, body: new Uint8Array(14), length: 0 },
  { header: 43, body: new Uint8Array(6), length: 3 },
];

function extensions(c: Choices, broken: number): (Extension | FragmentExtension)[] {
  if (!chance(c, 15)) return [];
  if (chance(c, broken)) return new Array(c.below(12)).fill(pick(c, [...EXTENSIONS, ...LYING]));
  const hopByHop: Extension[] = chance(c, 30) ? [EXTENSIONS[4]!] : [];
  return [...hopByHop, ...Array.from({ length: c.below(4) }, () => pick(c, EXTENSIONS.slice(0, 4)))];
}

/** What happens to a packet on a bad line, or in a bad mind. `mend`: makes the IP header's checksum right again. */
function mangled(c: Choices, { broken }: Wish, packet: Uint8Array, mend: (p: Uint8Array) => Uint8Array): Uint8Array {
  if (chance(c, 8)) return together(packet, new Uint8Array(c.below(60)).fill(0xa5)); // link padding is no fault
  if (!chance(c, broken)) return packet;
  switch (c.below(5)) {
    case 0:
      return packet.slice(0, c.below(packet.length + 1));
    case 1:
      return mend(withNoise(c, packet, 60));
    case 2:
      return withNoise(c, packet, 60);
    case 3:
      return mend(withNoise(c, packet, packet.length));
    default:
      return data(c, c.below(120));
  }
}

/** One to three octets changed among the first `most`. */
function withNoise(c: Choices, packet: Uint8Array, most: number): Uint8Array {
  const noisy = packet.slice();
  if (noisy.length === 0) return noisy;
  for (let count = c.below(3); count >= 0; count--) {
    noisy[c.below(Math.max(1, Math.min(most, noisy.length)))]! ^= 1 + c.below(255);
  }
  return noisy;
}

/** The header's checksum put right, as far as there is a header. */
function mend4(packet: Uint8Array): Uint8Array {
  const header = packet.length === 0 ? 0 : (packet[0]! & 15) << 2;
  if (header < 20 || header > packet.length) return packet;
  const mended = packet.slice();
  put16(mended, 10, 0);
  put16(mended, 10, plainChecksum(mended.slice(0, header)));
  return mended;
}
