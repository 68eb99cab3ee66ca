/** Schemas of single values: text in the document, parsed in the program. Their error texts say what is expected. */
import { z } from "zod";
import {
  formatAddress,
  formatMac,
  formatPrefix,
  masked,
  type Prefix as Octets,
  parseAddress,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix4,
  parsePrefix6,
} from "#base/address";
import { u32 } from "#base/bytes";

/** An IPv4, IPv6 or MAC address. */
export interface Address {
  /** Canonical (IPv6: RFC 5952). */
  readonly text: string;
  /** Network order; 4, 16 or 6 octets. */
  readonly bytes: Uint8Array;
}

export interface Prefix extends Octets {
  /** Canonical, with its length: `2001:db8:a1:1::/64`. */
  readonly text: string;
}

/** @param bytes an IPv4 or IPv6 address. */
export const addressOf = (bytes: Uint8Array): Address => ({ text: formatAddress(bytes), bytes });

/** Text that `parse` understands; `refuse` may say more exactly what is expected instead of a text it does not. */
function parsed<T>(
  expected: string,
  examples: string[],
  parse: (text: string) => T | undefined,
  refuse: (text: string) => string | undefined = () => undefined,
) {
  return z
    .string({ error: expected })
    .transform((text, context): T => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.issues.push({ code: "custom", input: text, message: refuse(text) ?? expected });
      return z.NEVER;
    })
    .meta({ description: expected, examples });
}

const toAddress = (bytes: Uint8Array | undefined): Address | undefined => bytes && addressOf(bytes);
const toPrefix = (prefix: Octets | undefined): Prefix | undefined =>
  prefix && { ...prefix, text: formatPrefix(prefix) };

export const ipv4 = parsed("an IPv4 address", ["10.0.0.2"], (text) => toAddress(parseIpv4(text)));

export const ipv6 = parsed("an IPv6 address", ["2001:db8:a1:ff::1"], (text) => toAddress(parseIpv6(text)));

/** Of either kind: 4 or 16 octets. */
export const ipAddress = parsed("an IP address", ["10.0.0.53", "2001:db8::53"], (text) =>
  toAddress(parseAddress(text)),
);

export const prefix4 = parsed(
  "an IPv4 prefix",
  ["10.0.0.0/24"],
  (text) => toPrefix(parsePrefix4(text)),
  (text) => hostBitsCleared(text, 32),
);

export const prefix6 = parsed(
  "an IPv6 prefix",
  ["2001:db8:a1::/48"],
  (text) => toPrefix(parsePrefix6(text)),
  (text) => hostBitsCleared(text, 128),
);

/** Of either kind. */
export const ipPrefix = parsed(
  "an IP prefix",
  ["10.0.0.0/24", "2001:db8:7::/48"],
  (text) => toPrefix(parsePrefix4(text) ?? parsePrefix6(text)),
  (text) => hostBitsCleared(text, text.includes(":") ? 128 : 32),
);

