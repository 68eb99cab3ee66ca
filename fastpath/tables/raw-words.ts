/** Words called *raw*: octets in network order, as an Int32Array over a packet holds them (layout.ts). */

/** Octets in memory order → the word an Int32Array over a packet holds there. */
export const raw = (b: Uint8Array, at = 0): number =>
  (b[at] ?? 0) | ((b[at + 1] ?? 0) << 8) | ((b[at + 2] ?? 0) << 16) | ((b[at + 3] ?? 0) << 24);

/** A value in host order as its four network-order octets lie in memory. */
export const rawOf = (value: number): number =>
  (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);

export const rawWords = (b: Uint8Array): Int32Array =>
  Int32Array.from({ length: b.length >> 2 }, (_, i) => raw(b, 4 * i));

/** A prefix length as a raw mask of `octets` octets. */
export function maskWords(length: number, octets: number): Int32Array {
  const mask = Uint8Array.from({ length: octets }, (_, i) => 0xff00 >> Math.max(0, Math.min(8, length - 8 * i)));
  return rawWords(mask);
}
