/**
 * Octets in network order, read and written in place.
 *
 * No bounds checks of their own: a header's `fits()` is asked once at the door (see src/wire) and everything after it
 * is inside. An access outside the array reads NaN-free zero (`undefined | 0`), it never throws.
 */

export const u8 = (b: Uint8Array, at: number): number => b[at]! | 0;

export const u16 = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!;

/** Unsigned: 0 … 2^32−1. Use {@link i32} where only the bits matter: it stays a small integer in the JIT. */
export const u32 = (b: Uint8Array, at: number): number => i32(b, at) >>> 0;

/** The same 32 bits as a signed integer: −2^31 … 2^31−1. */
export const i32 = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;

export function put8(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
}

export function put16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >> 8;
  b[at + 1] = value;
}

export function put32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >> 24;
  b[at + 1] = value >> 16;
  b[at + 2] = value >> 8;
  b[at + 3] = value;
}

/** Copies `length` octets; the ranges may overlap. Short runs in a loop: `copyWithin` costs a call into the runtime. */
export function move(b: Uint8Array, to: number, from: number, length: number): void {
  if (length > 64) {
    b.copyWithin(to, from, from + length);
  } else if (to <= from) {
    for (let i = 0; i < length; i++) b[to + i] = b[from + i]!;
  } else {
    for (let i = length - 1; i >= 0; i--) b[to + i] = b[from + i]!;
  }
}

/** Copies between two arrays. */
export function copy(to: Uint8Array, at: number, from: Uint8Array, fromAt: number, length: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[fromAt + i]!;
}

export function equal(a: Uint8Array, at: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[at + i] !== b[bAt + i]) return false;
  return true;
}

const HEX = /^(?:[0-9a-fA-F]{2})*$/;

/** `"00ff"` → octets; undefined when `text` is not an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (!HEX.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function toHex(b: Uint8Array): string {
  return Buffer.from(b.buffer, b.byteOffset, b.length).toString("hex");
}
