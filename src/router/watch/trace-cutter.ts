/** Octets of a trace as they come, in pieces of any size, cut into its messages. */
import { u16, u32 } from "#base/bytes";
import { decode, Malformed } from "#base/reader";
import { MESSAGE_HEADER, MOST_MESSAGE_OCTETS, PREAMBLE, readPreamble } from "#router/watch/trace-messages";

/** A whole message, not looked into yet. */
export interface CutMessage {
  readonly kind: number;
  readonly source: number;
  /** From its header on: a view, good until the next piece. */
  readonly octets: Uint8Array;
  /** Octets of the trace before it. */
  readonly at: number;
}

export class TraceCutter {
  /** What has come of the next message. */
  #rest: Uint8Array = new Uint8Array(0);
  #isBegun = false;
  /** Octets of the trace before #rest. */
  #at = 0;

  /** True: it begins as a trace does. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Octets that wait for the rest of their message. */
  get waiting(): number {
    return this.#rest.length;
  }

  /** The messages that are whole now; all of them are to be taken before the next piece. Throws Malformed: this is no trace, or of no version that is understood. */
  *cut(piece: Uint8Array): Generator<CutMessage> {
    const octets = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = this.#isBegun ? 0 : this.#begin(octets);
    while (this.#isBegun && octets.length - at >= MESSAGE_HEADER) {
      const length = u32(octets, at);
      if (length < MESSAGE_HEADER || length > MOST_MESSAGE_OCTETS)
        throw new Malformed(`a message of ${length} octets`, this.#at + at);
      if (octets.length - at < length) break;
      const message = octets.subarray(at, at + length);
      yield { kind: message[4]!, source: u16(message, 6), octets: message, at: this.#at + at };
      at += length;
    }
    this.#rest = octets.slice(at);
    this.#at += at;
  }

  /** Octets taken. */
  #begin(octets: Uint8Array): number {
    if (octets.length < PREAMBLE) return 0;
    const refusal = decode(octets, readPreamble);
    if (refusal instanceof Malformed) throw refusal;
    this.#isBegun = true;
    return PREAMBLE;
  }
}
