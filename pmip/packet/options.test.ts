import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { masked } from "#base/address";
import { writeChecksum } from "#pmip/packet/header";
import type { MobilityMessage, MobilityOptions, NodeOptions, SharedOptions } from "#pmip/packet/message";
import { readMobility, writeMobility } from "#pmip/packet/mobility";
import { amidst, hex, LMA, MAG, MESSAGES } from "#pmip/packet/testing/samples";

/** What is read of a message with these octets as its options, padded at the end. */
function readWith(fixed: string, options: Uint8Array): ReturnType<typeof readMobility> {
  const start = hex(fixed);
  const octets = new Uint8Array((start.length + options.length + 7) & ~7);
  octets.set(start);
  octets.set(options, start.length);
  octets[1] = (octets.length >> 3) - 1;
  writeChecksum(octets, MAG, LMA);
  return readMobility(amidst(octets), MAG, LMA);
}
const UPDATE = "3b000500 0000 0001 0200 0001";
const INITIATION = "3b001100 0000 0001 0000 0001";
const readUpdate = (options: string): unknown => {
  const read = readWith(UPDATE, hex(options));
  return typeof read === "string" ? read : read.options;
};
const readInitiation = (options: string): unknown => readWith(INITIATION, hex(options));

const ZEROS = "00000000 00000000 00000000 00000000";
/** Each with octets that are right. */
const KNOWN: readonly (readonly [string, number, string, MobilityOptions])[] = [
  ["alternate-care-of-address", 3, ZEROS, { alternateCareOf: new Uint8Array(16) }],
  ["mobile-node-identifier", 8, "01 c3a4", { mobileNode: "ä" }],
  ["authentication", 9, "01 ffffffff", { authentication: { spi: 0xffff_ffff, authenticator: new Uint8Array(0) } }],
  ["home-network-prefix", 22, `ff 00 ${ZEROS}`, { homeNetworkPrefixes: [{ address: new Uint8Array(16), length: 0 }] }],
  ["handoff-indicator", 23, "ff ff", { handoff: 255 }],
  ["access-technology-type", 24, "ff 00", { accessTechnology: 0 }],
  ["link-layer-identifier", 25, "ffff 01", { linkLayer: hex("01") }],
  ["link-local-address", 26, ZEROS, { linkLocal: new Uint8Array(16) }],
  ["timestamp", 27, "ffffffffffff ffff", { timestamp: { seconds: 2 ** 48 - 1, fraction: 0xffff } }],
  ["restart-counter", 28, "ffffffff", { restartCounter: 0xffff_ffff }],
  ["gre-key", 33, "ffff 00000000", { greKey: 0 }],
  ["ipv4-home-address-request", 36, "83ff 01020304", { ipv4HomeAddresses: [{ address: hex("01020304"), length: 32 }] }],
  [
    "ipv4-home-address-reply",
    37,
    "80 03 01020304",
    { ipv4HomeAddressReply: { status: 128, address: hex("01020304"), length: 0 } },
  ],
  ["ipv4-default-router-address", 38, "ffff 01020304", { ipv4DefaultRouter: hex("01020304") }],
  ["ipv4-dhcp-support-mode", 39, "fffe", { ipv4DhcpSupport: "relay" }],
  ["mag-ipv6-address", 51, `ff 80 ${ZEROS}`, { magAddress: new Uint8Array(16) }],
];
const option = (type: number, data: Uint8Array): string =>
  [type, data.length, ...data].map((octet) => octet.toString(16).padStart(2, "0")).join("");

/** Octets that a reader of this option may also take, beside those given: it has no length of its own. */
const VARIABLE = ["mobile-node-identifier", "authentication", "link-layer-identifier"];
const MAY_REPEAT = ["home-network-prefix", "ipv4-home-address-request"];

