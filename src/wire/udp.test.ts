import { describe, expect, test } from "bun:test";
import { fromHex } from "#base/bytes";
import { expectFields } from "#wire/testing/fields";
import * as udp from "#wire/udp";

describe("UDP header", () => {
  test("has the fields of RFC 768", () => {
    expectFields(udp.SIZE, [
      { name: "sourcePort", bit: 0, width: 16, get: udp.sourcePort, set: udp.setSourcePort },
      { name: "destinationPort", bit: 16, width: 16, get: udp.destinationPort, set: udp.setDestinationPort },
      { name: "length", bit: 32, width: 16, get: udp.length, set: udp.setLength },
      { name: "checksum", bit: 48, width: 16, get: udp.checksum },
    ]);
  });

  test("sends a checksum of zero as all ones (RFC 768)", () => {
    const b = new Uint8Array(udp.SIZE);
    udp.setChecksum(b, 0, 0);
    expect(udp.checksum(b, 0)).toBe(0xffff);
    udp.setChecksum(b, 0, 0x1234);
    expect(udp.checksum(b, 0)).toBe(0x1234);
  });

  test("is refused when truncated or when its length is a lie", () => {
    const b = fromHex("0035c000000a00000102ffff")!;
    for (let end = 0; end < 10; end++) expect(udp.fits(b, 0, end)).toBe(false);
    expect(udp.fits(b, 0, 10) && udp.fits(b, 0, 12)).toBe(true);
    expect(udp.fits(b, 0, 13)).toBe(false);
    udp.setLength(b, 0, 7);
    expect(udp.fits(b, 0, 12)).toBe(false);
  });
});
