/**
 * Reading messages octet by octet: `decode(bytes, readX)`, where `readX(reader)` reads the fields in wire order.
 *
 * A reader never goes past its end: what is missing or refused is thrown as a {@link Malformed}, which is caught at the
 * one door, `decode`. It is no Error: a peer's bad octets are an ordinary value there, and cost no stack trace.
 */

/** Why octets are no such message, and where. */
export class Malformed {
  /** Short and constant enough to count by: "truncated", "option of length zero". */
  readonly error: string;
  /** Offset in the array given to {@link decode}. */
  readonly at: number;

  constructor(error: string, at: number) {
    this.error = error;
    this.at = at;
  }
}

/** What `read` makes of octets `from` … `end` − 1; tell the outcomes apart with `instanceof Malformed`. */
export function decode<T>(bytes: Uint8Array, read: (r: Reader) => T, from = 0, end = bytes.length): T | Malformed {
  try {
    return read(new Reader(bytes, from, end));
  } catch (refusal) {
    if (refusal instanceof Malformed) return refusal;
    throw refusal;
  }
}

export class Reader {
  readonly bytes: Uint8Array;
  /** One past the last octet that may be read. */
  readonly end: number;
  /** Offset of the next octet. */
  at: number;

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = from;
    this.end = Math.min(end, bytes.length);
  }

  get remaining(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u24(): number {
    const at = this.#take(3);
    return (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!;
  }

  /** 0 … 2^32 − 1. */
  u32(): number {
    const at = this.#take(4);
    const b = this.bytes;
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  }

  /** A copy: the message outlives the buffer it came in. */
  octets(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.slice(at, at + length);
  }

  /** A copy of all that is left, perhaps nothing. */
  rest(): Uint8Array {
    return this.octets(this.remaining);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A reader of the next `length` octets alone; this one goes on after them. */
  within(length: number): Reader {
    const at = this.#take(length);
    return new Reader(this.bytes, at, at + length);
  }

  /** Refuses octets after the message's end. */
  expectEnd(): void {
    if (this.remaining > 0) this.fail("octets after the end");
  }

  /** Refuses the message. `at`: where the offending field begins, by default the next octet. */
  fail(error: string, at = this.at): never {
    throw new Malformed(error, at);
  }

  #take(length: number): number {
    const { at } = this;
    if (length > this.end - at) this.fail("truncated");
    this.at = at + length;
    return at;
  }
}
