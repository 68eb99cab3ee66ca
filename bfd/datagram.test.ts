import { describe, expect, test } from "bun:test";
import { toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import { readDatagram, writeDatagram } from "#bfd/datagram";
import { LOCAL, REMOTE } from "#bfd/testing/peer";
import * as ipv6 from "#wire/ipv6";
import * as udp from "#wire/udp";

const payload = Uint8Array.from({ length: 24 }, (_, i) => 0x20 + i);
const packet = () => writeDatagram({ source: LOCAL, destination: REMOTE, sourcePort: 50_000 }, payload);
const errorOf = (b: Uint8Array, vouched = false): string | undefined => {
  const read = readDatagram(b, 0, b.length, vouched);
  return read instanceof Malformed ? read.error : undefined;
};

/** A packet after `change` to its octets. */
function changed(change: (b: Uint8Array) => void): Uint8Array {
  const b = packet();
  change(b);
  return b;
}

describe("a Control packet's IPv6 and UDP (RFC 5881 §4, §5)", () => {
  test("has port 3784, hop limit 255, CS6 and a checksum", () => {
    const b = packet();
    expect([udp.sourcePort(b, 40), udp.destinationPort(b, 40), ipv6.hopLimit(b, 0)]).toEqual([50_000, 3784, 255]);
    expect([ipv6.trafficClass(b, 0), ipv6.payloadLength(b, 0), udp.length(b, 40)]).toEqual([0xc0, 32, 32]);
  });

  test("is read back wherever it lies, padding of the link behind it or not", () => {
    const b = new Uint8Array(100).fill(0xa5);
    b.set(packet(), 7);
    const expected = { source: LOCAL, destination: REMOTE, hopLimit: 255, octets: payload };
    for (const end of [7 + 72, 90, 100]) expect(readDatagram(b, 7, end)).toEqual(expected);
  });

  test("leaves the hop limit for the core to judge", () => {
    expect(
      readDatagram(
        changed((b) => ipv6.setHopLimit(b, 0, 254)),
        0,
        72,
      ),
    ).toMatchObject({ hopLimit: 254 });
  });

  test.each([
    ["another protocol", changed((b) => ipv6.setNextHeader(b, 0, 6)), "not UDP"],
    ["another version", changed((b) => b.fill(0x40, 0, 1)), "not UDP"],
    ["another port", changed((b) => udp.setDestinationPort(b, 40, 3785)), "UDP port"],
    ["a UDP length below 8", changed((b) => udp.setLength(b, 40, 7)), "UDP length"],
    ["a UDP length beyond the packet", changed((b) => udp.setLength(b, 40, 33)), "UDP length"],
    ["no checksum (RFC 8200 §8.1)", changed((b) => b.fill(0, 46, 48)), "UDP checksum"],
  ])("is refused with %s", (_, b, error) => {
    expect(errorOf(b)).toBe(error);
  });

  test("every truncation is refused", () => {
    const b = packet();
    for (let length = 0; length < b.length; length++) expect(errorOf(b.slice(0, length))).toBeDefined();
  });

  test("each flipped bit that the checksum covers is refused", () => {
    for (let bit = 8 * 8; bit < 72 * 8; bit++) {
      const b = changed((octets) => {
        octets[bit >> 3]! ^= 0x80 >> (bit & 7);
      });
      expect([bit, errorOf(b)]).not.toEqual([bit, undefined]);
    }
  });

  test("a checksum that the kernel vouches for is not looked at", () => {
    const b = changed((octets) => octets.fill(0x12, 46, 48));
    expect([errorOf(b), errorOf(b, true)]).toEqual(["UDP checksum", undefined]);
    expect(toHex((readDatagram(b, 0, 72, true) as { octets: Uint8Array }).octets)).toBe(toHex(payload));
  });
});
