/** Mobility options as type, length and data, with their padding, whatever they mean. RFC 6275 §6.2. */
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import { refuse } from "#pmip/packet/fault";

const PAD1 = 0;
const PADN = 1;
/** Of the data; the length field has 8 bits. */
const LONGEST_DATA = 255;

/** An option other than padding, where it lies: offsets of its first octet, its data and the octet after it. */
export interface RawOption {
  readonly type: number;
  readonly at: number;
  readonly from: number;
  readonly end: number;
}

/** Where an option may begin: at offsets `multiple` · n + `offset` from the Mobility Header's first octet. */
export interface Alignment {
  readonly multiple: number;
  readonly offset: number;
}

/** All up to the reader's end, in their order. Refuses one that reaches beyond it. */
export function readRawOptions(r: Reader): RawOption[] {
  const found: RawOption[] = [];
  while (r.remaining > 0) {
    const { at } = r;
    const type = r.u8();
    if (type === PAD1) continue;
    const length = r.remaining > 0 ? r.u8() : refuse(r, "option-overrun");
    if (length > r.remaining) refuse(r, "option-overrun");
    r.skip(length);
    if (type !== PADN) found.push({ type, at, from: at + 2, end: r.at });
  }
  return found;
}

/**
 * Type, length and what `writeData` writes, after the padding that the alignment asks for. RangeError when it is too
 * long.
 */
export function putOption(w: Writer, type: number, alignment: Alignment, writeData: () => void): void {
  pad(w, alignment);
  w.u8(type);
  w.u8(0);
  const from = w.length;
  writeData();
  const length = w.length - from;
  if (length > LONGEST_DATA) throw new RangeError(`option ${type} of ${length} octets`);
  w.patch8(from - 1, length);
}

/** Pads up to the next place that is so aligned, by one option at most (§6.2.2). */
export function pad(w: Writer, { multiple, offset }: Alignment): void {
  const count = (((offset - w.length) % multiple) + multiple) % multiple;
  if (count === 0) return;
  if (count === 1) {
    w.u8(PAD1);
    return;
  }
  w.u8(PADN);
  w.u8(count - 2);
  w.zeros(count - 2);
}
