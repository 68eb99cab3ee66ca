/**
 * MAC, IPv4 and IPv6 addresses and prefixes as text and as octets (a Uint8Array of 6, 4 or 16 in network order).
 *
 * Parsers take one whole string and answer undefined for anything that is not an address: no throw, no guess.
 */

export interface Prefix {
  /** 4 or 16 octets, all bits after `length` zero. */
  readonly address: Uint8Array;
  /** 0 … 32 or 0 … 128 bits. */
  readonly length: number;
}

const MAC = /^[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}$/;

/** Six pairs of hexadecimal digits, all separated by `:` or all by `-` (IEEE 802). */
export function parseMac(text: string): Uint8Array | undefined {
  if (!MAC.test(text)) return undefined;
  return Uint8Array.from({ length: 6 }, (_, i) => Number.parseInt(text.slice(3 * i, 3 * i + 2), 16));
}

/** Lower case, with colons. */
export function formatMac(b: Uint8Array, at = 0): string {
  return Array.from(b.subarray(at, at + 6), (octet) => octet.toString(16).padStart(2, "0")).join(":");
}

/** A decimal octet. Leading zeros are refused: some programs read them as octal (RFC 6943 §3.1.1). */
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;

/** Dotted decimal, all four octets. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".", 5);
  if (parts.length !== 4) return undefined;
  const address = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const octet = OCTET.test(part) ? Number(part) : 256;
    if (octet > 255) return undefined;
    address[i] = octet;
  }
  return address;
}

export function formatIpv4(b: Uint8Array, at = 0): string {
  return `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;
}

/** The longest text RFC 4291 §2.2 allows: six full groups and an IPv4 address. */
const LONGEST_IPV6 = 45;

/** The three forms of RFC 4291 §2.2: full, compressed with `::`, and with an IPv4 address at the end. No zone. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > LONGEST_IPV6) return undefined;
  const sides = text.split("::", 3);
  if (sides.length > 2) return undefined;
  const compressed = sides.length === 2;
  const head = groups(sides[0]!, !compressed);
  const tail = compressed ? groups(sides[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const given = head.length + tail.length;
  if (compressed ? given > 7 : given !== 8) return undefined;
  const address = new Uint8Array(16);
  for (const [i, group] of head.entries()) putGroup(address, i, group);
  for (const [i, group] of tail.entries()) putGroup(address, 8 - tail.length + i, group);
  return address;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** 16-bit groups between colons; nothing at all is no group. The last one may be an IPv4 address: two groups. */
function groups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const found: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) {
      found.push(Number.parseInt(part, 16));
      continue;
    }
    const embedded = endsAddress && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (embedded === undefined) return undefined;
    found.push((embedded[0]! << 8) | embedded[1]!, (embedded[2]! << 8) | embedded[3]!);
  }
  return found;
}

function putGroup(address: Uint8Array, index: number, group: number): void {
  address[2 * index] = group >> 8;
  address[2 * index + 1] = group;
}

/** Canonical text (RFC 5952 §4); IPv4-mapped addresses end in dotted decimal (§5). */
export function formatIpv6(b: Uint8Array, at = 0): string {
  const group = Array.from({ length: 8 }, (_, i) => (b[at + 2 * i]! << 8) | b[at + 2 * i + 1]!);
  if (group[5] === 0xffff && group.slice(0, 5).every((g) => g === 0)) return `::ffff:${formatIpv4(b, at + 12)}`;
  const [from, length] = longestZeroRun(group);
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(":");
  // §4.2.2: a single group of zeros is not shortened.
  return length < 2 ? hex(group) : `${hex(group.slice(0, from))}::${hex(group.slice(from + length))}`;
}

/** Start and length; of equally long runs the first (RFC 5952 §4.2.3). */
function longestZeroRun(group: readonly number[]): [number, number] {
  let best = 0;
  let bestLength = 0;
  let length = 0;
  for (const [i, g] of group.entries()) {
    length = g === 0 ? length + 1 : 0;
    if (length > bestLength) {
      best = i - length + 1;
      bestLength = length;
    }
  }
  return [best, bestLength];
}

/** Either family: 4 or 16 octets. */
export const parseAddress = (text: string): Uint8Array | undefined =>
  text.includes(":") ? parseIpv6(text) : parseIpv4(text);

/** By the number of octets, 4 or 16. */
export const formatAddress = (address: Uint8Array): string =>
  address.length === 4 ? formatIpv4(address) : formatIpv6(address);

/** `address/length` of either family. Refused when a bit after `length` is set: `10.0.0.1/24` is likely a slip. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const digits = text.slice(slash + 1);
  if (slash < 0 || !OCTET.test(digits)) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const length = Number(digits);
  if (address === undefined || length > 8 * address.length) return undefined;
  return hasHostBits(address, length) ? undefined : { address, length };
}

/** `undefined` also for a prefix of the other family. */
export const parsePrefix4 = (text: string): Prefix | undefined => ofSize(parsePrefix(text), 4);
export const parsePrefix6 = (text: string): Prefix | undefined => ofSize(parsePrefix(text), 16);

const ofSize = (prefix: Prefix | undefined, octets: number): Prefix | undefined =>
  prefix?.address.length === octets ? prefix : undefined;

export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix.address)}/${prefix.length}`;

/** True when a bit of `address` after the first `length` is set. */
export function hasHostBits(address: Uint8Array, length: number): boolean {
  return !sameAddress(address, masked(address, length));
}

/** A copy with all bits after the first `length` cleared. */
export function masked(address: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from(address, (octet, i) => octet & octetMask(length - 8 * i));
}

/** Mask for an octet of which `bits` are left of the prefix: ≤ 0 → 0, ≥ 8 → 0xff. */
const octetMask = (bits: number): number => (bits <= 0 ? 0 : bits >= 8 ? 0xff : (0xff00 >> bits) & 0xff);

/** False for an address of the other family. */
export function contains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  for (let i = 0; 8 * i < prefix.length; i++) {
    if (((prefix.address[i]! ^ address[i]!) & octetMask(prefix.length - 8 * i)) !== 0) return false;
  }
  return true;
}

/** True when some address is in both: of two prefixes one then contains the other. */
export const overlaps = (a: Prefix, b: Prefix): boolean =>
  a.length <= b.length ? contains(a, b.address) : contains(b, a.address);

export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

/** Order of the octets, the shorter family first: negative, 0 or positive as for `sort`. */
export function compareAddresses(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  const i = a.findIndex((octet, j) => octet !== b[j]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}

/** `::` (RFC 4291 §2.5.2). */
export const isUnspecified = (address: Uint8Array): boolean => address.every((octet) => octet === 0);
/** fe80::/10 (RFC 4291 §2.5.6). */
export const isLinkLocal6 = (address: Uint8Array): boolean =>
  address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
/** ff00::/8 (RFC 4291 §2.7). */
export const isMulticast6 = (address: Uint8Array): boolean => address.length === 16 && address[0] === 0xff;
/** 224.0.0.0/4 (RFC 1112 §4). */
export const isMulticast4 = (address: Uint8Array): boolean => address.length === 4 && address[0]! >> 4 === 14;

/** fe80::/64 and the interface identifier made of a MAC address (RFC 4291 appendix A, RFC 4862 §5.3). */
export function linkLocalFromMac(mac: Uint8Array): Uint8Array {
  const address = new Uint8Array(16);
  address[0] = 0xfe;
  address[1] = 0x80;
  address.set(mac.subarray(0, 3), 8);
  address[8]! ^= 0x02;
  address[11] = 0xff;
  address[12] = 0xfe;
  address.set(mac.subarray(3, 6), 13);
  return address;
}
