import { describe, expect, test } from "bun:test";
import type { z } from "zod";
import {
  formatSpan,
  identifier32,
  interfaceAddress,
  interfaceName,
  ipv4,
  ipv6,
  macAddress,
  prefix4,
  prefix6,
  span,
  timestamp,
  whole,
} from "#runtime/document/scalars";

const expectation = (schema: z.ZodType, value: unknown): string | undefined =>
  schema.safeParse(value).error?.issues[0]?.message;

describe("scalars", () => {
  test("give octets and canonical text (RFC 5952)", () => {
    expect(ipv6.parse("2001:DB8:0:0::1")).toEqual({
      text: "2001:db8::1",
      bytes: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    });
    expect(ipv4.parse("10.0.0.2")).toEqual({ text: "10.0.0.2", bytes: Uint8Array.of(10, 0, 0, 2) });
    expect(macAddress.parse("02-00-00-00-00-0A").text).toBe("02:00:00:00:00:0a");
    expect(prefix4.parse("10.0.0.0/8")).toEqual({ text: "10.0.0.0/8", address: Uint8Array.of(10, 0, 0, 0), length: 8 });
    expect(prefix6.parse("2001:db8:0::/48").text).toBe("2001:db8::/48");
    expect(interfaceAddress.parse("10.0.0.2/24")).toMatchObject({ text: "10.0.0.2", prefixLength: 24 });
  });

  test("refuse the other family, malformed text and other types, and say what they want", () => {
    for (const value of ["::1", "10.0.0", "10.0.0.256", "010.0.0.1", "", 10, null]) {
      expect(expectation(ipv4, value)).toBe("an IPv4 address");
    }
    for (const value of ["10.0.0.1", "fe80::1%eth0", "1::2::3"])
      expect(expectation(ipv6, value)).toBe("an IPv6 address");
    for (const value of ["10.0.0.0", "10.0.0.0/33", "2001:db8::/32"]) {
      expect(expectation(prefix4, value)).toBe("an IPv4 prefix");
    }
    for (const value of ["10.0.0.2", "10.0.0.2/33", "x/3"]) {
      expect(expectation(interfaceAddress, value)).toBe("an address with its prefix length");
    }
  });

  test("show a prefix with host bits how it should be written", () => {
    expect(expectation(prefix4, "10.0.0.1/24")).toBe("a prefix without host bits: 10.0.0.0/24");
    expect(expectation(prefix6, "2001:db8::1/64")).toBe("a prefix without host bits: 2001:db8::/64");
  });

  test("take no group's MAC address and not the zero one (IEEE 802)", () => {
    for (const value of ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:00"]) {
      expect(expectation(macAddress, value)).toBe("a unicast MAC address");
    }
  });

  test("take the interface names that the kernel takes", () => {
    for (const value of ["eth1", "veth-web1", "a.b@c", "abcdefghijklmno"])
      expect(interfaceName.parse(value)).toBe(value);
    for (const value of ["", ".", "..", "a b", "a/b", "a:b", "abcdefghijklmnop", "ööööööööö"]) {
      expect(expectation(interfaceName, value)).toContain("an interface name");
    }
  });

  test("count whole numbers between bounds", () => {
    expect(whole(1, 16).parse(16)).toBe(16);
    for (const value of [0, 17, 1.5, "1"]) expect(expectation(whole(1, 16), value)).toBe("a whole number 1 … 16");
  });
});

describe("identifiers, spans and times", () => {
  test("an identifier of 32 bits is a dotted quad or a number (RFC 5340 §2.11)", () => {
    const id = identifier32("an id", 1);
    expect([id.parse("10.0.0.1"), id.parse(1), id.parse("7"), id.parse("255.255.255.255")]).toEqual([
      0x0a00_0001, 1, 7, 0xffff_ffff,
    ]);
    for (const value of [0, "0.0.0.0", 2 ** 32, "4294967296", -1, 1.5, "1.2", "x", null, true])
      expect(expectation(id, value)).toBe("an id");
    expect(identifier32("an id", 0).parse("0.0.0.0")).toBe(0);
  });

  test("a span has a unit, and is written in the largest that fits", () => {
    const any = span(0, 3_600_000);
    for (const [text, millis] of [
      ["100ms", 100],
      ["10s", 10_000],
      ["1.005s", 1005],
      ["2 min", 120_000],
      ["1h", 3_600_000],
    ] as const)
      expect(any.parse(text)).toBe(millis);
    for (const value of ["10", 10, "1.5ms", "61min", "-1s", "s", "1d", ""])
      expect(expectation(any, value)).toBe("a time 0ms … 1h");
    expect(expectation(span(1000, 5000, 1000), "1500ms")).toBe("a time 1s … 5s, in whole seconds");
    expect([0, 100, 1500, 60_000, 7_200_000].map(formatSpan)).toEqual(["0ms", "100ms", "1500ms", "1min", "2h"]);
  });

  test("an instant says its offset from UTC (RFC 3339 §5.6)", () => {
    expect(timestamp.parse("2026-12-01T02:00:00+02:00")).toBe(Date.UTC(2026, 11, 1));
    expect(timestamp.parse("2026-12-01T00:00Z")).toBe(Date.UTC(2026, 11, 1));
    for (const value of ["2026-12-01", "2026-12-01T00:00:00", "2026-13-01T00:00:00Z", 0])
      expect(expectation(timestamp, value)).toBe("a time such as 2026-12-01T00:00:00Z");
  });
});
