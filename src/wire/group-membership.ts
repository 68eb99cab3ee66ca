/** What IGMPv3 (RFC 3376) and MLDv2 (RFC 3810) write alike: group records, the end of a query, times as codes. */
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";

/** Record types, RFC 3376 §4.2.12, RFC 3810 §5.2.12. Others are to be passed over. */
export const IS_IN = 1;
export const IS_EX = 2;
export const TO_IN = 3;
export const TO_EX = 4;
export const ALLOW = 5;
export const BLOCK = 6;

/** What a host says of one group. */
export interface GroupRecord {
  /** 0 … 255; {@link IS_IN} … {@link BLOCK} mean something. */
  readonly type: number;
  /** 4 or 16 octets, as all of them. */
  readonly group: Uint8Array;
  readonly sources: readonly Uint8Array[];
}

/** The part of a query that older versions do not have: RFC 3376 §4.1.5 … §4.1.9, RFC 3810 §5.1.7 … §5.1.11. */
export interface QueryDetails {
  /** Routers are not to change their timers. */
  readonly suppress: boolean;
  /** 0 … 7; 0: more than 7. */
  readonly robustness: number;
  /** Seconds between the querier's general queries: 0 … 31744. Written as the largest code that is not more. */
  readonly interval: number;
  /** Empty: all of the group. */
  readonly sources: readonly Uint8Array[];
}

/** Bits of the mantissa in an eight-bit code, whose exponent has three. */
export const MANTISSA_8 = 4;
/** In a 16-bit code. */
export const MANTISSA_16 = 12;

/** A time's code → the time, in the field's units (RFC 3376 §4.1.1, RFC 3810 §5.1.3). */
export function fromCode(code: number, mantissa: number): number {
  const hidden = 1 << mantissa;
  if (code < hidden << 3) return code;
  return ((code & (hidden - 1)) | hidden) << (((code >> mantissa) & 7) + 3);
}

/** The code for a time, or for the next smaller one that has a code (RFC 3376 §8.8). */
export function toCode(value: number, mantissa: number): number {
  const hidden = 1 << mantissa;
  const whole = Math.floor(value);
  if (whole < hidden << 3) return whole;
  for (let exponent = 0; exponent < 8; exponent++) {
    const scaled = Math.floor(whole / 2 ** (exponent + 3));
    if (scaled < hidden << 1) return (hidden << 3) | (exponent << mantissa) | (scaled & (hidden - 1));
  }
  return (hidden << 4) - 1;
}

/** Reads records up to their number; what follows them means nothing (RFC 3376 §4.2.11). `size`: of an address, octets. */
export function readRecords(r: Reader, size: number): GroupRecord[] {
  const count = r.u16();
  const records: GroupRecord[] = [];
  while (records.length < count) {
    const type = r.u8();
    const auxiliaryWords = r.u8();
    const sources = r.u16();
    const group = r.octets(size);
    records.push({ type, group, sources: readSources(r, sources, size) });
    r.skip(4 * auxiliaryWords);
  }
  return records;
}

export function writeRecords(w: Writer, records: readonly GroupRecord[]): void {
  w.u16(records.length);
  for (const { type, group, sources } of records) {
    w.u8(type);
    w.u8(0); // no auxiliary data is defined
    w.u16(sources.length);
    w.octets(group);
    for (const source of sources) w.octets(source);
  }
}

export function readDetails(r: Reader, size: number): QueryDetails {
  const flags = r.u8();
  const interval = fromCode(r.u8(), MANTISSA_8);
  const sources = readSources(r, r.u16(), size);
  return { suppress: (flags & 8) !== 0, robustness: flags & 7, interval, sources };
}

export function writeDetails(w: Writer, { suppress, robustness, interval, sources }: QueryDetails): void {
  w.u8((suppress ? 8 : 0) | (robustness > 7 ? 0 : robustness));
  w.u8(toCode(interval, MANTISSA_8));
  w.u16(sources.length);
  for (const source of sources) w.octets(source);
}

function readSources(r: Reader, count: number, size: number): Uint8Array[] {
  if (count * size > r.remaining) r.fail("truncated"); // before room is made for that many
  return Array.from({ length: count }, () => r.octets(size));
}
