import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { nextOctets, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import { type Lsa, lsaChecksumHolds, sameContents, withAge } from "#ospf/packet/lsa";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { LSA_HEADER_SIZE, lsaHeaderAt } from "#ospf/packet/lsa-header";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { amidst, FIELDS, hex, LSAS, lsaOf, prefix } from "#ospf/packet/testing/samples";

/** An LSA of any octets, as flooding would have framed it. */
function framed(type: number, body: Uint8Array): Lsa {
  const octets = new Uint8Array(LSA_HEADER_SIZE + body.length);
  octets[2] = type >> 8;
  octets[3] = type;
  octets[18] = octets.length >> 8;
  octets[19] = octets.length;
  octets.set(body, LSA_HEADER_SIZE);
  return { header: lsaHeaderAt(octets, 0), octets };
}
const readFramed = (type: number, body: Uint8Array): LsaBody | Malformed => readLsaBody(framed(type, body));
const TYPES = [...new Set(LSAS.map(({ type }) => type))];

describe.each(LSAS)("$name ($section)", (sample) => {
  const { type, body, octets } = sample;

  test("is these octets, both ways", () => {
    const lsa = lsaOf(sample);
    expect(toHex(lsa.octets.subarray(LSA_HEADER_SIZE))).toBe(toHex(octets));
    expect(readLsaBody(lsa)).toEqual(body);
    expect(readLsaBody({ ...lsa, octets: amidst(lsa.octets) })).toEqual(body);
  });

  test("gets type, length and a checksum that holds", () => {
    const { header, octets: whole } = lsaOf(sample);
    expect(header).toEqual({ ...FIELDS, type, checksum: header.checksum, length: LSA_HEADER_SIZE + octets.length });
    expect(lsaHeaderAt(whole, 0)).toEqual(header);
    expect(whole.length).toBe(header.length);
    expect(lsaChecksumHolds({ header, octets: whole })).toBe(true);
  });

  test("cut short anywhere it is refused, or it says less in whole entries", () => {
    for (let n = 0; n < octets.length; n++) {
      const found = readFramed(type, octets.subarray(0, n));
      if (found instanceof Malformed) continue;
      expect(["router", "network", "unknown"]).toContain(found.kind);
      expect(toHex(writeLsa(FIELDS, found).octets.subarray(LSA_HEADER_SIZE))).toBe(toHex(octets.subarray(0, n)));
    }
  });

  test("with one to three octets too many it is refused", () => {
    if (body.kind === "unknown") return;
    for (let n = 1; n <= 3; n++) {
      const found = readFramed(type, new Uint8Array([...octets, ...new Uint8Array(n)]));
      expect(found).toBeInstanceOf(Malformed);
    }
  });

  test("any single bit that changes is noticed by its checksum, but for the age's (RFC 2328 §12.1.7)", () => {
    const lsa = lsaOf(sample);
    for (let bit = 0; bit < 8 * lsa.octets.length; bit++) {
      const changed = lsa.octets.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const holds = lsaChecksumHolds({ header: lsaHeaderAt(changed, 0), octets: changed });
      expect([bit, holds]).toEqual([bit, bit < 16]);
    }
  });
});

describe("fields that mean nothing are ignored and not passed on", () => {
  const noisy: readonly (readonly [string, number, string, string])[] = [
    ["after a router link's type (§A.4.3)", 0x2001, "00000013 01a5000a 00000005 00000006 02020202", "router"],
    ["before a network's options (§A.4.4)", 0x2002, "a5000013 01010101", "network"],
    ["before metric and after prefix options (§A.4.5)", 0x2003, "a5010203 2010a5a5 20010db8", "interAreaPrefix"],
    ["before options and metric (§A.4.6)", 0x2004, "a5000013 a5fffffe 0a000001", "interAreaRouter"],
    ["five flags of an external route (§A.4.7)", 0x4005, "f8000001 00000000", "asExternal"],
    ["after a link's prefix options (§A.4.9)", 0x0008, `01000013 ${"0".repeat(32)} 00000001 0000a5a5`, "link"],
  ];

  test.each(noisy)("%s", (_, type, octets, kind) => {
    const found = readFramed(type, hex(octets)) as LsaBody;
    expect(found.kind).toBe(kind as LsaBody["kind"]);
    expect(toHex(writeLsa(FIELDS, found).octets.subarray(LSA_HEADER_SIZE))).not.toMatch(/a5|f8/);
  });
});

describe("counts that lie cost no more than the octets there are", () => {
  test("of a Link-LSA's prefixes (§A.4.9)", () => {
    const start = `01000013 ${"0".repeat(32)}`;
    expect(readFramed(0x0008, hex(`${start} ffffffff 00000000`))).toMatchObject({ error: "truncated" });
    expect(readFramed(0x0008, hex(`${start} 00000000 00000000`))).toMatchObject({ error: "octets after the end" });
  });

  test("of an Intra-Area-Prefix-LSA's (§A.4.10)", () => {
    expect(readFramed(0x2009, hex("ffff2001 00000000 01010101 00000000"))).toMatchObject({ error: "truncated" });
    const more = readFramed(0x2009, hex("00002001 00000000 01010101 00000000"));
    expect(more).toMatchObject({ error: "octets after the end" });
  });
});

describe("prefixes longer than 128 bits are refused (§A.4.1)", () => {
  const long: readonly (readonly [string, number, string])[] = [
    ["Inter-Area-Prefix-LSA", 0x2003, "00000001 81000000"],
    ["AS-External-LSA", 0x4005, "00000001 ff000000"],
    ["Link-LSA", 0x0008, `01000013 ${"0".repeat(32)} 00000001 81000000`],
    ["Intra-Area-Prefix-LSA", 0x2009, "00012001 00000000 01010101 81000000"],
  ];

  test.each(long)("in a %s", (_, type, octets) => {
    const body = new Uint8Array([...hex(octets), ...new Uint8Array(32)]);
    expect(readFramed(type, body)).toMatchObject({ error: "prefix length above 128" });
  });
});

describe("Grace-LSA (RFC 5187 §2.2, RFC 3623 appendix A)", () => {
  const period = "00010004 00000078";
  const reason = "00020001 01a5a5a5";
  const read = (octets: string) => readFramed(0x000b, hex(octets));

  test("TLVs come in any order, padding and unknown ones are passed over", () => {
    const value = { kind: "grace", gracePeriod: 120, reason: 1 } as const;
    expect(read(`${reason} ${period}`)).toEqual(value);
    expect(read(`00030004 0a000001 ${period} 7fff0005 0102030405a5a5a5 ${reason} 80000000`)).toEqual(value);
  });

  test("without period or reason, or with one of another size, it is refused", () => {
    expect(read(period)).toMatchObject({ error: "grace period or reason missing" });
    expect(read(reason)).toMatchObject({ error: "grace period or reason missing" });
    expect(read("")).toMatchObject({ error: "grace period or reason missing" });
    expect(read(`00010003 00007800 ${reason}`)).toMatchObject({ error: "truncated" });
    expect(read(`00010008 00000078 00000000 ${reason}`)).toMatchObject({ error: "octets after the end" });
    expect(read(`${period} 00020000`)).toMatchObject({ error: "truncated" });
  });

  test("a TLV that runs past the end is refused", () => {
    expect(read(`${period} ${reason} 0009ffff 00000000`)).toMatchObject({ error: "truncated" });
    expect(read(`${period} ${reason} 00090002 0000`)).toMatchObject({ error: "truncated" });
    expect(read(`${period} ${reason} 0009`)).toMatchObject({ error: "truncated" });
  });
});

test("random bodies of every type are read or refused, never thrown at, and what is read comes back", () => {
  const seed = 0x05_bf_03;
  const random = seeded(seed);
  for (let i = 0; i < 20_000; i++) {
    const type = TYPES[i % TYPES.length]!;
    const octets = nextOctets(random, i % 97);
    // Small counts and short prefixes, else next to nothing would be read.
    if (i % 3 === 0) for (let j = 0; j < octets.length; j += 4) octets[j] = 0;
    const where = `seed ${seed}, round ${i}: ${toHex(octets)}`;
    const found = readFramed(type, octets);
    if (found instanceof Malformed) {
      expect([where, found.at >= LSA_HEADER_SIZE && found.at <= LSA_HEADER_SIZE + octets.length]).toEqual([
        where,
        true,
      ]);
      continue;
    }
    expect([where, readLsaBody(writeLsa(FIELDS, found))]).toEqual([where, found]);
  }
});

test("any body within its ranges comes back as it was written", () => {
  const u8 = fc.nat(0xff);
  const u16 = fc.nat(0xffff);
  const u24 = fc.nat(0xff_ffff);
  const u32 = fc.nat(0xffff_ffff);
  const octets16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const prefixes = fc
    .tuple(octets16, fc.nat(128), u8)
    .map(([octets, length, options]) => ({ ...prefix("::/0", options), address: octets, length }))
    .map((p) => ({ ...p, address: p.address.map((octet, i) => octet & maskOf(p.length - 8 * i)) }));
  const identity = fc.record({ type: u16, linkStateId: u32, advertisingRouter: u32 });
  const links = fc.record({
    type: u8,
    metric: u16,
    interfaceId: u32,
    neighborInterfaceId: u32,
    neighborRouterId: u32,
  });
  const external = {
    metricType: fc.constantFrom(1 as const, 2 as const),
    metric: u24,
    prefix: prefixes,
    forwardingAddress: octets16,
    tag: u32,
    referenced: fc.record({ type: fc.integer({ min: 1, max: 0xffff }), linkStateId: u32 }),
  };
  const required = ["kind", "metricType", "metric", "prefix"] as const;
  const bodies: fc.Arbitrary<LsaBody> = fc.oneof(
    fc.record({ kind: fc.constant("router" as const), flags: u8, options: u24, links: fc.array(links) }),
    fc.record({ kind: fc.constant("network" as const), options: u24, attachedRouters: fc.array(u32) }),
    fc.record({ kind: fc.constant("interAreaPrefix" as const), metric: u24, prefix: prefixes }),
    fc.record({
      kind: fc.constant("interAreaRouter" as const),
      options: u24,
      metric: u24,
      destinationRouterId: u32,
    }),
    fc.record({ kind: fc.constant("asExternal" as const), ...external }, { requiredKeys: [...required] }),
    fc.record({ kind: fc.constant("nssa" as const), ...external }, { requiredKeys: [...required] }),
    fc.record({
      kind: fc.constant("link" as const),
      priority: u8,
      options: u24,
      linkLocalAddress: octets16,
      prefixes: fc.array(prefixes),
    }),
    fc.record({
      kind: fc.constant("intraAreaPrefix" as const),
      referenced: identity,
      prefixes: fc.array(fc.tuple(prefixes, u16).map(([p, metric]) => ({ ...p, metric }))),
    }),
    fc.record({ kind: fc.constant("grace" as const), gracePeriod: u32, reason: u8 }),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const lsa = writeLsa(FIELDS, body);
      expect(readLsaBody(lsa)).toEqual(body);
      expect(lsaChecksumHolds(lsa)).toBe(true);
    }),
  );
});

