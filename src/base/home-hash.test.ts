import { describe, expect, test } from "bun:test";
import { fromHex, toHex, u32 } from "#base/bytes";
import { homeHash, homeOf, interfaceIdentifier, networkAddress, tenantHomeHash, tenantHomeOf } from "#base/home-hash";
import vectors from "./testdata/homes.json";

const key = fromHex(vectors.key)!;
const plan = (length: number) => ({ key, homes: { length } });
const ipv4 = (text: string): Uint8Array => Uint8Array.from(text.split(".").map(Number));
/** 64-bit constants as the reference prints them. */
const rows = vectors.rows as unknown as [iid: string, hash: string, homes: Record<string, number>][];

describe("an address's home (§2.1)", () => {
  test("is what the reference computes, for every vector and number of homes", () => {
    for (const [iid, hash, homes] of rows) {
      const octets = fromHex(iid)!;
      expect(toHex(homeHash(plan(1), octets))).toBe(hash);
      for (const [count, home] of Object.entries(homes)) {
        expect(homeOf(plan(Number(count)), u32(octets, 0), octets.subarray(4))).toBe(home);
      }
    }
  });

  test("follows from tags and address, which lie in the interface identifier in network order", () => {
    expect(toHex(interfaceIdentifier(0xffff_fc01, ipv4("10.0.0.2")))).toBe("fffffc010a000002");
    const prefix = fromHex("20010db800a100010000000000000000")!;
    expect(toHex(networkAddress(prefix, 0x401, ipv4("10.0.0.2")))).toBe("20010db800a10001000004010a000002");
  });

  test.each([
    [0x401, "20010db8000000000000000000000001", "c2c24fb7faa21be2", { 1: 0, 3: 2, 1000: 321 }],
    [0xffff_fc01, "fd00000000000000000000000000abcd", "7b15cfb757db8588", { 1: 0, 3: 2, 1000: 498 }],
    [7, "2a0010d8000000010000000000000099", "f7171a1b6db8bf66", { 1: 0, 3: 1, 1000: 632 }],
  ])(
    "of an address that a tenant brought is the reference's hash of tags ‖ address, 20 octets",
    (tags, text, hash, homes) => {
      const address = fromHex(text)!;
      expect(toHex(tenantHomeHash(plan(1), tags, address))).toBe(hash);
      for (const [count, home] of Object.entries(homes)) {
        expect(tenantHomeOf(plan(Number(count)), tags, address)).toBe(home);
      }
    },
  );
});
