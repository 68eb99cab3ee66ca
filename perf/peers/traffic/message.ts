/**
 * What the generators and the responder say to each other, in place: 18 octets, which with UDP, IPv4, Ethernet and its
 * check sequence make the smallest Ethernet frame, 64 octets.
 *
 * ```
 *   0     1      2       4                   8             12 … 17
 *   kind  query  trial   sequence or count   ~ sequence    zero
 * ```
 * The complement makes all sequence numbers add up to the same, so that a trial's UDP checksum is computed once.
 */
import { put8, put16, put32, u8, u16, u32 } from "#base/bytes";

export const SIZE = 18; // octets
export const PORT = 4700;

/** To be counted, once per trial and sequence number. */
export const DATA = 1;
/** "How many of this trial did you get?" The answer is the same message with the count in place of the sequence. */
export const COUNT = 2;
/** To be sent back as it is. */
export const ECHO = 3;

export const kind = (b: Uint8Array, at: number): number => u8(b, at);
/** Tells the answers to repeated questions apart. */
export const query = (b: Uint8Array, at: number): number => u8(b, at + 1);
export const trial = (b: Uint8Array, at: number): number => u16(b, at + 2);
export const sequence = (b: Uint8Array, at: number): number => u32(b, at + 4);

export function setSequence(b: Uint8Array, at: number, value: number): void {
  put32(b, at + 4, value);
  put32(b, at + 8, ~value);
}

export interface Message {
  readonly kind: number;
  readonly query?: number;
  readonly trial?: number;
  readonly sequence?: number;
}

export function write(b: Uint8Array, at: number, message: Message): void {
  put8(b, at, message.kind);
  put8(b, at + 1, message.query ?? 0);
  put16(b, at + 2, message.trial ?? 0);
  setSequence(b, at, message.sequence ?? 0);
  b.fill(0, at + 12, at + SIZE);
}
