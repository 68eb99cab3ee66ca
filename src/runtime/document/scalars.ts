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
