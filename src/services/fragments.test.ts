import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseIpv6 } from "#base/address";
import { put16 } from "#base/bytes";
import { fragment, Reassembly, type Whole } from "#services/fragments";
import * as ipv6 from "#wire/ipv6";

const PROTOCOL = 89;

function packetOf(payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(ipv6.SIZE + payload.length);
  const [source, destination] = [parseIpv6("fe80::1")!, parseIpv6("ff02::5")!];
  ipv6.write(b, 0, { payloadLength: payload.length, nextHeader: PROTOCOL, hopLimit: 1, source, destination });
  b.set(payload, ipv6.SIZE);
  return b;
}

const payloadOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);

/** As the host finds it: an Ethernet header before, room behind. */
function take(reassembly: Reassembly, packet: Uint8Array, now = 0): Whole | undefined {
  const b = new Uint8Array(14 + packet.length);
  b.set(packet, 14);
  const found = new ipv6.Extensions();
  expect(ipv6.fits(b, 14, b.length)).toBe(true);
  expect(ipv6.extensions(b, 14, b.length, found)).toBe(ipv6.EXTENSIONS_WHOLE);
  return reassembly.take(b, { at: 14, fragmentHeader: found.fragmentHeader, end: b.length }, now);
}

describe("a packet larger than the link (RFC 8200 §4.5)", () => {
  test("is cut into fragments that fit, and is whole again in whatever order they come", () => {
    const orders = fc.record({
      length: fc.integer({ min: 1, max: 20_000 }),
      mtu: fc.integer({ min: 1280, max: 9000 }),
      order: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(orders, ({ length, mtu, order }) => {
        const payload = payloadOf(length);
        const pieces = fragment(packetOf(payload), mtu, 77);
        for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(mtu);
        if (pieces.length === 1) {
          expect(pieces[0]).toEqual(packetOf(payload));
          return;
        }
        const reassembly = new Reassembly();
        let whole: Whole | undefined;
        while (pieces.length > 0) {
          expect(whole).toBeUndefined();
          whole = take(reassembly, pieces.splice(order.next().value! % pieces.length, 1)[0]!);
        }
        expect(whole).toEqual({ protocol: PROTOCOL, octets: payload });
        expect(reassembly.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("that fits is left alone", () => {
    expect(fragment(packetOf(payloadOf(1240)), 1280, 1)).toHaveLength(1);
    expect(fragment(packetOf(payloadOf(1241)), 1280, 1)).toHaveLength(2);
  });
});

describe("fragments", () => {
  const pieces = (): Uint8Array[] => fragment(packetOf(payloadOf(4000)), 1280, 5);

  test("that come twice do no harm", () => {
    const reassembly = new Reassembly();
    const [a, b, c, d] = pieces() as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect([a, a, c, b, c].map((piece) => take(reassembly, piece))).toEqual(Array(5).fill(undefined));
    expect(take(reassembly, d)?.octets).toEqual(payloadOf(4000));
  });

  test("that overlap end the packet (RFC 5722 §4)", () => {
    const reassembly = new Reassembly();
    const [a, b, c, d] = pieces() as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const overlap = b.slice();
    put16(overlap, ipv6.SIZE + 2, 8 | ipv6.FRAGMENT_MORE);
    expect([a, overlap, b, c, d].map((piece) => take(reassembly, piece))).toEqual(Array(5).fill(undefined));
    expect(reassembly.size).toBe(1); // what came after: without its beginning
  });

  test("in odd lengths, beyond the end or beyond 65 535 octets end the packet", () => {
    const [a, , , last] = pieces() as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const odd = a.subarray(0, a.length - 1);
    ipv6.setPayloadLength(odd, 0, odd.length - ipv6.SIZE);
    expect([take(new Reassembly(), odd)]).toEqual([undefined]);
    const far = last.slice();
    put16(far, ipv6.SIZE + 2, 0xfff8);
    const reassembly = new Reassembly();
    take(reassembly, far);
    expect(reassembly.size).toBe(0);
    take(reassembly, last);
    const beyond = a.slice();
    put16(beyond, ipv6.SIZE + 2, 8000 | ipv6.FRAGMENT_MORE);
    take(reassembly, beyond);
    expect(reassembly.size).toBe(0);
  });

  test("without the others are forgotten after a minute, and many at once displace the oldest", () => {
    const reassembly = new Reassembly();
    take(reassembly, pieces()[0]!, 0);
    take(reassembly, fragment(packetOf(payloadOf(4000)), 1280, 6)[0]!, 59_999);
    expect(reassembly.size).toBe(2);
    take(reassembly, pieces()[1]!, 60_000);
    expect(reassembly.size).toBe(2);
    for (let id = 100; id < 300; id++) take(reassembly, fragment(packetOf(payloadOf(4000)), 1280, id)[0]!, 60_001);
    expect(reassembly.size).toBe(64);
  });
});
