import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compareAddresses,
  contains,
  formatAddress,
  formatIpv4,
  formatIpv6,
  formatMac,
  formatPrefix,
  hasHostBits,
  isLinkLocal6,
  isMulticast4,
  isMulticast6,
  isUnspecified,
  linkLocalFromMac,
  masked,
  overlaps,
  parseAddress,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
  parsePrefix4,
  parsePrefix6,
  sameAddress,
} from "#base/address";
import { toHex } from "#base/bytes";

const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const either = fc.oneof(octets(4), octets(16));
const ip6 = (text: string) => parseIpv6(text)!;

describe("MAC addresses", () => {
  test("are read with colons or hyphens and written in lower case with colons", () => {
    expect(formatMac(parseMac("02:00:5E:10:00:Ff")!)).toBe("02:00:5e:10:00:ff");
    expect(formatMac(parseMac("02-00-5e-10-00-ff")!)).toBe("02:00:5e:10:00:ff");
  });

  test.each(["", "02:00:5e:10:00", "02:00:5e:10:00:ff:00", "02:00-5e:10:00:ff", "2:0:5e:10:0:ff", "02:00:5e:10:00:fg"])(
    "refuse %p",
    (text) => expect(parseMac(text)).toBeUndefined(),
  );
});

describe("IPv4 addresses", () => {
  test("are dotted decimal both ways", () => {
    fc.assert(fc.property(octets(4), (address) => expect(parseIpv4(formatIpv4(address))).toEqual(address)));
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.",
    ".1.2.3",
    "01.2.3.4",
    "1.2.3.0x4",
    "1.2.3.4 ",
    "1.2.3.-4",
    "1.2.3.1e1",
    "１.2.3.4",
  ])("refuse %p", (text) => expect(parseIpv4(text)).toBeUndefined());
});

