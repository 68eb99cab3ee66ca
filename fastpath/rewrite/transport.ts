/**
 * The transport's part of a translation: checksums that cover the addresses, and the MSS option. RFC 7915 §4.5, §5.5.
 * A checksum is updated by the difference (RFC 1624), so one that was wrong stays wrong and the receiver sees it.
 */
import { put16, u16 } from "#base/bytes";
import { finish, foldSmall, sum, update } from "#base/checksum";
import { type Frame, UNUSUAL_ZERO_CHECKSUM } from "#fastpath/frame";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const TCP_FLAGS = 13;
const SYN = 0x02;

/** Adds `delta` (R_CHECKSUM_DELTA) to the checksum of the TCP or UDP header at `f.l4`; nothing for other protocols. */
export function addToChecksum(f: Frame, b: Uint8Array, delta: number): void {
  const udp = f.protocol === PROTOCOL_UDP;
  if (f.l4 === 0 || (!udp && f.protocol !== PROTOCOL_TCP)) return;
  const at = f.l4 + (udp ? UDP_CHECKSUM : TCP_CHECKSUM);
  const field = u16(b, at);
  if (f.partial) {
    put16(b, at, foldSmall(field + delta)); // holds the pseudo-header's sum, not its complement
  } else {
    const checksum = ~foldSmall((~field & 0xffff) + delta) & 0xffff;
    put16(b, at, udp && checksum === 0 ? 0xffff : checksum);
  }
}

/**
 * An unfragmented UDP datagram without checksum gets one, since IPv6 wants it (RFC 7915 §4.5). `pseudo`: the sum of
 * the new pseudo-header without the length.
 */
export function computeUdpChecksum(f: Frame, b: Uint8Array, pseudo: number): void {
  const length = u16(b, f.l4 + 4);
  const checksum = finish(sum(b, f.l4, length, pseudo + length));
  put16(b, f.l4 + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum);
  f.unusual &= ~UNUSUAL_ZERO_CHECKSUM;
}

/** Lowers the MSS option of a SYN to `limit` octets, so that a full segment fits both sides. RFC 9293 §3.7.1. */
export function clampMss(f: Frame, b: Uint8Array, limit: number): void {
  if (f.protocol !== PROTOCOL_TCP || f.l4 === 0 || (b[f.l4 + TCP_FLAGS]! & SYN) === 0) return;
  const end = f.l4 + ((b[f.l4 + 12]! >> 4) << 2);
  let at = f.l4 + 20;
  while (at + 1 < end) {
    const kind = b[at]!;
    if (kind === 0) return;
    const length = kind === 1 ? 1 : b[at + 1]!;
    if ((kind !== 1 && length < 2) || at + length > end) return;
    if (kind === 2 && length === 4) {
      const mss = u16(b, at + 2);
      if (mss > limit) setMss(f, b, at + 2, limit);
      return;
    }
    at += length;
  }
}

/** An option may start at an odd octet: then its value's octets lie in two different checksum words, swapped. */
function setMss(f: Frame, b: Uint8Array, at: number, limit: number): void {
  const before = u16(b, at);
  put16(b, at, limit);
  if (f.partial) return; // the options are still to be summed
  const odd = ((at - f.l4) & 1) !== 0;
  const field = f.l4 + TCP_CHECKSUM;
  put16(b, field, update(u16(b, field), odd ? swap(before) : before, odd ? swap(limit) : limit));
}

const swap = (v: number): number => ((v & 0xff) << 8) | (v >>> 8);

/** Finishes a partial checksum, for a way out that cannot: the field has the pseudo-header's sum already. */
export function completeChecksum(f: Frame, b: Uint8Array): void {
  if (!f.partial) return;
  const start = f.at + f.csumStart;
  const checksum = finish(sum(b, start, f.end - start));
  put16(b, start + f.csumOffset, checksum === 0 && f.protocol === PROTOCOL_UDP ? 0xffff : checksum);
  f.partial = false;
}
