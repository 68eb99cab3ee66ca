/**
 * For tests: a header's accessors against the bit positions of its RFC's picture, by an independent reading of the octets.
 */
import { expect } from "bun:test";
import fc from "fast-check";

export interface Field {
  readonly name: string;
  /** From the header's first bit, as in the RFC's picture. */
  readonly bit: number;
  /** 1 … 32. */
  readonly width: number;
  readonly get: (b: Uint8Array, at: number) => number | boolean;
  readonly set?: (b: Uint8Array, at: number, value: number) => void;
  /** What one unit of the field counts: 4 for a length in words. */
  readonly unit?: number;
  /** Little endian (16 bits wide only). */
  readonly little?: boolean;
}

/** Offset of the header in the tested buffer: odd, so that nothing relies on alignment. */
const AT = 3;

/** Checks that each getter reads exactly its bits of any header, and each setter writes exactly its own. */
export function expectFields(size: number, fields: readonly Field[]): void {
  const header = fc.uint8Array({ minLength: size, maxLength: size });
  for (const field of fields) {
    const { unit = 1 } = field;
    const values = fc.integer({ min: 0, max: 2 ** field.width - 1 });
    fc.assert(
      fc.property(header, values, (octets, value) => {
        const b = new Uint8Array(AT + size + AT).fill(0xa5);
        b.set(octets, AT);
        expect([field.name, Number(field.get(b, AT)) >>> 0]).toEqual([field.name, bitsOf(octets, field) * unit]);
        if (!field.set) return;
        field.set(b, AT, value * unit);
        expect([field.name, Number(field.get(b, AT)) >>> 0]).toEqual([field.name, value * unit]);
        const expected = new Uint8Array(b.length).fill(0xa5);
        expected.set(withBits(octets, field, value), AT);
        expect(b).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  }
}

const bitAt = (octets: Uint8Array, bit: number): number => (octets[bit >> 3]! >> (7 - (bit & 7))) & 1;

function bitsOf(octets: Uint8Array, { bit, width, little }: Field): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 2 + bitAt(octets, bit + i);
  return little ? swap(value) : value;
}

function withBits(octets: Uint8Array, { bit, width, little }: Field, value: number): Uint8Array {
  const out = octets.slice();
  let rest = little ? swap(value) : value;
  for (let i = bit + width - 1; i >= bit; i--) {
    const mask = 1 << (7 - (i & 7));
    out[i >> 3] = rest % 2 === 1 ? out[i >> 3]! | mask : out[i >> 3]! & ~mask;
    rest = Math.floor(rest / 2);
  }
  return out;
}

const swap = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
