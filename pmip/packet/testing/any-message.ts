/** For tests: any message that can be written, and its octets taken apart and put together again. */
import fc from "fast-check";
import { masked } from "#base/address";
import { writeChecksum } from "#pmip/packet/header";
import type { MobilityMessage, MobilityOptions, NodeOptions, SharedOptions } from "#pmip/packet/message";
import { readMobility } from "#pmip/packet/mobility";
import { amidst, LMA, MAG } from "#pmip/packet/testing/samples";

/** What is read of a message with these octets as its options, padded at the end. */
export function readWith(start: Uint8Array, options: Uint8Array): ReturnType<typeof readMobility> {
  const octets = new Uint8Array((start.length + options.length + 7) & ~7);
  octets.set(start);
  octets.set(options, start.length);
  octets[1] = (octets.length >> 3) - 1;
  writeChecksum(octets, MAG, LMA);
  return readMobility(amidst(octets), MAG, LMA);
}
/** Of a record, any part. */
const some = <T extends object>(model: { [K in keyof T]-?: fc.Arbitrary<NonNullable<T[K]>> }): fc.Arbitrary<T> =>
  fc.record(model, { requiredKeys: [] }) as unknown as fc.Arbitrary<T>;
export const octets = (minLength: number, maxLength = minLength): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
export const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const ipv4 = { address: octets(4), length: fc.nat(32) };
const mobileNode = fc.string({ unit: "binary", minLength: 1, maxLength: 60 });
const moreOfNode = {
  homeNetworkPrefixes: fc.array(
    fc.tuple(octets(16), fc.nat(128)).map(([address, length]) => ({ address: masked(address, length), length })),
    { minLength: 1, maxLength: 3 },
  ),
  ipv4HomeAddresses: fc.array(fc.record(ipv4), { minLength: 1, maxLength: 2 }),
};
const sharedFields = {
  alternateCareOf: octets(16),
  handoff: u8,
  accessTechnology: u8,
  linkLayer: octets(1, 20),
  linkLocal: octets(16),
  timestamp: fc.record({ seconds: fc.maxSafeNat().map((n) => n % 2 ** 48), fraction: u16 }),
  ipv4HomeAddressReply: fc.record({ status: u8, ...ipv4 }),
  ipv4DefaultRouter: octets(4),
  ipv4DhcpSupport: fc.constantFrom("relay" as const, "server" as const),
  greKey: fc.oneof(u32, fc.constant("none" as const)),
  magAddress: octets(16),
  restartCounter: u32,
  authentication: fc.record({ spi: u32, authenticator: octets(0, 40) }),
  others: fc.array(fc.record({ type: fc.integer({ min: 52, max: 255 }), data: octets(0, 30) }), {
    minLength: 1,
    maxLength: 4,
  }),
};
const options = some<MobilityOptions>({ mobileNode, ...moreOfNode, ...sharedFields });
const localized = {
  mobileNodes: fc.array(
    fc
      .tuple(mobileNode, some<Omit<NodeOptions, "mobileNode">>(moreOfNode))
      .map(([mobileNode, rest]) => ({ ...rest, mobileNode })),
    { maxLength: 3 },
  ),
  options: some<SharedOptions>(sharedFields),
};
const flags = (mask: number): fc.Arbitrary<number> => u16.map((bits) => bits & mask);
const is = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type);
const revocation = { sequence: u16, flags: flags(0xe000), options };
export const messages: fc.Arbitrary<MobilityMessage> = fc.oneof(
  fc.record({ type: is("binding-update"), sequence: u16, flags: flags(0xff80), lifetime: u16, options }),
  fc.record({ type: is("binding-ack"), status: u8, flags: flags(0xf0), sequence: u16, lifetime: u16, options }),
  fc.record({ type: is("binding-error"), status: u8, homeAddress: octets(16), options }),
  fc.record({
    type: is("heartbeat"),
    kind: fc.constantFrom("request" as const, "response" as const, "unsolicited-response" as const),
    sequence: u32,
    options,
  }),
  fc.record({ type: is("revocation"), trigger: u8, ...revocation }),
  fc.record({ type: is("revocation-ack"), status: u8, ...revocation }),
  fc.record({ type: is("localized-routing-initiation"), sequence: u16, lifetime: u16, ...localized }),
  fc.record({
    type: is("localized-routing-ack"),
    sequence: u16,
    unsolicited: fc.boolean(),
    status: u8,
    lifetime: u16,
    ...localized,
  }),
);

/** Where the options of a message begin. */
export const optionsFrom = ({ type }: MobilityMessage): number => (type === "binding-error" ? 24 : 12);

/** Type, offset and length of each option in octets that are right: no part of the code under test. */
export function optionsIn(message: Uint8Array, from: number): { type: number; at: number; length: number }[] {
  const found: { type: number; at: number; length: number }[] = [];
  for (let at = from; at < message.length; ) {
    const type = message[at]!;
    const length = type === 0 ? 1 : 2 + message[at + 1]!;
    found.push({ type, at, length });
    at += length;
  }
  return found;
}
