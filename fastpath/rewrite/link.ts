/** The Ethernet header of the way out: MACs from the record. */
import { R_MACS } from "#fastpath/decision";
import type { Tables } from "#fastpath/tables/tables";

/** Writes the 12 octets of both MACs at `at`, which is 2 modulo 4: every word but the first half is aligned. */
export function writeEthernet(t: Tables, at: number, base: number): void {
  const { words, halves, records } = t;
  const m0 = records[base + R_MACS]!;
  const m1 = records[base + R_MACS + 1]!;
  const m2 = records[base + R_MACS + 2]!;
  const w = (at + 2) >> 2;
  halves[at >> 1] = m0;
  words[w] = (m0 >>> 16) | (m1 << 16);
  words[w + 1] = (m1 >>> 16) | (m2 << 16);
  halves[(at >> 1) + 5] = m2 >>> 16;
}

/** `version`: 4 or 6. The type's half word as it lies in memory. */
export function writeEtherType(t: Tables, at: number, version: 4 | 6): void {
  t.halves[(at >> 1) + 6] = version === 4 ? 0x0008 : 0xdd86;
}
