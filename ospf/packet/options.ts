/** The Options field of Hellos, Database Descriptions and LSAs: 24 bits. RFC 5340 §A.2, and who defined the rest. */

/** The router or link takes part in IPv6 routing. */
export const OPTION_V6 = 0x000001;
/** AS-external-LSAs are flooded into the area: it is no stub and no NSSA. */
export const OPTION_E = 0x000002;
/** MOSPF; deprecated: sent as 0, ignored. */
export const OPTION_MC = 0x000004;
/** The area is an NSSA (RFC 3101 §2.3). */
export const OPTION_N = 0x000008;
/** The originator forwards: routes may lead through it. */
export const OPTION_R = 0x000010;
/** Demand circuits (RFC 1793). */
export const OPTION_DC = 0x000020;
/** Address families (RFC 5838 §2.2). */
export const OPTION_AF = 0x000100;
/** A link-local signalling block follows the packet; in Hellos and Database Descriptions alone (RFC 5613 §2.1). */
export const OPTION_L = 0x000200;
/** All packets on this link end in an authentication trailer (RFC 7166 §2.1). */
export const OPTION_AT = 0x000400;

const NAMES: readonly (readonly [number, string])[] = [
  [OPTION_V6, "V6"],
  [OPTION_E, "E"],
  [OPTION_MC, "MC"],
  [OPTION_N, "N"],
  [OPTION_R, "R"],
  [OPTION_DC, "DC"],
  [OPTION_AF, "AF"],
  [OPTION_L, "L"],
  [OPTION_AT, "AT"],
];

/** True when every bit of `bits` is set. */
export const hasOptions = (options: number, bits: number): boolean => (options & bits) === bits;

/** For people: `"V6|E|R"`, lowest bit first; bits without a name as one hexadecimal number; `""` for none. */
export function formatOptions(options: number): string {
  const named = NAMES.filter(([bit]) => hasOptions(options, bit));
  const rest = named.reduce((left, [bit]) => left & ~bit, options);
  const names = named.map(([, name]) => name);
  return (rest === 0 ? names : [...names, `0x${rest.toString(16)}`]).join("|");
}
