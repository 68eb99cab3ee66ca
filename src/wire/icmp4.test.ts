import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "#base/bytes";
import * as icmp4 from "#wire/icmp4";
import { expectFields } from "#wire/testing/fields";

describe("ICMP header", () => {
  test("has the fields of RFC 792, the MTU of RFC 1191 §4, the length attribute of RFC 4884 §4", () => {
    expectFields(icmp4.SIZE, [
      { name: "type", bit: 0, width: 8, get: icmp4.type, set: icmp4.setType },
      { name: "code", bit: 8, width: 8, get: icmp4.code, set: icmp4.setCode },
      { name: "checksum", bit: 16, width: 16, get: icmp4.checksum },
      { name: "identifier", bit: 32, width: 16, get: icmp4.identifier },
      { name: "sequenceNumber", bit: 48, width: 16, get: icmp4.sequenceNumber },
      { name: "pointer", bit: 32, width: 8, get: icmp4.pointer, set: icmp4.setPointer },
      { name: "originalLength", bit: 40, width: 8, unit: 4, get: icmp4.originalLength, set: icmp4.setOriginalLength },
      { name: "mtu", bit: 48, width: 16, get: icmp4.mtu, set: icmp4.setMtu },
    ]);
  });

  test("clears its second word as a whole", () => {
    const b = new Uint8Array(10).fill(0xa5);
    icmp4.setSecondWord(b, 1, 0);
    expect(toHex(b)).toBe("a5a5a5a5a500000000a5");
  });

  test("checksum covers the message, whatever the field held before (RFC 792)", () => {
    const b = fromHex("a5a50800ffff123400016162")!;
    icmp4.writeChecksum(b, 2, b.length);
    expect(toHex(b)).toBe("a5a508008468123400016162");
    expect(icmp4.checksumHolds(b, 2, b.length)).toBe(true);
    b[11]! ^= 4;
    expect(icmp4.checksumHolds(b, 2, b.length)).toBe(false);
  });

  test("is refused when truncated", () => {
    const b = new Uint8Array(9);
    for (let end = 0; end < 8; end++) expect(icmp4.fits(b, 0, end)).toBe(false);
    expect(icmp4.fits(b, 1, 9) && !icmp4.fits(b, 2, 10)).toBe(true);
  });

  test("of types 3, 4, 5, 11 and 12 is an error (RFC 1122 §3.2.2)", () => {
    const errors = Array.from({ length: 256 }, (_, type) => type).filter(icmp4.isError);
    expect(errors).toEqual([3, 4, 5, 11, 12]);
  });
});
