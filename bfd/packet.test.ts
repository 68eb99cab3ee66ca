import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import { type ControlPacket, describeDiagnostic, readControl, STATES, writeControl } from "#bfd/packet";
import { control } from "#bfd/testing/peer";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const anyPacket: fc.Arbitrary<ControlPacket> = fc.record({
  diagnostic: fc.nat(31),
  state: fc.constantFrom(...STATES),
  poll: fc.boolean(),
  final: fc.boolean(),
  controlPlaneIndependent: fc.boolean(),
  demand: fc.boolean(),
  detectMult: fc.integer({ min: 1, max: 255 }),
  myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
  yourDiscriminator: u32,
  desiredMinTx: u32,
  requiredMinRx: u32,
  requiredMinEchoRx: u32,
  authentication: fc.option(fc.uint8Array({ minLength: 2, maxLength: 40 })),
});

const errorOf = (octets: Uint8Array): string | undefined => {
  const read = readControl(octets);
  return read instanceof Malformed ? read.error : undefined;
};

/** A good packet with one octet replaced. */
function withOctet(at: number, value: number, packet = control()): Uint8Array {
  const octets = writeControl(packet);
  octets[at] = value;
  return octets;
}

describe("the Control packet's format (RFC 5880 §4.1)", () => {
  const packet = control({
    ...{ diagnostic: 3, state: "Up", poll: true, controlPlaneIndependent: true, detectMult: 5 },
    ...{ myDiscriminator: 0x01020304, yourDiscriminator: 0x0a0b0c0d },
    ...{ desiredMinTx: 100_000, requiredMinRx: 50_000, requiredMinEchoRx: 1 },
  });
  const octets = "23e80518" + "01020304" + "0a0b0c0d" + "000186a0" + "0000c350" + "00000001";

  test("is written and read as its picture says", () => {
    expect(toHex(writeControl(packet))).toBe(octets);
    expect(readControl(fromHex(octets)!)).toEqual(packet);
  });

  test("keeps an Authentication Section whole", () => {
    const authenticated = { ...packet, authentication: fromHex("0109017365637265") ?? null };
    expect(toHex(writeControl(authenticated))).toBe(`23ec0520${octets.slice(8)}0109017365637265`);
    expect(readControl(writeControl(authenticated))).toEqual(authenticated);
  });

  test("gives any packet back as it was written, octets behind its end not looked at", () => {
    fc.assert(
      fc.property(anyPacket, fc.uint8Array({ maxLength: 8 }), (p, behind) => {
        const written = writeControl(p);
        const payload = new Uint8Array(written.length + behind.length);
        payload.set(written);
        payload.set(behind, written.length);
        expect(readControl(payload)).toEqual(p);
      }),
    );
  });

  test("refuses values that are out of range, which are our own fault", () => {
    expect(() => writeControl(control({ detectMult: 256 }))).toThrow(RangeError);
    expect(() => writeControl(control({ desiredMinTx: 2 ** 32 }))).toThrow(RangeError);
    expect(() => writeControl(control({ requiredMinRx: 0.5 }))).toThrow(RangeError);
  });

  test("names every diagnostic (RFC 5880 §8)", () => {
    expect([describeDiagnostic(1), describeDiagnostic(8), describeDiagnostic(9)]).toEqual([
      "control detection time expired",
      "reverse concatenated path down",
      "diagnostic 9",
    ]);
  });
});

describe("what is discarded without asking for a session (RFC 5880 §6.8.6)", () => {
  test.each([
    ["a version other than 1", withOctet(0, 0x40), "version"],
    ["version 0 of the drafts", withOctet(0, 0x00), "version"],
    ["a Length below 24", withOctet(3, 23), "length too small"],
    [
      "a Length below 26 with the A bit",
      withOctet(3, 25, control({ authentication: new Uint8Array(8) })),
      "length too small",
    ],
    ["a Length beyond the payload", withOctet(3, 25), "truncated"],
    ["a Detect Mult of zero", withOctet(2, 0), "detect mult zero"],
    ["the Multipoint bit", withOctet(1, 0x41), "multipoint"],
    ["My Discriminator zero", writeControl(control({ myDiscriminator: 0 })), "my discriminator zero"],
  ])("%s", (_, octets, error) => {
    expect(errorOf(octets)).toBe(error);
  });

  test("every truncation", () => {
    fc.assert(
      fc.property(anyPacket, (p) => {
        const octets = writeControl(p);
        for (let length = 0; length < octets.length; length++)
          expect([length, errorOf(octets.slice(0, length))]).toEqual([length, "truncated"]);
      }),
      { numRuns: 20 },
    );
  });

  test("no octets make the reader throw, and what it accepts it would write again", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        if (octets.length > 3) {
          octets[0] = 0x20 | (octets[0]! & 0x1f);
          octets[1]! &= 0xfe;
          octets[3] = Math.min(octets.length, Math.max(24, octets[3]!));
        }
        const read = readControl(octets);
        if (read instanceof Malformed) return;
        const [expected, written] = [octets.slice(0, 24), writeControl(read).slice(0, 24)];
        expected[3] = written[3]!; // without the A bit, a longer Length means nothing
        expect(toHex(written)).toBe(toHex(expected));
      }),
      { numRuns: 2000 },
    );
  });

  test("each flipped bit is refused, or shows", () => {
    const good = control({ state: "Up", yourDiscriminator: 7 });
    for (let bit = 0; bit < 24 * 8; bit++) {
      const octets = writeControl(good);
      octets[bit >> 3]! ^= 0x80 >> (bit & 7);
      expect([bit, readControl(octets)]).not.toEqual([bit, good]);
    }
  });
});
