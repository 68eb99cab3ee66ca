/** Writing messages: octets in network order into a buffer that grows. Values out of range are our own bug: RangeError. */

export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  /** `capacity`: octets to begin with; more than the usual message saves growing. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, 8));
  }

  /** Octets written so far: the offset of the next one. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#check(value, 0xff);
    const at = this.#grow(1); // before #bytes is read: growing replaces it
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    this.#check(value, 0xffff);
    const at = this.#grow(2);
    this.#bytes[at] = value >> 8;
    this.#bytes[at + 1] = value;
  }

  u24(value: number): void {
    this.#check(value, 0xff_ffff);
    const at = this.#grow(3);
    this.#bytes[at] = value >> 16;
    this.#bytes[at + 1] = value >> 8;
    this.#bytes[at + 2] = value;
  }

  u32(value: number): void {
    this.#check(value, 0xffff_ffff);
    const at = this.#grow(4);
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
  }

  octets(octets: Uint8Array): void {
    const at = this.#grow(octets.length);
    this.#bytes.set(octets, at);
  }

  zeros(count: number): void {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
  }

  /** Zeros up to the next multiple of `alignment` octets, counted from offset `from`. */
  align(alignment: number, from = 0): void {
    const over = (this.#length - from) % alignment;
    if (over > 0) this.zeros(alignment - over);
  }

  /** Fills in a field that was written before its value was known: a length, a checksum. */
  patch8(at: number, value: number): void {
    this.#check(value, 0xff);
    this.#inside(at, 1);
    this.#bytes[at] = value;
  }

  patch16(at: number, value: number): void {
    this.#check(value, 0xffff);
    this.#inside(at, 2);
    this.#bytes[at] = value >> 8;
    this.#bytes[at + 1] = value;
  }

  /** The octets written so far, as a view that the next write may abandon: for checksums over the message. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The message, a copy of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #check(value: number, max: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value <= max)) throw new RangeError(`${value} is not 0 … ${max}`);
  }

  #inside(at: number, count: number): void {
    if (at < 0 || at + count > this.#length) throw new RangeError(`nothing written at ${at} yet`);
  }

  /** Makes room for `count` octets and answers where they go. */
  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.written);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }
}
