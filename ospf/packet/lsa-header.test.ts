import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decode } from "#base/reader";
import { Writer } from "#base/writer";
import {
  AS_EXTERNAL_LSA,
  compareInstances,
  floodingScope,
  GRACE_LSA,
  INITIAL_SEQUENCE_NUMBER,
  INTER_AREA_PREFIX_LSA,
  INTER_AREA_ROUTER_LSA,
  INTRA_AREA_PREFIX_LSA,
  isKnown,
  LINK_LSA,
  type LsaHeader,
  MAX_SEQUENCE_NUMBER,
  NETWORK_LSA,
  NSSA_LSA,
  ROUTER_LSA,
  readLsaHeader,
  sameLsa,
  scopeOf,
  writeLsaHeader,
} from "#ospf/packet/lsa-header";
import { hex } from "#ospf/packet/testing/samples";

const HEADER: LsaHeader = {
  age: 0x0102,
  type: 0xa00c,
  linkStateId: 0xf3040506,
  advertisingRouter: 0xf708090a,
  sequence: INITIAL_SEQUENCE_NUMBER,
  checksum: 0xfb0c,
  length: 0xfd0e,
};
const OCTETS = hex("0102 a00c f3040506 f708090a 80000001 fb0c fd0e");

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const headers = fc.record({
  age: u16,
  type: u16,
  linkStateId: u32,
  advertisingRouter: u32,
  sequence: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  checksum: u16,
  length: u16,
});

function write(header: LsaHeader): Uint8Array {
  const w = new Writer();
  writeLsaHeader(w, header);
  return w.finish();
}

describe("the header (RFC 5340 §A.4.2)", () => {
  test("is these octets, both ways", () => {
    expect(decode(OCTETS, readLsaHeader)).toEqual(HEADER);
    expect(write(HEADER)).toEqual(OCTETS);
  });

  test("comes back as it was written, whatever its values", () => {
    fc.assert(fc.property(headers, (header) => expect(decode(write(header), readLsaHeader)).toEqual(header)));
  });

  test("is refused when cut short anywhere", () => {
    for (let n = 0; n < OCTETS.length; n++) {
      expect(decode(OCTETS.subarray(0, n), readLsaHeader)).toMatchObject({ error: "truncated" });
    }
  });
});

describe("the type (RFC 5340 §A.4.2.1)", () => {
  test("names a scope by its two scope bits", () => {
    expect([LINK_LSA, GRACE_LSA].map(scopeOf)).toEqual(["link", "link"]);
    const area = [
      ROUTER_LSA,
      NETWORK_LSA,
      INTER_AREA_PREFIX_LSA,
      INTER_AREA_ROUTER_LSA,
      NSSA_LSA,
      INTRA_AREA_PREFIX_LSA,
    ];
    expect(area.map(scopeOf)).toEqual(area.map(() => "area"));
    expect(scopeOf(AS_EXTERNAL_LSA)).toBe("as");
    expect([0x6001, 0xe001].map(scopeOf)).toEqual(["reserved", "reserved"]);
  });

  test("is known whole: a known function code with other scope bits is another type", () => {
    expect([0x2001, 0x2009, 0x4005, 0x0008, 0x000b].map(isKnown)).toEqual([true, true, true, true, true]);
    expect([0x0001, 0x4001, 0xa001, 0x2005, 0x2006, 0x2008, 0x400b].some(isKnown)).toBe(false);
  });

  test("decides flooding: unknown types without the U-bit stay on the link, with it they go by their scope bits", () => {
    expect([0x2001, 0x4005, 0x0008].map(floodingScope)).toEqual(["area", "as", "link"]);
    expect([0x000c, 0x200c, 0x400c, 0x600c].map(floodingScope)).toEqual(["link", "link", "link", "link"]);
    expect([0x800c, 0xa00c, 0xc00c, 0xe00c].map(floodingScope)).toEqual(["link", "area", "as", "reserved"]);
  });
});

describe("which instance is newer (RFC 2328 §13.1)", () => {
  const header = (more: Partial<LsaHeader>): LsaHeader => ({ ...HEADER, age: 10, checksum: 0x8000, ...more });
  const rules: readonly (readonly [string, Partial<LsaHeader>, Partial<LsaHeader>, 0 | 1])[] = [
    ["the greater sequence number", { sequence: -5 }, { sequence: -6 }, 1],
    ["sequence numbers are signed", { sequence: 0 }, { sequence: INITIAL_SEQUENCE_NUMBER }, 1],
    ["the last of all", { sequence: MAX_SEQUENCE_NUMBER }, { sequence: MAX_SEQUENCE_NUMBER - 1 }, 1],
    ["sequence before checksum", { sequence: 2, checksum: 1 }, { sequence: 1, checksum: 2 }, 1],
    ["the greater checksum, unsigned", { checksum: 0x8001 }, { checksum: 0x7fff }, 1],
    ["checksum before age", { checksum: 2, age: 10 }, { checksum: 1, age: 3600 }, 1],
    ["MaxAge", { age: 3600 }, { age: 3599 }, 1],
    ["MaxAge before the younger", { age: 3600 }, { age: 0 }, 1],
    ["both MaxAge", { age: 3600 }, { age: 3600 }, 0],
    ["an age above MaxAge counts as MaxAge", { age: 0x8e10 }, { age: 3600 }, 0],
    ["ages MaxAgeDiff apart are the same", { age: 0 }, { age: 900 }, 0],
    ["further apart the younger is newer", { age: 0 }, { age: 901 }, 1],
    ["all equal", {}, {}, 0],
  ];

  test.each(rules)("%s", (_, a, b, order) => {
    expect(compareInstances(header(a), header(b))).toBe(order);
    expect(compareInstances(header(b), header(a)) + 0).toBe(-order + 0);
  });

  test("turning the question round turns the answer round", () => {
    const ages = fc.constantFrom(0, 1, 900, 901, 3599, 3600, 3601, 0xffff);
    const some = fc.record({ age: ages, sequence: fc.integer({ min: -1, max: 1 }), checksum: fc.nat(2) });
    fc.assert(
      fc.property(some, some, (a, b) => {
        expect(compareInstances(header(a), header(b)) + compareInstances(header(b), header(a))).toBe(0);
        expect(compareInstances(header(a), header(a))).toBe(0);
      }),
    );
  });
});

test("an LSA is named by type, Link State ID and advertising router, whatever its instance (RFC 2328 §12.1)", () => {
  const later: LsaHeader = { ...HEADER, sequence: 5, age: 9, checksum: 1, length: 20 };
  expect(sameLsa(HEADER, later)).toBe(true);
  expect(sameLsa(HEADER, { ...HEADER, type: 0x2001 })).toBe(false);
  expect(sameLsa(HEADER, { ...HEADER, linkStateId: 0 })).toBe(false);
  expect(sameLsa(HEADER, { ...HEADER, advertisingRouter: 0 })).toBe(false);
});
