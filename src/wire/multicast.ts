/** Which multicast groups hosts are asked about, and so are sent to listeners alone. RFC 4541 §2.1.2, §3. */
import { u8, u16, u32 } from "#base/bytes";

/**
 * True for an IPv4 group that goes where it was asked for. 224.0.0.0/24 goes to everybody on the link: many listen there
 * without a word (RFC 4541 §2.1.2).
 */
export const isSnooped4 = (b: Uint8Array, at: number): boolean =>
  u8(b, at) >> 4 === 0xe && (u32(b, at) & 0xffff_ff00) >>> 0 !== 0xe000_0000;

/** The same of IPv6: all but ff02::1, and groups that are never on a link, reserved and interface-local ones (§3). */
export const isSnooped6 = (b: Uint8Array, at: number): boolean =>
  u8(b, at) === 0xff && (u8(b, at + 1) & 15) > 1 && !isAllNodes(b, at);

const isAllNodes = (b: Uint8Array, at: number): boolean =>
  u16(b, at) === 0xff02 &&
  u16(b, at + 2) === 0 &&
  u32(b, at + 4) === 0 &&
  u32(b, at + 8) === 0 &&
  u32(b, at + 12) === 1;

/** ff02::1:ff00:0/104: groups that neighbor discovery alone is sent to (RFC 4291 §2.7.1). */
export const isSolicitedNode = (b: Uint8Array, at: number): boolean =>
  u32(b, at) === 0xff02_0000 && u32(b, at + 4) === 0 && u32(b, at + 8) === 1 && u8(b, at + 12) === 0xff;