const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 8 ? 0xff : (0xff00 >> bits) & 0xff);

describe("an instance", () => {
  const lsa = lsaOf(LSAS[0]!);

  test("of another age is the same octets, whose checksum still holds (RFC 2328 §12.1.7)", () => {
    const older = withAge(lsa, 3600);
    expect(older.header).toEqual({ ...lsa.header, age: 3600 });
    expect(older.octets).toBe(lsa.octets);
    expect(lsaChecksumHolds(older)).toBe(true);
    expect(lsa.header.age).toBe(1);
  });

  test("with a checksum of zero does not hold, even where all octets are zero (RFC 2328 §13)", () => {
    const zeros = new Uint8Array(20);
    expect(lsaChecksumHolds({ header: lsaHeaderAt(zeros, 0), octets: zeros })).toBe(false);
  });

  test("says the same as another when their bodies are the same (RFC 2328 §13.2)", () => {
    const refreshed = writeLsa({ ...FIELDS, sequence: FIELDS.sequence + 1 }, LSAS[0]!.body);
    expect(sameContents(lsa, refreshed)).toBe(true);
    expect(sameContents(lsa, lsaOf(LSAS[1]!))).toBe(false);
    const changed = { ...lsa, octets: lsa.octets.with(lsa.octets.length - 1, 0xee) };
    expect(sameContents(lsa, changed)).toBe(false);
  });
});

describe("what cannot be written is our own bug", () => {
  const refuse = (body: LsaBody) => expect(() => writeLsa(FIELDS, body)).toThrow(RangeError);

  test("values out of range", () => {
    refuse({ kind: "network", options: 0x1000000, attachedRouters: [] });
    refuse({ kind: "network", options: 0, attachedRouters: [-1] });
    refuse({ kind: "interAreaPrefix", metric: 0x1000000, prefix: prefix("::/0") });
    refuse({ kind: "link", priority: 1, options: 0, linkLocalAddress: new Uint8Array(4), prefixes: [] });
  });

  test("bodies of more than 65 515 octets", () => {
    const longest = { kind: "unknown", type: 0x8fff, octets: new Uint8Array(65_515).fill(1) } as const;
    expect(lsaChecksumHolds(writeLsa(FIELDS, longest))).toBe(true);
    refuse({ ...longest, octets: new Uint8Array(65_516) });
  });
});
