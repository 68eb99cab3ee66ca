import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "#base/bytes";
import * as ethernet from "#wire/ethernet";
import { expectFields } from "#wire/testing/fields";

const to = fromHex("0200000000aa")!;
const from = fromHex("0200000000bb")!;

describe("Ethernet header", () => {
  test("has its type after the two addresses (RFC 894)", () => {
    expectFields(ethernet.SIZE, [
      { name: "etherType", bit: 96, width: 16, get: ethernet.etherType, set: ethernet.setEtherType },
      { name: "isGroup", bit: 7, width: 1, get: ethernet.isGroup },
    ]);
  });

  test("is written before the payload and read back", () => {
    const b = ethernet.frame(to, from, ethernet.ETHERTYPE_IPV6, Uint8Array.of(1, 2));
    expect(toHex(b)).toBe("0200000000aa0200000000bb86dd0102");
    expect(ethernet.destination(b, 0)).toEqual(to);
    expect(ethernet.source(b, 0)).toEqual(from);
  });

  test("setters of the addresses touch nothing else", () => {
    const b = new Uint8Array(16).fill(0xa5);
    ethernet.setDestination(b, 1, to);
    ethernet.setSource(b, 1, from);
    expect(toHex(b)).toBe("a50200000000aa0200000000bba5a5a5");
  });

  test("is refused when truncated", () => {
    const b = new Uint8Array(20);
    for (let end = 2; end < 2 + ethernet.SIZE; end++) expect(ethernet.fits(b, 2, end)).toBe(false);
    expect(ethernet.fits(b, 2, 2 + ethernet.SIZE)).toBe(true);
    expect(ethernet.fits(b, 2, 21)).toBe(false);
  });

  test("of an IPv6 multicast carries the group's last 32 bits (RFC 2464 §7)", () => {
    expect(toHex(ethernet.multicastMac6(fromHex("ff0200000000000000000001ff9abcde")!))).toBe("3333ff9abcde");
  });
});