describe.each(KNOWN)("%s", (name, type, data, meaning) => {
  const octets = hex(data);

  test("is read wherever it stands, what is reserved in it ignored", () => {
    for (let pads = 0; pads < 8; pads++) {
      expect(readUpdate("00".repeat(pads) + option(type, octets))).toEqual(meaning);
    }
  });
  test("has the length that it must have", () => {
    const shorter = readUpdate(option(type, octets.subarray(0, octets.length - 1)));
    const longer = readUpdate(option(type, Uint8Array.of(...octets, 0)));
    const bad = `bad-option:${name}`;
    // Of the identifiers, one octet of two in UTF-8 and no octet at all are left.
    expect(shorter).toEqual(bad);
    if (VARIABLE.includes(name)) expect(typeof longer).toBe("object");
    else expect(longer).toEqual(bad);
    expect(readUpdate(option(type, new Uint8Array(0)))).toEqual(bad);
  });
  test("comes once, unless its RFC has it come again (RFC 5213 §8.1, RFC 5844 §3.1.2.1)", () => {
    const twice = readUpdate(option(type, octets) + option(type, octets));
    if (MAY_REPEAT.includes(name)) expect(Object.values(twice as object)[0]).toHaveLength(2);
    else expect(twice).toBe(`repeated-option:${name}`);
  });
  test("does not reach beyond the message (RFC 6275 §6.2.1)", () => {
    const overrun = Uint8Array.of(...hex("01020000"), ...hex(option(type, octets)));
    overrun[5] = 250;
    expect(readWith(UPDATE, overrun)).toBe("option-overrun");
  });
});

describe("what an option may not say", () => {
  test.each([
    ["home-network-prefix", `161200 81 ${ZEROS}`],
    ["ipv4-home-address-request", "2406 8400 01020304"],
    ["ipv4-home-address-reply", "2506 00 84 01020304"],
    ["mag-ipv6-address", `331200 7f ${ZEROS}`],
    ["mobile-node-identifier", "0802 02 61"],
    ["mobile-node-identifier", "0802 01 ff"],
    ["authentication", "0905 02 00000100"],
    ["gre-key", "2104 0000 0001"],
  ])("%s: %s", (name, octets) => {
    expect(readUpdate(octets)).toBe(`bad-option:${name}`);
  });
  test("bits after a prefix are no part of it", () => {
    const address = hex("20010db8 80000000 00000000 00000000");
    expect(readUpdate("1612 00 21 20010db8 ffffffff ffffffff ffffffff")).toEqual({
      homeNetworkPrefixes: [{ address, length: 33 }],
    });
  });
  test("GRE without keys is told from key 0 (RFC 5845 §6.1)", () => {
    expect(readUpdate("2102 0000")).toEqual({ greKey: "none" });
    expect(readUpdate("2106 0000 00000000")).toEqual({ greKey: 0 });
  });
});

describe("padding (RFC 6275 §6.2.2, §6.2.3)", () => {
  test("of any length is stepped over, whatever it holds", () => {
    expect(readUpdate("00 0100 0103aabbcc 0105ffffffffff 17020004 0000 0101ff")).toEqual({ handoff: 4 });
  });
  test("may fill the message", () => {
    expect(readUpdate("00000000 00000000 00000000")).toEqual({});
    expect(readUpdate(`01ff${"16".repeat(255)}`)).toEqual({});
  });
  test("does not reach beyond it", () => {
    expect(readUpdate("01030000")).toBe("option-overrun");
    expect(readUpdate("00000001")).toBe("option-overrun");
  });
});

describe("options not known here (RFC 6275 §6.2.1)", () => {
  const known = new Set(KNOWN.map(([, type]) => type));
  test("of every type are kept and stepped over, and those after them are read", () => {
    for (let type = 2; type < 256; type++) {
      if (known.has(type)) continue;
      const data = hex("16120080");
      expect(readUpdate(`${option(type, data)}17020004`)).toEqual({ handoff: 4, others: [{ type, data }] });
    }
  });
  test("may be repeated", () => {
    expect(readUpdate("c800 c80100 c800")).toEqual({
      others: [
        { type: 200, data: hex("") },
        { type: 200, data: hex("00") },
        { type: 200, data: hex("") },
      ],
    });
  });
});

