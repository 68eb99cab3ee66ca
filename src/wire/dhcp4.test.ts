import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { masked, parseIpv4, parseMac } from "#base/address";
import { fromHex, toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import * as dhcp from "#wire/dhcp4";
import type { Dhcp4Options } from "#wire/dhcp4-options";

const ip = (text: string) => parseIpv4(text)!;
const zero = ip("0.0.0.0");

const discover: dhcp.Dhcp4Message = {
  op: dhcp.BOOTREQUEST,
  hops: 0,
  xid: 0x12345678,
  secs: 3,
  broadcast: true,
  ciaddr: zero,
  yiaddr: zero,
  siaddr: zero,
  giaddr: zero,
  chaddr: parseMac("02:00:00:00:00:0a")!,
  type: dhcp.DISCOVER,
  options: {},
};

const FIXED = 240; // octets up to the options, cookie included
const PADDED = 300;

/** The discovery with these octets for options. */
const withOptions = (hex: string): Uint8Array => {
  const head = dhcp.writeDhcp4(discover).subarray(0, FIXED);
  return Uint8Array.of(...head, ...fromHex(hex)!);
};
const withSettings = (octets: Uint8Array, at: number, ...values: number[]): Uint8Array => {
  const other = octets.slice();
  other.set(values, at);
  return other;
};
const optionsIn = (octets: Uint8Array): Dhcp4Options | string => {
  const read = dhcp.readDhcp4(octets);
  return read instanceof Malformed ? read.error : read.options;
};
const errorOf = (octets: Uint8Array): string | undefined => {
  const read = dhcp.readDhcp4(octets);
  return read instanceof Malformed ? read.error : undefined;
};

const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
const addresses = fc.array(address, { minLength: 1, maxLength: 70 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.nat(0xffff);
const text = fc.stringMatching(/^[!-~]{1,300}$/);
const route = fc.record({
  destination: fc.tuple(address, fc.nat(32)).map(([a, length]) => ({ address: masked(a, length), length })),
  router: address,
});
const options: fc.Arbitrary<Dhcp4Options> = fc.record(
  {
    subnetMask: address,
    broadcastAddress: address,
    routers: addresses,
    dnsServers: addresses,
    hostName: text,
    domainName: text,
    mtu: u16,
    ntpServers: addresses,
    requestedAddress: address,
    leaseTime: u32,
    serverIdentifier: address,
    requested: fc.array(fc.nat(255), { minLength: 1, maxLength: 300 }),
    message: text,
    maximumMessageSize: u16,
    renewalTime: u32,
    rebindingTime: u32,
    clientIdentifier: fc.uint8Array({ minLength: 2, maxLength: 600 }),
    classlessRoutes: fc.array(route, { minLength: 1, maxLength: 60 }),
  },
  { requiredKeys: [] },
);
const message = fc.record({
  op: fc.constantFrom(dhcp.BOOTREQUEST, dhcp.BOOTREPLY),
  hops: fc.nat(255),
  xid: u32,
  secs: u16,
  broadcast: fc.boolean(),
  ciaddr: address,
  yiaddr: address,
  siaddr: address,
  giaddr: address,
  chaddr: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  type: fc.integer({ min: 1, max: 8 }),
  options,
}) as fc.Arbitrary<dhcp.Dhcp4Message>;

describe("DHCPv4 messages", () => {
  test("are written as RFC 2131 Figure 1 draws them, and padded to BOOTP's 300 octets (RFC 1542 §2.1)", () => {
    const written = dhcp.writeDhcp4(discover);
    expect(toHex(written)).toBe(
      `01010600${"12345678"}00038000${"00".repeat(16)}${"02000000000a"}${"00".repeat(10 + 64 + 128)}` +
        `63825363${"350101"}ff${"00".repeat(PADDED - FIXED - 4)}`,
    );
    expect(dhcp.readDhcp4(written)).toEqual(discover);
  });

  test("come back as they were written, options longer than 255 octets in parts (RFC 3396 §6, §7)", () => {
    fc.assert(
      fc.property(message, (m) => {
        const octets = dhcp.writeDhcp4(m);
        const around = new Uint8Array(octets.length + 20).fill(0xa5);
        around.set(octets, 10);
        expect(dhcp.readDhcp4(around, 10, 10 + octets.length)).toEqual(m);
      }),
      { numRuns: 200 },
    );
  });

  test("cut short anywhere before the end option are refused (RFC 2131 §4.1)", () => {
    fc.assert(
      fc.property(message, (m) => {
        const octets = dhcp.writeDhcp4(m);
        const last = octets.length === PADDED ? octets.lastIndexOf(0xff) : octets.length - 1;
        for (let end = 0; end <= last; end += end < FIXED ? 7 : 1) {
          expect(dhcp.readDhcp4(octets, 0, end)).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("of other networks than Ethernet, of BOOTP, or of no known type are refused", () => {
    const good = dhcp.writeDhcp4(discover);
    expect(errorOf(withSettings(good, 0, 3))).toBe("neither request nor reply");
    expect(errorOf(withSettings(good, 1, 6))).toBe("not Ethernet");
    expect(errorOf(withSettings(good, 2, 16))).toBe("not Ethernet");
    expect(errorOf(withSettings(good, 236, 0))).toBe("no DHCP");
    expect(errorOf(withOptions("ff"))).toBe("no DHCP message type");
    expect(errorOf(withOptions("350109ff"))).toBe("no DHCP message type");
    expect(errorOf(withOptions("350100ff"))).toBe("no DHCP message type");
  });

  test("never throw, whatever the octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(FIXED - 1), fc.nat(255), (tail, at, value) => {
        const octets = withSettings(Uint8Array.of(...withOptions("350101"), ...tail), at, value);
        const read = dhcp.readDhcp4(octets);
        expect(read instanceof Malformed || read.type >= 1).toBe(true);
      }),
    );
  });
});

describe("options", () => {
  test("are those of RFC 2132, unknown ones and pads stepped over", () => {
    expect(optionsIn(withOptions("00350103e0031122330032040a000002370403060c793d07010200000000aaff0c01"))).toEqual({
      requestedAddress: ip("10.0.0.2"),
      requested: [3, 6, 12, 121],
      clientIdentifier: fromHex("010200000000aa")!,
    });
  });

  test("in the fields file and sname count after those in the options field (RFC 3396 §5)", () => {
    const overloaded = withOptions("350101340103ff");
    const octets = withSettings(withSettings(overloaded, 108, 12, 1, 0x62, 255), 44, 12, 1, 0x63, 0, 15, 1, 0x64, 255);
    expect(optionsIn(octets)).toEqual({ hostName: "bc", domainName: "d" });
    expect(optionsIn(withSettings(octets, FIXED + 5, 1))).toEqual({ hostName: "b" });
    expect(optionsIn(withSettings(octets, FIXED + 5, 0))).toEqual({});
    expect(optionsIn(overloaded)).toBe("truncated"); // those fields hold no end option
  });

  test("of a client identifier of any form (RFC 4361 §6.1) and a name that ends in NULs (RFC 2132 §2) are taken", () => {
    expect(optionsIn(withOptions("3501013d0fff00000001000100012c0a1b2c0200ff"))).toEqual({
      clientIdentifier: fromHex("ff00000001000100012c0a1b2c0200")!,
    });
    expect(optionsIn(withOptions("3501010c0461620000ff"))).toEqual({ hostName: "ab" });
  });

  test("that end beyond the message, and those whose length cannot be, are refused", () => {
    expect(optionsIn(withOptions("3501010c0561"))).toBe("truncated");
    for (const option of ["35020000", "3203010203", "36050102030405", "0603010203", "3300", "1a0105", "390105"]) {
      expect(optionsIn(withOptions(`350101${option}ff`))).toBe("option of a wrong length");
    }
  });

  test("of classless routes are widths, significant octets and routers (RFC 3442)", () => {
    const routes: Dhcp4Options = {
      classlessRoutes: [
        { destination: { address: ip("169.254.1.1"), length: 32 }, router: zero },
        { destination: { address: ip("10.229.0.128"), length: 25 }, router: ip("10.0.0.1") },
        { destination: { address: ip("10.17.0.0"), length: 16 }, router: ip("10.0.0.1") },
        { destination: { address: zero, length: 0 }, router: ip("169.254.1.1") },
      ],
    };
    const written = dhcp.writeDhcp4({ ...discover, options: routes });
    expect(toHex(written)).toContain(
      "791e20a9fe010100000000" + "190ae500800a000001" + "100a110a000001" + "00a9fe0101ff",
    );
    expect(optionsIn(written)).toEqual(routes);
    expect(optionsIn(withOptions("350101790921a9fe010100000000ff"))).toBe("prefix longer than an address");
    expect(optionsIn(withOptions("350101790420a9fe01ff"))).toBe("truncated");
    expect(optionsIn(withOptions("3501017900ff"))).toBe("truncated");
    expect(optionsIn(withOptions("350101790919c0a8057f0a000001ff"))).toMatchObject({
      classlessRoutes: [{ destination: { address: ip("192.168.5.0"), length: 25 } }], // host bits do not count
    });
  });
});
