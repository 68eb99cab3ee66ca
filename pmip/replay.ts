/**
 * Is a signed message fresh? The Mobility Message Replay Protection option of RFC 4285 §6: the sender's time, compared with
 * the receiver's. The RFC has it in Binding Updates and Acknowledgements; here all signed messages carry it. (tshark shows it
 * 70 years late: it counts from 1970, the RFC's NTP format from 1900.)
 */
import { put32, u32 } from "#base/bytes";
import type { Millis } from "#base/time";
import type { OpaqueOption } from "#pmip/packet/message";

/** MESG-ID-OPTION-TYPE. */
const TYPE = 10;
const OCTETS = 8;
/** Seconds from 1900, where NTP begins to count (RFC 5905 §6), to 1970. */
const NTP_EPOCH = 2_208_988_800;
const FRACTIONS = 2 ** 32;

/** Says that it is `unix` now. */
export function freshnessAt(unix: Millis): OpaqueOption {
  const data = new Uint8Array(OCTETS);
  const seconds = Math.floor(unix / 1000);
  put32(data, 0, (seconds + NTP_EPOCH) >>> 0);
  put32(data, 4, Math.floor(((unix - seconds * 1000) / 1000) * FRACTIONS) >>> 0);
  return { type: TYPE, data };
}

/** The option with its seconds from another clock: how a message is refused for its time (RFC 4285 §6). */
export function freshnessCorrected({ data }: OpaqueOption, unix: Millis): OpaqueOption {
  const corrected = freshnessAt(unix);
  corrected.data.set(data.subarray(4), 4);
  return corrected;
}

export const freshnessIn = (options: readonly OpaqueOption[] | undefined): OpaqueOption | undefined =>
  options?.find(({ type, data }) => type === TYPE && data.length === OCTETS);

/** Milliseconds that the option's time is ahead of `unix`; less than 68 years in either direction. */
export function aheadOf(unix: Millis, { data }: OpaqueOption): Millis {
  const seconds = Math.floor(unix / 1000);
  const difference = (u32(data, 0) - ((seconds + NTP_EPOCH) >>> 0)) | 0; // NTP's era ends in 2036
  return difference * 1000 + (u32(data, 4) / FRACTIONS) * 1000 - (unix - seconds * 1000);
}