describe("the authentication option (RFC 4285 §5.1)", () => {
  const proof = "0907 01 00000100 abcd";
  test("is the last one, but for padding", () => {
    expect(readUpdate(`17020004 ${proof} 00 0100 000000`)).toMatchObject({ handoff: 4 });
    for (const after of ["17020004", "c800", "080201 61", `1612 0000 ${ZEROS}`]) {
      expect(readUpdate(`${proof} 00 ${after}`)).toBe("misplaced-option:authentication");
    }
  });
  test("comes once", () => {
    expect(readUpdate(`${proof} 0100 ${proof}`)).toBe("repeated-option:authentication");
  });
});

describe("mobile nodes of localized routing (RFC 6705 §10.1)", () => {
  const a = "080201 61";
  const b = "080201 62";
  const prefix = (octet: string): string => `1612 00 08 ${octet}000000 00000000 00000000 00000000`;
  const at = (octet: string): unknown => ({ address: hex(`${octet}000000 00000000 00000000 00000000`), length: 8 });

  test("have the options up to the next one's identifier, whatever stands between", () => {
    expect(readInitiation(`17020004 ${a} ${prefix("11")} c800 ${prefix("12")} ${b} 2406 0000 01020304`)).toEqual({
      type: "localized-routing-initiation",
      sequence: 1,
      lifetime: 1,
      mobileNodes: [
        { mobileNode: "a", homeNetworkPrefixes: [at("11"), at("12")] as never },
        { mobileNode: "b", ipv4HomeAddresses: [{ address: hex("01020304"), length: 0 }] },
      ],
      options: { handoff: 4, others: [{ type: 200, data: hex("") }] },
    });
  });
  test("may be the same twice: two addresses of one node speak with one another", () => {
    expect(readInitiation(a + a)).toMatchObject({ mobileNodes: [{ mobileNode: "a" }, { mobileNode: "a" }] });
  });
  test("are named before what is said of them", () => {
    expect(readInitiation(prefix("11") + a)).toBe("misplaced-option:home-network-prefix");
    expect(readInitiation(`2406 0000 01020304 ${a}`)).toBe("misplaced-option:ipv4-home-address-request");
  });
});

/** Of a record, any part. */
const some = <T extends object>(model: { [K in keyof T]-?: fc.Arbitrary<NonNullable<T[K]>> }): fc.Arbitrary<T> =>
  fc.record(model, { requiredKeys: [] }) as unknown as fc.Arbitrary<T>;
