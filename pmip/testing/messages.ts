/** Messages by hand, for what no core of ours would send. */
import type { AddressHex, Subject } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { sign } from "#pmip/packet/authentication";
import { authenticators } from "#pmip/packet/mac";
import type { BindingUpdate, MobilityMessage, MobilityOptions } from "#pmip/packet/message";
import { writeMobility } from "#pmip/packet/mobility";
import { ACCESS_TECHNOLOGY, HANDOFF, UPDATE_ACKNOWLEDGE, UPDATE_PROXY } from "#pmip/packet/numbers";
import { Plan } from "#pmip/plan";
import { stampOf, timestampOf } from "#pmip/stamp";
import { nodeOptions } from "#pmip/subject";
import { configOf } from "#pmip/testing/configs";
import type { Send } from "#pmip/testing/world";
import { covered } from "#pmip/transmit";

export function packet(source: AddressHex, destination: AddressHex, message: MobilityMessage): Send {
  const octets = writeMobility(message, octetsOf(source), octetsOf(destination));
  return { type: "send", source, destination, octets };
}

export function signedPacket(
  source: AddressHex,
  destination: AddressHex,
  message: MobilityMessage,
  { spi, secret }: { readonly spi: number; readonly secret: string },
): Send {
  const made = packet(source, destination, message);
  const path = { source: octetsOf(source), destination: octetsOf(destination) };
  const proof = authenticators([{ spi, algorithm: "hmac-sha-256-128", key: octetsOf(secret) }]);
  const signing = { ...covered(message, path.source, path.destination), ...path };
  return { ...made, octets: sign(made.octets, signing, spi, proof) };
}

/** What an update has that nothing is wrong with, in a fabric of `count`. */
export function updateOptions(subject: Subject, count: number, at: number): MobilityOptions {
  return {
    ...nodeOptions(new Plan(configOf(0, count)), subject),
    handoff: HANDOFF.NEW_INTERFACE,
    accessTechnology: ACCESS_TECHNOLOGY.VIRTUAL,
    timestamp: timestampOf(stampOf(at)),
    greKey: subject.tags,
  };
}

/** Lifetime 300 s. */
export function update(options: MobilityOptions, more: Partial<BindingUpdate> = {}): BindingUpdate {
  const flags = UPDATE_PROXY | UPDATE_ACKNOWLEDGE;
  return { type: "binding-update", sequence: 7, flags, lifetime: 75, options, ...more };
}

export function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value;
  return rest;
}