describe("IPv6 addresses", () => {
  test.each([
    ["2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
    ["2001:DB8::8:800:200C:417A", "20010db80000000000080800200c417a"],
    ["FF01::101", "ff010000000000000000000000000101"],
    ["::1", "00000000000000000000000000000001"],
    ["::", "00000000000000000000000000000000"],
    ["0:0:0:0:0:0:13.1.68.3", "0000000000000000000000000d014403"],
    ["::13.1.68.3", "0000000000000000000000000d014403"],
    ["0:0:0:0:0:FFFF:129.144.52.38", "00000000000000000000ffff81903426"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
  ])("%p is read (RFC 4291 §2.2)", (text, hex) => expect(toHex(ip6(text))).toBe(hex));

  test.each([
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:2:3:4::5:6:7:8",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "12345::",
    "g::",
    "::1%eth0",
    "fe80::1/64",
    "1.2.3.4",
    "::1.2.3",
    "::1.2.3.256",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    " ::1",
    "::1 ",
    "[::1]",
  ])("%p is refused (RFC 4291 §2.2)", (text) => expect(parseIpv6(text)).toBeUndefined());

  test.each([
    ["2001:0db8::0001", "2001:db8::1"], // §4.1 leading zeros
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"], // §4.2.1 shorten as much as possible
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // §4.2.2 one group is not shortened
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // §4.2.3 the longest run
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // §4.2.3 the first of equal runs
    ["2001:DB8::ABCD", "2001:db8::abcd"], // §4.3 lower case
    ["::ffff:c000:201", "::ffff:192.0.2.1"], // §5 IPv4-mapped
    ["::", "::"],
    ["1::", "1::"],
    ["::1", "::1"],
    ["1:2:3:4:5:6::", "1:2:3:4:5:6::"],
  ])("%p is written %p (RFC 5952)", (text, canonical) => expect(formatIpv6(ip6(text))).toBe(canonical));

  test("are written so that they read back as they were, and as the URL standard's serializer writes them", () => {
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 }).map((groups) => {
      return Uint8Array.from({ length: 16 }, (_, i) => groups[i >> 1]! >> (i & 1 ? 0 : 8));
    });
    fc.assert(
      fc.property(fc.oneof(octets(16), sparse), (address) => {
        const text = formatIpv6(address);
        expect(parseIpv6(text)).toEqual(address);
        if (!text.startsWith("::ffff:")) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
      { numRuns: 500 },
    );
  });

  test("refuse or read any text without throwing", () => {
    const text = fc.string({ unit: fc.constantFrom(..."0123456789abcdefx:.:%/ "), maxLength: 60 });
    fc.assert(
      fc.property(text, (t) => {
        const address = parseIpv6(t);
        if (address !== undefined) expect(parseIpv6(formatIpv6(address))).toEqual(address);
      }),
      { numRuns: 2000 },
    );
  });

  test("name their kind (RFC 4291 §2.4)", () => {
    expect(isLinkLocal6(ip6("fe80::1")) && isLinkLocal6(ip6("febf::1"))).toBe(true);
    expect(isLinkLocal6(ip6("fec0::1"))).toBe(false);
    expect(isMulticast6(ip6("ff02::1")) && isMulticast4(parseIpv4("239.1.2.3")!)).toBe(true);
    expect(isMulticast6(parseIpv4("255.0.0.0")!) || isMulticast4(parseIpv4("240.0.0.1")!)).toBe(false);
    expect(isUnspecified(ip6("::")) && !isUnspecified(ip6("::1"))).toBe(true);
  });

  test("of the link are made from a MAC address (RFC 4291 appendix A)", () => {
    expect(formatIpv6(linkLocalFromMac(parseMac("34:56:78:9a:bc:de")!))).toBe("fe80::3656:78ff:fe9a:bcde");
  });
});

describe("prefixes", () => {
  test.each([
    "10.0.0.0/8",
    "0.0.0.0/0",
    "192.0.2.1/32",
    "2001:db8::/32",
    "::/0",
    "2001:db8::1/128",
    "2001:db8:8000::/33",
  ])("%p is read and written back", (text) => expect(formatPrefix(parsePrefix(text)!)).toBe(text));

  test.each([
    "10.0.0.1/8",
    "10.0.0.0/33",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "/8",
    "2001:db8::1/64",
    "::/129",
    "::/1e1",
    "::/0/0",
  ])("%p is refused", (text) => expect(parsePrefix(text)).toBeUndefined());

  test("of one family are no prefixes of the other", () => {
    expect(parsePrefix4("10.0.0.0/8")).toBeDefined();
    expect(parsePrefix6("10.0.0.0/8")).toBeUndefined();
    expect(parsePrefix6("fd00::/8")).toBeDefined();
    expect(parsePrefix4("fd00::/8")).toBeUndefined();
    expect(contains(parsePrefix("::/0")!, parseIpv4("10.0.0.1")!)).toBe(false);
  });

  test("contain exactly the addresses whose first bits are theirs", () => {
    const bits = (address: Uint8Array) => Array.from(address, (o) => o.toString(2).padStart(8, "0")).join("");
    fc.assert(
      fc.property(octets(16), octets(16), fc.integer({ min: 0, max: 128 }), fc.nat(128), (a, noise, length, shared) => {
        const prefix = { address: masked(a, length), length };
        expect(hasHostBits(prefix.address, length)).toBe(false);
        // An address that shares at least `shared` bits with the prefix, so that both answers come up.
        const keep = masked(a, shared);
        const address = noise.map((octet, i) => keep[i]! | (octet & ~masked(new Uint8Array(16).fill(255), shared)[i]!));
        expect(contains(prefix, address)).toBe(bits(address).slice(0, length) === bits(a).slice(0, length));
      }),
      { numRuns: 500 },
    );
  });

  test("overlap when one contains the other", () => {
    const p = (text: string) => parsePrefix(text)!;
    expect(overlaps(p("10.0.0.0/8"), p("10.1.0.0/16"))).toBe(true);
    expect(overlaps(p("10.1.0.0/16"), p("10.0.0.0/8"))).toBe(true);
    expect(overlaps(p("10.1.0.0/16"), p("10.2.0.0/16"))).toBe(false);
    expect(overlaps(p("0.0.0.0/0"), p("::/0"))).toBe(false);
  });
});

describe("addresses of either family", () => {
  test("are told apart by their text and their size", () => {
    fc.assert(fc.property(either, (address) => expect(parseAddress(formatAddress(address))).toEqual(address)));
  });

  test("are ordered by octets, IPv4 first", () => {
    fc.assert(
      fc.property(either, either, (a, b) => {
        const order = Math.sign(compareAddresses(a, b));
        const byText =
          a.length !== b.length
            ? Math.sign(a.length - b.length)
            : toHex(a) < toHex(b)
              ? -1
              : toHex(a) > toHex(b)
                ? 1
                : 0;
        expect(order).toBe(byText);
        expect(sameAddress(a, b)).toBe(order === 0);
      }),
    );
    expect(sameAddress(ip6("::1"), ip6("::1"))).toBe(true);
  });
});
