/** Octet strings as values: every function makes a new one. Slow and plain on purpose, and shared with no fast path code. */

/** Unsigned number in `size` octets, network order; 0 … 2^48 − 1. Reading past the end is a defect of the oracle. */
export function numberAt(octets: Uint8Array, at: number, size: number): number {
  if (at < 0 || at + size > octets.length) throw new RangeError(`${size} octets at ${at} of ${octets.length}`);
  return octets.slice(at, at + size).reduce((value, octet) => value * 256 + octet, 0);
}

/** `value` in `size` octets, network order. */
export function octetsOf(value: number, size: number): Uint8Array {
  if (value < 0 || value >= 256 ** size) throw new RangeError(`${value} does not fit ${size} octets`);
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A copy with `field` in the place of what stood at `at`. */
export function replaced(octets: Uint8Array, at: number, field: Uint8Array): Uint8Array {
  return joined(octets.slice(0, at), field, octets.slice(at + field.length));
}

/** Zeros behind, up to `length` octets. */
export const padded = (octets: Uint8Array, length: number): Uint8Array =>
  joined(octets, new Uint8Array(Math.max(0, length - octets.length)));

/** The next multiple of `unit` that is not below `length`. */
export const roundedUp = (length: number, unit: number): number => Math.ceil(length / unit) * unit;

export const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((octet, i) => octet === b[i]);

/** Payload octets each, all but the last a multiple of 8, none above `most`: how a payload is cut into fragments. */
export function cut(payload: Uint8Array, most: number): Uint8Array[] {
  const size = most - (most % 8);
  if (size < 8) throw new RangeError(`no fragment fits ${most} octets`);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) pieces.push(payload.slice(at, at + size));
  return pieces;
}
