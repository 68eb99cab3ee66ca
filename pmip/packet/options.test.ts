import { describe, expect, test } from "bun:test";
import type { MobilityOptions } from "#pmip/packet/message";
import { optionsFrom, optionsIn, readWith } from "#pmip/packet/testing/any-message";
import { hex, MESSAGES } from "#pmip/packet/testing/samples";

const UPDATE = hex("3b000500 0000 0001 0200 0001");
const INITIATION = hex("3b001100 0000 0001 0000 0001");
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
  test("an identifier is taken as it is, a byte order mark too: with and without, they are two", () => {
    expect(readUpdate("0805 01 efbbbf61")).toEqual({ mobileNode: "\ufeffa" });
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

test("the samples hold every option that is known", () => {
  const seen = new Set(
    MESSAGES.flatMap(({ message, octets: written }) =>
      optionsIn(written, optionsFrom(message)).map(({ type }) => type),
    ),
  );
  expect(KNOWN.map(([, type]) => type).filter((type) => !seen.has(type))).toEqual([]);
});