const octets = (minLength: number, maxLength = minLength): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
const u8 = fc.nat(0xff);
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
const messages: fc.Arbitrary<MobilityMessage> = fc.oneof(
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

/** Type, offset and length of each option in octets that are right: no part of the code under test. */
function optionsIn(message: Uint8Array, from: number): { type: number; at: number; length: number }[] {
  const found: { type: number; at: number; length: number }[] = [];
  for (let at = from; at < message.length; ) {
    const type = message[at]!;
    const length = type === 0 ? 1 : 2 + message[at + 1]!;
    found.push({ type, at, length });
    at += length;
  }
  return found;
}

/** Where each option begins: offsets modulo the first number. As the sections of its RFC say. */
const ALIGNED: ReadonlyMap<number, readonly [number, number]> = new Map([
  [3, [8, 6]],
  [9, [4, 1]],
  [22, [8, 4]],
  [25, [8, 4]],
  [26, [8, 6]],
  [27, [8, 2]],
  [28, [4, 2]],
  [33, [4, 0]],
  [36, [4, 0]],
  [37, [4, 0]],
  [38, [4, 0]],
  [51, [8, 4]],
]);

describe("any message", () => {
  test("is written and read again the same", () => {
    fc.assert(
      fc.property(messages, octets(16), octets(16), (message, source, destination) => {
        const written = writeMobility(message, source, destination);
        expect(readMobility(amidst(written), source, destination)).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  test("has its options aligned as each wants to be, with one padding option at most before each (RFC 6275 §6.2.1)", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const written = writeMobility(message, MAG, LMA);
        expect(written.length % 8).toBe(0);
        const found = optionsIn(written, message.type === "binding-error" ? 24 : 12);
        for (const [i, { type, at, length }] of found.entries()) {
          const [multiple, offset] = ALIGNED.get(type) ?? [1, 0];
          expect([type, at % multiple]).toEqual([type, offset]);
          if (type < 2) expect(length).toBeLessThan(8);
          if (type < 2 && i > 0) expect(found[i - 1]!.type).toBeGreaterThan(1);
        }
        expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(
          written.length - (message.type === "binding-error" ? 24 : 12),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("ends with its proof of origin without padding after it, where the authenticator is of whole words", () => {
    fc.assert(
      fc.property(messages, fc.constantFrom(0, 4, 12, 16, 20, 32), (message, length) => {
        const authentication = { spi: 256, authenticator: new Uint8Array(length).fill(0x77) };
        const proven = { ...message, options: { ...message.options, authentication } } as MobilityMessage;
        const last = optionsIn(writeMobility(proven, MAG, LMA), message.type === "binding-error" ? 24 : 12).at(-1)!;
        expect([last.type, last.length]).toEqual([9, 7 + length]);
      }),
    );
  });

  test("means the same with its options in any order and any padding between them (RFC 5213 §8.1)", () => {
    const shuffled = messages
      .filter(({ type }) => !type.startsWith("localized"))
      .chain((message) => {
        const written = writeMobility(message, MAG, LMA);
        const from = message.type === "binding-error" ? 24 : 12;
        const all = optionsIn(written, from).filter(({ type }) => type > 1);
        // Of those that may be repeated the order means something; the proof is last.
        const fixed = new Set([9, 22, 36, ...(message.options.others ?? []).map(({ type }) => type)]);
        const free = all.filter(({ type }) => !fixed.has(type));
        const kept = all.filter(({ type }) => fixed.has(type) && type !== 9);
        const proof = all.filter(({ type }) => type === 9);
        return fc.tuple(
          fc.constant({ message, written, from, kept, proof }),
          fc.shuffledSubarray(free, { minLength: free.length, maxLength: free.length }),
          fc.array(fc.nat(6), { minLength: all.length + 1, maxLength: all.length + 1 }),
          fc.boolean(),
        );
      });
    fc.assert(
      fc.property(shuffled, ([{ message, written, from, kept, proof }, free, pads, keptFirst]) => {
        const order = keptFirst ? [...kept, ...free, ...proof] : [...free, ...kept, ...proof];
        const parts = order.flatMap(({ at, length }, i) => [
          ...(pads[i] === 0 ? [] : [1, pads[i]! - 1, ...new Array<number>(pads[i]! - 1).fill(0x16)]),
          ...written.subarray(at, at + length),
        ]);
        const start = Array.from(written.subarray(0, from), (octet) => octet.toString(16).padStart(2, "0")).join("");
        fc.pre(from + parts.length <= 2048);
        expect(readWith(start, Uint8Array.from(parts))).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });
});

test("any octets with a right header are refused by a name, or read as what can be written and read again", () => {
  const types = fc.constantFrom(5, 6, 7, 13, 16, 17, 18);
  const tlv = fc
    .tuple(fc.oneof(u8, fc.constantFrom(...KNOWN.map(([, type]) => type))), octets(0, 20))
    .map(([type, data]) => [type, data.length, ...data]);
  const body = fc.oneof(
    octets(8, 200),
    fc.array(tlv, { maxLength: 8 }).map((all) => Uint8Array.from(all.flat())),
  );
  fc.assert(
    fc.property(types, octets(6, 22), body, (type, fixed, rest) => {
      const start = Uint8Array.of(59, 0, type, 0, 0, 0, ...fixed);
      const read = readWith(Array.from(start, (octet) => octet.toString(16).padStart(2, "0")).join(""), rest);
      if (typeof read === "string") return;
      expect(readMobility(writeMobility(read, MAG, LMA), MAG, LMA)).toEqual(read);
    }),
    { numRuns: 2000 },
  );
});

test("the samples hold every option that is known", () => {
  const seen = new Set(
    MESSAGES.flatMap(({ message, octets: written }) =>
      optionsIn(written, message.type === "binding-error" ? 24 : 12).map(({ type }) => type),
    ),
  );
  expect(KNOWN.map(([, type]) => type).filter((type) => !seen.has(type))).toEqual([]);
});
