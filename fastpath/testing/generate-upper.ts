/** Transport headers and ICMP messages for generated packets: mostly sane, some not. See generate.ts. */
import { between, type Choices, chance, data, pick } from "#fastpath/testing/choices";
import { type Checksum, counting, together, type Upper } from "#fastpath/testing/packet";
import { plainChecksum } from "#fastpath/testing/plain-checksum";

/** How a message is made: percentage of lies, and how to make the packet that an ICMP error quotes. */
export interface UpperWish {
  readonly ipv6: boolean;
  readonly broken: number;
  /** Octets of data, about. */
  readonly size: number;
  /** Makes the packet that an ICMP error quotes; undefined: no ICMP errors are wanted. */
  readonly quoted: (() => Uint8Array) | undefined;
  /** The message will itself be quoted: then it is mostly of a kind that may be. */
  readonly willBeQuoted: boolean;
}

const OTHERS = [47, 50, 51, 4, 41, 33, 132, 136, 59, 135, 139, 253, 255, 2, 0, 43, 44, 60, 1, 58];

const KINDS = ["udp", "tcp", "echo", "error", "error", "query", "raw"] as const;
const QUOTABLE = ["udp", "tcp", "echo"] as const;

export function upper(c: Choices, wish: UpperWish): Upper {
  const kind = pick(c, wish.willBeQuoted && !chance(c, 10) ? QUOTABLE : KINDS);
  if (kind === "udp") return udp(c, wish);
  if (kind === "tcp") return tcp(c, wish);
  if (kind === "error" && wish.quoted !== undefined) return icmpError(c, wish, wish.quoted());
  if (kind === "raw") return { kind: "raw", protocol: pick(c, OTHERS), data: data(c, wish.size) };
  const types = wish.ipv6 ? [128, 129] : [8, 0];
  const anyType = kind === "query" ? c.below(256) : pick(c, types);
  const code = chance(c, 10) ? c.below(256) : 0;
  const checksum = checksumOf(c, wish);
  return { kind: "icmp", type: anyType, code, rest: c.below(2 ** 16), body: data(c, wish.size), checksum };
}

const checksumOf = (c: Choices, wish: UpperWish): Checksum =>
  chance(c, wish.broken) ? pick(c, ["wrong", 0, 0xffff] as const) : "right";

function udp(c: Choices, wish: UpperWish): Upper {
  const body = data(c, wish.size);
  const lie = chance(c, wish.broken) ? { length: pick(c, [0, 7, 8, 9, 20, 9 + body.length, 65535]) } : {};
  const checksum = chance(c, 12) ? 0 : checksumOf(c, wish);
  return { kind: "udp", source: c.below(65536), destination: pick(c, [7, 53, 443]), data: body, checksum, ...lie };
}

const MSS = [1460, 536, 1440, 1441, 65535, 0, 1360];

function tcp(c: Choices, wish: UpperWish): Upper {
  const flags = pick(c, [16, 2, 18, 24, 17, 4, 0x52]);
  const lie = chance(c, wish.broken) ? { dataOffset: c.below(16) } : {};
  const body = data(c, (flags & 2) !== 0 && chance(c, 80) ? 0 : wish.size);
  const common = { source: c.below(65536), destination: pick(c, [80, 22]), sequence: c.below(2 ** 31) };
  return { kind: "tcp", flags, options: tcpOptions(c), data: body, checksum: checksumOf(c, wish), ...common, ...lie };
}

