import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "#base/bytes";
import * as arp from "#wire/arp";
import { expectFields } from "#wire/testing/fields";

const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const packet = fc.record({
  operation: fc.constantFrom(arp.REQUEST, arp.REPLY),
  senderHardware: octets(6),
  senderProtocol: octets(4),
  targetHardware: octets(6),
  targetProtocol: octets(4),
});

/** Who has 10.0.0.1? Tell 10.0.0.2. */
const REQUEST = "0001080006040001" + "020000000002" + "0a000002" + "000000000000" + "0a000001";

describe("ARP packet", () => {
  test("has the fields of RFC 826", () => {
    expectFields(arp.SIZE, [
      { name: "hardwareType", bit: 0, width: 16, get: arp.hardwareType },
      { name: "protocolType", bit: 16, width: 16, get: arp.protocolType },
      { name: "operation", bit: 48, width: 16, get: arp.operation },
    ]);
    const b = fromHex(REQUEST)!;
    expect(arp.fits(b, 0, b.length)).toBe(true);
    expect(arp.operation(b, 0)).toBe(arp.REQUEST);
    expect(toHex(arp.senderHardware(b, 0))).toBe("020000000002");
    expect(toHex(arp.senderProtocol(b, 0))).toBe("0a000002");
    expect(toHex(arp.targetHardware(b, 0))).toBe("000000000000");
    expect(toHex(arp.targetProtocol(b, 0))).toBe("0a000001");
  });

  test("is written as it is read, and nothing around it", () => {
    fc.assert(
      fc.property(packet, (p) => {
        const b = new Uint8Array(arp.SIZE + 6).fill(0xa5);
        arp.write(b, 3, p);
        expect(arp.fits(b, 3, 3 + arp.SIZE)).toBe(true);
        const read = {
          operation: arp.operation(b, 3),
          senderHardware: arp.senderHardware(b, 3),
          senderProtocol: arp.senderProtocol(b, 3),
          targetHardware: arp.targetHardware(b, 3),
          targetProtocol: arp.targetProtocol(b, 3),
        };
        expect(read).toEqual(p);
        expect([...b.subarray(0, 3), ...b.subarray(-3)]).toEqual(Array(6).fill(0xa5));
      }),
    );
  });

  test("is refused when truncated or of other networks", () => {
    const b = fromHex(REQUEST)!;
    for (let end = 0; end < arp.SIZE; end++) expect(arp.fits(b, 0, end)).toBe(false);
    for (let at = 0; at < 6; at++) {
      const other = b.slice();
      other[at]! ^= 0x10;
      expect([at, arp.fits(other, 0, other.length)]).toEqual([at, false]);
    }
  });

  test("is a probe when it has no sender address, an announcement when it asks for the sender's (RFC 5227 §1.1)", () => {
    const b = fromHex(REQUEST)!;
    expect(arp.isProbe(b, 0) || arp.isAnnouncement(b, 0)).toBe(false);
    b.set([0, 0, 0, 0], arp.SENDER_PROTOCOL);
    expect(arp.isProbe(b, 0)).toBe(true);
    b.set([10, 0, 0, 1], arp.SENDER_PROTOCOL);
    expect(arp.isAnnouncement(b, 0)).toBe(true);
  });
});
