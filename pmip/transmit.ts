/** Messages out: fresh and signed, where a key is configured. */
import { nextFraction } from "#base/random";
import type { Millis } from "#base/time";
import type { AddressHex } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { type Instance, nowOf } from "#pmip/instance";
import { sign } from "#pmip/packet/authentication";
import type { MobilityMessage, OpaqueOption } from "#pmip/packet/message";
import { writeMobility } from "#pmip/packet/mobility";
import { freshnessAt } from "#pmip/replay";

export interface Way {
  /** An address of ours. */
  readonly from: AddressHex;
  readonly to: AddressHex;
}

/** `answering`: the freshness option of the message that this one answers, to be sent back (RFC 4285 §6). */
export function send(instance: Instance, { from, to }: Way, message: MobilityMessage, answering?: OpaqueOption): void {
  const source = octetsOf(from);
  const destination = octetsOf(to);
  const { authenticator } = instance.plan;
  const { authentication } = instance.config;
  let octets: Uint8Array;
  if (authenticator === undefined || authentication === undefined) {
    octets = writeMobility(message, source, destination);
  } else {
    const others = [answering ?? freshnessAt(nowOf(instance) + (instance.offsets.get(to) ?? 0))];
    const fresh = { ...message, options: { ...message.options, others } } as MobilityMessage;
    const path = { ...covered(message, source, destination), source, destination };
    octets = sign(writeMobility(fresh, source, destination), path, authentication.send, authenticator);
  }
  instance.turn.effects.push({ type: "send", source: from, destination: to, octets });
}

/** RFC 4285 §5.1: care-of and home address; of an acknowledgement too, they are the gateway's and the anchor's. */
export const covered = ({ type }: MobilityMessage, source: Uint8Array, destination: Uint8Array) =>
  type === "binding-ack" ? { careOf: destination, home: source } : { careOf: source, home: destination };

/** RFC 6275 §11.8: doubling after each attempt, the first being number 1. */
export const backOff = ({ config }: Instance, tries: number): Millis =>
  Math.min(config.timers.retransmit * 2 ** (tries - 1), config.timers.retransmitLongest);

/** A tenth more or less: what began together shall not go on together. */
export const jittered = (instance: Instance, span: Millis): Millis =>
  span * (0.9 + 0.2 * nextFraction(instance.random));
