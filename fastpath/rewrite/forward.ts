/** The same packet, one hop on: TTL with its checksum, or hop limit. RFC 1812 §5.3.1, RFC 8200 §3; the MSS if it has a limit. */
import { put16, u16 } from "#base/bytes";
import { foldSmall } from "#base/checksum";
import { R_LIMITS } from "#fastpath/decision";
import { type Frame, KIND_IPV4 } from "#fastpath/frame";
import { clampMss } from "#fastpath/rewrite/transport";
import type { Tables } from "#fastpath/tables/tables";

export function forward(f: Frame, t: Tables, base: number): void {
  const b = t.bytes;
  const limit = t.records[base + R_LIMITS]! >>> 16;
  if (limit > 0) clampMss(f, b, limit);
  if (f.kind !== KIND_IPV4) {
    b[f.l3 + 7] = f.hopLimit - 1;
    if (f.outer !== 0) writeTrafficClass(f, b);
    return;
  }
  b[f.l3 + 8] = f.hopLimit - 1;
  // The TTL is the upper half of its word: one less there is 0x0100 more in the complement (RFC 1624).
  put16(b, f.l3 + 10, foldSmall(u16(b, f.l3 + 10) + 0x0100));
}

/** A tunnel may have met congestion (stages/unwrap.ts). */
function writeTrafficClass(f: Frame, b: Uint8Array): void {
  b[f.l3] = 0x60 | (f.trafficClass >> 4);
  b[f.l3 + 1] = ((f.trafficClass & 15) << 4) | (b[f.l3 + 1]! & 15);
}
