/** Address prefixes as LSAs carry them: length, options and as many 32-bit words as the length needs. RFC 5340 §A.4.1. */
import { masked, type Prefix } from "#base/address";
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";

/** No unicast: left out of unicast calculations (RFC 5340 §A.4.1.1). */
export const PREFIX_NU = 0x01;
/** An address of the Advertising Router itself. */
export const PREFIX_LA = 0x02;
/** Deprecated: sent as 0, ignored. */
export const PREFIX_MC = 0x04;
/** An NSSA's border router translates it into an AS-external-LSA (RFC 3101 §2.4). */
export const PREFIX_P = 0x08;
/** Not to be advertised again by a provider edge (RFC 4576). */
export const PREFIX_DN = 0x10;

/** An IPv6 prefix: 16 octets, bits after `length` zero, 0 ≤ `length` ≤ 128. */
export interface AdvertisedPrefix extends Prefix {
  /** PREFIX_… bits: 8. */
  readonly options: number;
}

export interface MeasuredPrefix extends AdvertisedPrefix {
  /** 0 … 0xffff. */
  readonly metric: number;
}

/** Octets of the Address Prefix field. */
export const prefixOctets = (length: number): number => ((length + 31) >> 5) << 2;

/** The two octets PrefixLength and PrefixOptions. */
export interface PrefixStart {
  readonly length: number;
  readonly options: number;
}

/** PrefixLength and PrefixOptions; refuses lengths above 128. What follows them differs from LSA to LSA. */
export function readPrefixStart(r: Reader): PrefixStart {
  const length = r.u8();
  if (length > 128) r.fail("prefix length above 128", r.at - 1);
  return { length, options: r.u8() };
}

/** The Address Prefix field. Bits after the length are taken as zero: §A.4.1 pads with zeros, a sender may have erred. */
export function readPrefixAddress(r: Reader, length: number): Uint8Array {
  const address = new Uint8Array(16);
  const from = r.at;
  r.skip(prefixOctets(length));
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) address[i] = r.bytes[from + i]!;
  if ((length & 7) !== 0) address[whole] = r.bytes[from + whole]! & (0xff00 >> (length & 7));
  return address;
}

export function writePrefixStart(w: Writer, prefix: AdvertisedPrefix): void {
  if (prefix.length > 128 || prefix.address.length !== 16) throw new RangeError("no IPv6 prefix");
  w.u8(prefix.length);
  w.u8(prefix.options);
}

/** Bits after the length are written as zero whatever they are. */
export const writePrefixAddress = (w: Writer, prefix: AdvertisedPrefix): void =>
  w.octets(masked(prefix.address, prefix.length).subarray(0, prefixOctets(prefix.length)));
