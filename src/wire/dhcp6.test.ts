import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIpv6, parseIpv6 } from "#base/address";
import { fromHex, toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import * as dhcp from "#wire/dhcp6";
import * as option from "#wire/dhcp6-options";

const ip = (text: string) => parseIpv6(text)!;
const solicit: dhcp.Dhcp6Message = { type: dhcp.SOLICIT, transactionId: 0x123456, options: {} };
/** Type and transaction id. */
const HEADER = 4;

/** The solicit with these octets for options. */
const optionsIn = (hex: string): option.Dhcp6Options | string => {
  const read = dhcp.readDhcp6(Uint8Array.of(...dhcp.writeDhcp6(solicit), ...fromHex(hex)!));
  return read instanceof Malformed ? read.error : read.options;
};
const hexOf = (options: option.Dhcp6Options): string => toHex(dhcp.writeDhcp6({ ...solicit, options })).slice(8);

const octets = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.nat(0xffff);
const duid = octets(3, 130);
const status = fc.record({ code: u16, message: fc.string({ maxLength: 40 }) });
const leased = fc.record({ address: octets(16), preferredLifetime: u32, validLifetime: u32 });
const association = (times: fc.Arbitrary<number>, addresses: fc.Arbitrary<option.LeasedAddress[]>) =>
  fc.array(
    fc.record(
      { iaid: u32, t1: times, t2: times, addresses, status },
      { requiredKeys: ["iaid", "t1", "t2", "addresses"] },
    ),
    { minLength: 1, maxLength: 3 },
  );
const addresses = fc.array(octets(16), { minLength: 1, maxLength: 4 });
const options = fc.record(
  {
    clientId: duid,
    serverId: duid,
    iaNa: association(u32, fc.array(leased, { maxLength: 3 })),
    iaTa: association(fc.constant(0), fc.array(leased, { maxLength: 3 })),
    iaPd: association(u32, fc.constant([])),
    requested: fc.array(u16, { maxLength: 20 }),
    preference: fc.nat(255),
    elapsedTime: u16,
    status,
    rapidCommit: fc.constant(true),
    dnsServers: addresses,
    domains: fc.array(fc.stringMatching(/^[a-z]{1,20}(\.[a-z0-9-]{1,20}){0,3}$/), { minLength: 1, maxLength: 4 }),
    informationRefreshTime: u32,
    ntpServers: addresses,
    solMaxRt: u32,
    infMaxRt: u32,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<option.Dhcp6Options>;
const message = fc.record({
  type: fc.integer({ min: dhcp.SOLICIT, max: dhcp.INFORMATION_REQUEST }),
  transactionId: fc.nat(0xff_ffff),
  options,
});

describe("DHCPv6 messages", () => {
  test("are a type, a transaction id and options (RFC 8415 §8)", () => {
    expect(toHex(dhcp.writeDhcp6({ ...solicit, options: { elapsedTime: 258 } }))).toBe("01123456" + "000800020102");
    expect(formatIpv6(dhcp.ALL_DHCP_RELAY_AGENTS_AND_SERVERS)).toBe("ff02::1:2"); // §7.1
  });

  test("come back as they were written", () => {
    fc.assert(
      fc.property(message, (m) => {
        const written = dhcp.writeDhcp6(m);
        const around = new Uint8Array(written.length + 20).fill(0xa5);
        around.set(written, 10);
        expect(dhcp.readDhcp6(around, 10, 10 + written.length)).toEqual(m);
      }),
      { numRuns: 200 },
    );
  });

  test("cut short are refused, or lack whole options: never misread (§8)", () => {
    fc.assert(
      fc.property(message, (m) => {
        const written = dhcp.writeDhcp6(m);
        const ends = new Set<number>();
        for (let at = HEADER; at <= written.length; at += 4 + ((written[at + 2]! << 8) | written[at + 3]!))
          ends.add(at);
        for (let end = 0; end < written.length; end++)
          expect([end, dhcp.readDhcp6(written, 0, end) instanceof Malformed]).toEqual([end, !ends.has(end)]);
      }),
      { numRuns: 30 },
    );
  });

  test("of unknown types and of relay agents are refused (§16, §9)", () => {
    const errorOf = (type: number): string | undefined => {
      const read = dhcp.readDhcp6(Uint8Array.of(type, 1, 2, 3));
      return read instanceof Malformed ? read.error : undefined;
    };
    expect([0, 1, 11, 14, 255].map(errorOf)).toEqual([
      ...["no DHCP message type", undefined, undefined, "no DHCP message type", "no DHCP message type"],
    ]);
    expect([dhcp.RELAY_FORW, dhcp.RELAY_REPL].map(errorOf)).toEqual(["a relay agent's", "a relay agent's"]);
  });

  test("never throw, whatever the octets", () => {
    const spoilt = fc.tuple(message, fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 6 }), octets(0, 40));
    fc.assert(
      fc.property(spoilt, ([m, changes, tail]) => {
        const b = Uint8Array.of(...dhcp.writeDhcp6(m), ...tail);
        for (const [at, value] of changes) b[at % b.length] = value;
        const read = dhcp.readDhcp6(b);
        expect(read instanceof Malformed || read.type >= 1).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("options", () => {
  const leased = { address: ip("2001:db8::1"), preferredLifetime: 1, validLifetime: 2 };

  test("of identity associations hold addresses with lifetimes and a status (RFC 8415 §21.4, §21.6, §21.13)", () => {
    const iaNa = [
      { iaid: 7, t1: 1800, t2: 2880, addresses: [leased], status: { code: option.SUCCESS, message: "ok" } },
    ];
    expect(hexOf({ iaNa })).toBe(
      `0003${"0030"}0000000700000708${"00000b40"}0005${"0018"}${toHex(leased.address)}0000000100000002000d000400006f6b`,
    );
  });

  test("of temporary addresses have no times, those of prefixes no addresses (§21.5, §21.21)", () => {
    const prefix = `001a0019${"0000000100000002"}38${"20010db8"}${"00".repeat(12)}`;
    expect(optionsIn(`0019${"0029"}000000010000000200000003${prefix}`)).toEqual({
      iaPd: [{ iaid: 1, t1: 2, t2: 3, addresses: [] }],
    });
    const iaTa = [{ iaid: 9, t1: 0, t2: 0, addresses: [leased] }];
    expect(hexOf({ iaTa })).toBe(`0004${"0020"}00000009${"00050018"}${toHex(leased.address)}0000000100000002`);
  });

  test("of DNS, NTP and limits are as RFC 3646 §3 and §4, RFC 5908 §4 and RFC 8415 §21.24 draw them", () => {
    expect(hexOf({ dnsServers: [ip("2001:db8::53")] })).toBe(`00170010${toHex(ip("2001:db8::53"))}`);
    expect(hexOf({ domains: ["net.example"] })).toBe(`0018000d${"036e6574076578616d706c6500"}`);
    const two = ["2001:db8::1", "2001:db8::2"].map(ip);
    expect(hexOf({ ntpServers: two })).toBe(two.map((server) => `0038001400010010${toHex(server)}`).join(""));
    expect(hexOf({ solMaxRt: 60, infMaxRt: 61 })).toBe("005200040000003c" + "005300040000003d");
    expect(hexOf({ rapidCommit: true })).toBe("000e0000");
  });

  test("unknown ones are stepped over, at the top and inside of others (§16)", () => {
    expect(optionsIn("ffff0001aa" + "00080002000a" + "001000050000000900")).toEqual({ elapsedTime: 10 });
    const inside = `ffff0001aa00050021${toHex(leased.address)}0000000100000002${"000d000500016f6f6f"}`;
    expect(optionsIn(`0003${"0036"}000000010000000000000000${inside}`)).toEqual({
      iaNa: [{ iaid: 1, t1: 0, t2: 0, addresses: [leased] }],
    });
    // A server of another kind: by name, by group (RFC 5908 §4.2, §4.3).
    expect(optionsIn(`00380014${"00020010"}${toHex(ip("ff05::101"))}`)).toEqual({ ntpServers: [] });
  });

  test("of lengths that cannot be are refused", () => {
    const wrong = ["00010002aabb", `00010083${"00".repeat(131)}`, "000600010a", "00070002aabb", "000800030000aa"];
    const more = ["000e000100", "00170000", "001700080000000000000000", "00180000", "0018000100", "0052000500000000aa"];
    for (const hex of [...wrong, ...more]) expect([hex, optionsIn(hex)]).toEqual([hex, "option of a wrong length"]);
    for (const hex of ["00080001", "0008000100", `0003000b${"00".repeat(11)}`, "000d000100", "005200020000"])
      expect([hex, optionsIn(hex)]).toEqual([hex, "truncated"]);
  });

  test("that may come once and come again are refused (§24, Table 4)", () => {
    expect(optionsIn("000800020001" + "000800020002")).toBe("option given twice");
    const ia = (iaid: string) => `0004000${"4"}${iaid}`;
    expect(optionsIn(ia("00000001") + ia("00000002"))).toMatchObject({ iaTa: [{ iaid: 1 }, { iaid: 2 }] });
  });
});