/** An address with the length of the prefix it is used in, as interfaces have them: `10.0.0.2/24`. */
export const interfaceAddress = parsed("an address with its prefix length", ["10.0.0.2/32"], (text) => {
  const [, address, digits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const bytes = address === undefined ? undefined : parseAddress(address);
  const prefixLength = Number(digits);
  if (bytes === undefined || prefixLength > 8 * bytes.length) return undefined;
  return { ...addressOf(bytes), prefixLength };
});

/** A MAC address that one interface can have: not a group's, not all zero. */
export const macAddress = parsed("a unicast MAC address", ["02:00:00:00:00:01"], (text): Address | undefined => {
  const bytes = parseMac(text);
  if (bytes === undefined || (bytes[0]! & 1) !== 0 || bytes.every((octet) => octet === 0)) return undefined;
  return { text: formatMac(bytes), bytes };
});

/** "10.0.0.1/24" → the same prefix as it should be written. */
function hostBitsCleared(text: string, bits: number): string | undefined {
  const [, address, digits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const bytes = address === undefined ? undefined : parseAddress(address);
  const length = Number(digits);
  if (bytes?.length !== bits / 8 || length > bits) return undefined;
  return `a prefix without host bits: ${formatPrefix({ address: masked(bytes, length), length })}`;
}

const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST = "a host name: 1 … 63 letters, digits and dashes, beginning and ending with a letter or digit";
/** One label. RFC 1123 §2.1. */
export const hostName = z
  .string({ error: HOST })
  .regex(new RegExp(`^${LABEL}$`), { error: HOST })
  .meta({ description: HOST, examples: ["web1"] });

const DOMAIN = "a domain name: host names joined by dots, at most 253 characters";
/** RFC 1123 §2.1, RFC 1035 §2.3.4. */
export const domainName = z
  .string({ error: DOMAIN })
  .max(253, { error: DOMAIN })
  .regex(new RegExp(`^${LABEL}(?:\\.${LABEL})*$`), { error: DOMAIN })
  .meta({ description: DOMAIN, examples: ["prod.example.org"] });

const INTERFACE = "an interface name: 1 … 15 characters, no space, slash or colon";
/** What the kernel takes as an interface's name (dev_valid_name). */
export const interfaceName = z
  .string({ error: INTERFACE })
  .regex(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, { error: INTERFACE })
  .refine((name) => new TextEncoder().encode(name).length <= 15, { error: INTERFACE })
  .meta({ description: INTERFACE, examples: ["eth1"] });

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number) {
  const expected = `a whole number ${least} … ${most}`;
  return z.int({ error: expected }).min(least, { error: expected }).max(most, { error: expected });
}

/**
 * 32 bits that are written as a dotted quad or as a whole number, `least` … 2^32 − 1: router and area ids of OSPF.
 * @param expected such as "a router id: 10.0.0.1, or a whole number 1 … 4294967295".
 */
export function identifier32(expected: string, least: 0 | 1) {
  const fits = (id: number): boolean => id >= least;
  const dotted = parsed(expected, ["10.0.0.1"], (text) => {
    const id = parseIdentifier32(text);
    return id !== undefined && fits(id) ? id : undefined;
  });
  const number = z.int({ error: expected }).min(least, { error: expected }).max(0xffff_ffff, { error: expected });
  return z.union([number, dotted], { error: expected });
}

/** `10.0.0.1` or `7` → 32 bits, unsigned; undefined for anything else. */
export function parseIdentifier32(text: string): number | undefined {
  const quad = parseIpv4(text);
  if (quad !== undefined) return u32(quad, 0);
  const id = /^(?:0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
  return id <= 0xffff_ffff ? id : undefined;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** A span of time in words: `100ms`, `10s`. */
export function formatSpan(millis: number): string {
  const unit = ["h", "min", "s"].find((u) => millis >= UNITS[u]! && millis % UNITS[u]! === 0) ?? "ms";
  return `${millis / UNITS[unit]!}${unit}`;
}

/** A span of time with its unit, as milliseconds: `least` … `most`, in steps of `step`. A number without unit is refused. */
export function span(least: number, most: number, step = 1) {
  const whole = step === 1 ? "" : `, in whole ${step === 1000 ? "seconds" : formatSpan(step)}`;
  const expected = `a time ${formatSpan(least)} … ${formatSpan(most)}${whole}`;
  return parsed(expected, ["10s", "100ms"], (text) => {
    const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|min|h)$/.exec(text) ?? [];
    const millis = Math.round(Number(number) * UNITS[unit ?? "ms"]! * 1000) / 1000; // 1.005 s are 1005 ms
    return millis >= least && millis <= most && Number.isInteger(millis) && millis % step === 0 ? millis : undefined;
  });
}

/** An instant with its offset from UTC (RFC 3339), as Unix milliseconds. */
export const timestamp = parsed("a time such as 2026-12-01T00:00:00Z", ["2026-12-01T00:00:00Z"], (text) => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? undefined : millis;
});
