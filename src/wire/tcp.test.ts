import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as tcp from "#wire/tcp";
import { expectFields } from "#wire/testing/fields";

function withOptions(options: number[]): Uint8Array {
  const b = new Uint8Array(3 + tcp.SIZE + options.length).fill(0xa5);
  tcp.setDataOffset(b, 3, tcp.SIZE + options.length);
  b.set(options, 3 + tcp.SIZE);
  return b;
}

describe("TCP header", () => {
  test("has the fields of RFC 9293 §3.1", () => {
    expectFields(tcp.SIZE, [
      { name: "sourcePort", bit: 0, width: 16, get: tcp.sourcePort, set: tcp.setSourcePort },
      { name: "destinationPort", bit: 16, width: 16, get: tcp.destinationPort, set: tcp.setDestinationPort },
      { name: "ports", bit: 0, width: 32, get: tcp.ports },
      { name: "sequenceNumber", bit: 32, width: 32, get: tcp.sequenceNumber, set: tcp.setSequenceNumber },
      {
        name: "acknowledgmentNumber",
        bit: 64,
        width: 32,
        get: tcp.acknowledgmentNumber,
        set: tcp.setAcknowledgmentNumber,
      },
      { name: "dataOffset", bit: 96, width: 4, unit: 4, get: tcp.dataOffset },
      { name: "flags", bit: 104, width: 8, get: tcp.flags, set: tcp.setFlags },
      { name: "window", bit: 112, width: 16, get: tcp.window, set: tcp.setWindow },
      { name: "checksum", bit: 128, width: 16, get: tcp.checksum, set: tcp.setChecksum },
    ]);
  });

  test("is refused when truncated or with a data offset that is too small or past the end", () => {
    const b = withOptions([1, 1, 1, 0]);
    for (let end = 3; end < b.length; end++) expect(tcp.fits(b, 3, end)).toBe(false);
    expect(tcp.fits(b, 3, b.length)).toBe(true);
    expect(tcp.fits(b, 3, b.length + 1)).toBe(false);
    tcp.setDataOffset(b, 3, 16);
    expect(tcp.fits(b, 3, b.length)).toBe(false);
  });

  test.each([
    ["first", [2, 4, 0x05, 0xb4], 2],
    ["after no-operations, at an odd offset", [1, 2, 4, 0x05, 0xb4, 0, 0, 0], 3],
    ["after others", [4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 0x05, 0xb4], 14],
    ["absent", [1, 1, 4, 2], undefined],
    ["absent, without any option", [], undefined],
    ["after the end of options", [0, 2, 4, 5], undefined],
    ["of a wrong length", [2, 3, 5, 0], undefined],
    ["cut off by the header's end", [1, 1, 2, 4], undefined],
    ["cut off before its length", [1, 1, 1, 2], undefined],
    ["after an option of length zero", [8, 0, 2, 4, 0x05, 0xb4, 0, 0], undefined],
  ])("MSS option %s (RFC 9293 §3.1)", (_where, options, at) => {
    expect(tcp.maximumSegmentSizeAt(withOptions(options), 3)).toBe(at === undefined ? 0 : 3 + tcp.SIZE + at);
  });

  test("never finds an MSS value outside the header", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 40, 255), { minLength: 40, maxLength: 40 }),
        (options) => {
          const at = tcp.maximumSegmentSizeAt(withOptions(options), 3);
          expect(at === 0 || (at >= 3 + tcp.SIZE + 2 && at + 2 <= 3 + tcp.SIZE + 40)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