/** Up to 40 octets: MSS at even and odd places, window scale, timestamps, unknown ones, ends, lies. */
function tcpOptions(c: Choices): Uint8Array {
  let options: Uint8Array = new Uint8Array(0);
  for (let count = c.below(6); count > 0; count--) {
    const mss = pick(c, MSS);
    const option = pick(c, [
      [2, 4, mss >> 8, mss & 0xff],
      [1],
      [3, 3, 7],
      [8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
      [4, 2],
      [254, 5, 1, 2, 3],
      [0],
      [2, 3, 5],
      [9, 0],
      [9, 1],
      [9, 40],
    ]);
    if (options.length + option.length <= 40) options = together(options, Uint8Array.from(option));
  }
  return options;
}

const MTUS = [1400, 0, 1280, 1500, 1492, 576, 68, 1279, 1281, 9000, 65535];

/** Types and codes that can be translated. */
const USUAL_4: readonly (readonly [number, number])[] = [
  ...[0, 1, 2, 3, 4, 4, 4, 9, 13].map((code) => [3, code] as const),
  [11, 0],
  [11, 1],
  [12, 0],
  [12, 2],
];
const USUAL_6: readonly (readonly [number, number])[] = [
  [1, 0],
  [1, 1],
  [1, 3],
  [1, 4],
  [2, 0],
  [2, 0],
  [3, 0],
  [3, 1],
  [4, 0],
  [4, 1],
];

/** A type that quotes, or claims to; the rest of the word before the quote is an MTU, a pointer, a length or nonsense. */
function icmpError(c: Choices, wish: UpperWish, quoted: Uint8Array): Upper {
  const anything = [c.below(wish.ipv6 ? 6 : 16), c.below(18)] as const;
  const [type, code] = chance(c, 20) ? anything : pick(c, wish.ipv6 ? USUAL_6 : USUAL_4);
  // As much as an error of the family may carry (RFC 4443 §2.4, RFC 1812 §4.3.2.3), or any number of octets.
  const most = chance(c, 10) ? quoted.length : Math.min(quoted.length, wish.ipv6 ? 1232 : 548);
  const kept = chance(c, 60) ? most : c.below(most + 1);
  const extended = chance(c, 30);
  const unit = wish.ipv6 ? 8 : 4;
  const datagram = extended ? padded(quoted.slice(0, kept), unit) : quoted.slice(0, kept);
  const body = extended ? together(datagram, extension(c)) : datagram;
  const words = chance(c, wish.broken) ? c.below(256) : extended ? Math.min(255, datagram.length / unit) : 0;
  const rest = restOf(c, type, code, wish.ipv6) + words * (wish.ipv6 ? 2 ** 24 : 2 ** 16);
  return { kind: "icmp", type, code, rest: rest % 2 ** 32, body, checksum: checksumOf(c, wish) };
}

function restOf(c: Choices, type: number, code: number, ipv6: boolean): number {
  if (chance(c, 5)) return c.below(2 ** 31);
  if (ipv6 ? type === 2 : type === 3 && code === 4) return pick(c, MTUS);
  if (ipv6 ? type === 4 : type === 12) return c.below(ipv6 ? 42 : 22) * (ipv6 ? 1 : 2 ** 24);
  return 0;
}

const padded = (octets: Uint8Array, unit: number): Uint8Array => {
  const least = Math.max(128, Math.ceil(octets.length / unit) * unit);
  return together(octets, new Uint8Array(least - octets.length));
};

function extension(c: Choices): Uint8Array {
  const length = pick(c, [8, 16, 100, 600, 1100]);
  const object = together(Uint8Array.of(length >> 8, length & 0xff, 0xf7, 1), counting(length - 4));
  const checksum = plainChecksum([0x20, 0, 0, 0, ...object]);
  return together(Uint8Array.of(0x20, 0, checksum >> 8, checksum & 0xff), object);
}

/** Sizes around every edge that matters to a link of `mtu`, and small ones. */
export function dataSize(c: Choices, mtu: number): number {
  const edge = pick(c, [0, 1232, 1260, mtu - 20, mtu - 48, mtu, 2 * mtu, 7000]);
  if (edge === 0) return c.below(100);
  return Math.max(0, Math.min(edge - 48 + c.below(60), 65000));
}

/** A piece of a datagram, as a fragment has it: where it starts and whether more follows. */
export function piece(c: Choices, payload: Uint8Array): { data: Uint8Array; offset: number; more: boolean } {
  const units = Math.ceil(payload.length / 8);
  const offset = chance(c, 60) ? c.below(units + 1) : 0;
  const length = 8 * between(c, 1, Math.max(1, units - offset));
  const more = offset * 8 + length < payload.length;
  const ragged = chance(c, 10) ? c.below(8) : 0;
  return { data: payload.slice(offset * 8, offset * 8 + length - ragged), offset, more: more || offset === 0 };
}
