import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { toHex } from "#base/bytes";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { expectFields } from "#wire/testing/fields";

describe("ICMPv6 header", () => {
  test("has the fields of RFC 4443 §2.1, §3 and §4, and the length attribute of RFC 4884 §4", () => {
    expectFields(icmp6.SIZE, [
      { name: "type", bit: 0, width: 8, get: icmp6.type, set: icmp6.setType },
      { name: "code", bit: 8, width: 8, get: icmp6.code, set: icmp6.setCode },
      { name: "checksum", bit: 16, width: 16, get: icmp6.checksum },
      { name: "identifier", bit: 32, width: 16, get: icmp6.identifier },
      { name: "sequenceNumber", bit: 48, width: 16, get: icmp6.sequenceNumber },
      { name: "mtu", bit: 32, width: 32, get: icmp6.mtu, set: icmp6.setMtu },
      { name: "pointer", bit: 32, width: 32, get: icmp6.pointer, set: icmp6.setPointer },
      { name: "second word", bit: 32, width: 32, get: icmp6.mtu, set: icmp6.setSecondWord },
      { name: "originalLength", bit: 32, width: 8, unit: 8, get: icmp6.originalLength, set: icmp6.setOriginalLength },
    ]);
  });

  test("checksum covers the pseudo-header too (RFC 4443 §2.3)", () => {
    const b = new Uint8Array(ipv6.SIZE + 9).fill(0xa5);
    ipv6.write(b, 0, {
      payloadLength: 9,
      nextHeader: 58,
      hopLimit: 64,
      source: parseIpv6("fe80::1")!,
      destination: parseIpv6("fe80::2")!,
    });
    icmp6.writeChecksum(b, 0, 40, 49);
    expect(icmp6.checksumHolds(b, 0, 40, 49)).toBe(true);
    for (const at of [8, 39, 40, 43, 48]) {
      const changed = b.slice();
      changed[at]! ^= 1;
      expect([at, icmp6.checksumHolds(changed, 0, 40, 49)]).toEqual([at, false]);
    }
  });

  test("checksum of an echo request to ::1, summed by hand", () => {
    // Identifier 1, sequence 1, data 00010203.
    const b = new Uint8Array(52);
    ipv6.write(b, 0, {
      payloadLength: 12,
      nextHeader: 58,
      hopLimit: 64,
      source: parseIpv6("::1")!,
      destination: parseIpv6("::1")!,
    });
    b.set([128, 0, 0, 0, 0, 1, 0, 1, 0, 1, 2, 3], 40);
    icmp6.writeChecksum(b, 0, 40, 52);
    // 8000 + 1 + 1 + 1 + 0203, and the pseudo-header 1 + 1 + 3a + c: 824e, whose complement is the checksum.
    expect(toHex(b.subarray(42, 44))).toBe("7db1");
  });

  test("is refused when truncated", () => {
    const b = new Uint8Array(9);
    for (let end = 0; end < 8; end++) expect(icmp6.fits(b, 0, end)).toBe(false);
    expect(icmp6.fits(b, 1, 9) && !icmp6.fits(b, 2, 10)).toBe(true);
  });

  test("of a type below 128 is an error (RFC 4443 §2.1)", () => {
    expect([1, 2, 3, 4, 127].every(icmp6.isError)).toBe(true);
    expect([128, 129, 133, 136, 255].some(icmp6.isError)).toBe(false);
  });
});
