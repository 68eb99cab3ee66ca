import { describe, expect, test } from "bun:test";
import type { z } from "zod";
import {
  interfaceAddress,
  interfaceName,
  ipv4,
  ipv6,
  macAddress,
  prefix4,
  prefix6,
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
