/** The Ethernet header of the way out: MACs from the record. */
import { R_MACS } from "#fastpath/decision";

/** Writes the 12 octets of both MACs at `at`, which is 2 modulo 4. */
export function writeEthernet(bytes: Uint8Array, words: Int32Array, at: number, r: Int32Array, base: number): void {
  // Destination octets 0, 1 alone; then every word is aligned: destination 2–5, source 0–3, source 4–5 and type.
  const m0 = r[base + R_MACS]!;
  const m1 = r[base + R_MACS + 1]!;
  const m2 = r[base + R_MACS + 2]!;
  bytes[at] = m0;
  bytes[at + 1] = m0 >>> 8;
  const w = (at + 2) >> 2;
  words[w] = (m0 >>> 16) | (m1 << 16);
  words[w + 1] = (m1 >>> 16) | (m2 << 16);
  bytes[at + 10] = m2 >>> 16;
  bytes[at + 11] = m2 >>> 24;
}

export function writeEtherType(bytes: Uint8Array, at: number, version: 4 | 6): void {
  bytes[at + 12] = version === 4 ? 0x08 : 0x86;
  bytes[at + 13] = version === 4 ? 0x00 : 0xdd;
}
