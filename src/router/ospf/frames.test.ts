import { describe, expect, test } from "bun:test";
import { linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import { ALL_D_ROUTERS, ALL_SPF_ROUTERS } from "#ospf/packet/header";
import { framesOf, OspfReader } from "#router/ospf/frames";
import { Reassembly } from "#services/fragments";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_DESTINATION_OPTIONS, PROTOCOL_ICMP6, PROTOCOL_OSPF, PROTOCOL_ROUTING } from "#wire/protocol";

const MAC = parseMac("02:00:00:00:00:01")!;
const PEER_MAC = parseMac("02:00:00:00:00:02")!;
const OWN = linkLocalFromMac(MAC);
const PEER = linkLocalFromMac(PEER_MAC);
const octets = Uint8Array.from({ length: 60 }, (_, i) => i);

const wire = { mac: PEER_MAC, mtu: 1500, identification: 7 };
const frame = (destination: Uint8Array, payload = octets, source = PEER): Uint8Array =>
  framesOf({ source, destination, octets: payload }, destination[0] === 0xff ? wire : { ...wire, to: MAC })[0]!;
const read = (b: Uint8Array, reader = new OspfReader(new Reassembly())) => reader.read(b, OWN, 0);

/** The frame with an extension header of eight octets between IPv6 and OSPF. */
function extended(b: Uint8Array, type: number, fields: readonly number[] = []): Uint8Array {
  const at = ethernet.SIZE + ipv6.SIZE;
  const longer = new Uint8Array(b.length + 8);
  longer.set(b.subarray(0, at));
  longer.set([PROTOCOL_OSPF, 0, ...fields], at);
  longer.set(b.subarray(at), at + 8);
  ipv6.setNextHeader(longer, ethernet.SIZE, type);
  ipv6.setPayloadLength(longer, ethernet.SIZE, longer.length - at);
  return longer;
}

describe("a packet sent", () => {
  test("has hop limit 1, protocol 89 and class selector 6 (RFC 5340 §A.1, RFC 2328 §8.1)", () => {
    const b = frame(ALL_SPF_ROUTERS);
    const at = ethernet.SIZE;
    expect([ipv6.hopLimit(b, at), ipv6.nextHeader(b, at), ipv6.trafficClass(b, at)]).toEqual([1, 89, 0xc0]);
    expect([ipv6.source(b, at), ipv6.payloadLength(b, at)]).toEqual([PEER, octets.length]);
  });

  test("to a group goes to the group's MAC address (RFC 2464 §7), to a neighbor to its own", () => {
    expect(ethernet.destination(frame(ALL_SPF_ROUTERS), 0)).toEqual(Uint8Array.of(0x33, 0x33, 0, 0, 0, 5));
    expect(ethernet.destination(frame(ALL_D_ROUTERS), 0)).toEqual(Uint8Array.of(0x33, 0x33, 0, 0, 0, 6));
    expect(ethernet.destination(frame(OWN), 0)).toEqual(MAC);
  });
});

describe("a frame received", () => {
  test("gives the packet, its addresses and where it came from, whichever of its ways it came", () => {
    for (const destination of [ALL_SPF_ROUTERS, ALL_D_ROUTERS, OWN])
      expect(read(frame(destination))).toEqual({ source: PEER, destination, octets, mac: PEER_MAC });
  });

  test("may be padded by the link, and may have extension headers (RFC 8200 §4)", () => {
    const padded = new Uint8Array(200);
    padded.set(frame(OWN));
    expect(read(padded)).toMatchObject({ octets });
    expect(read(extended(frame(OWN), PROTOCOL_DESTINATION_OPTIONS, [1, 4, 0, 0, 0, 0]))).toMatchObject({ octets });
  });

  test("is refused from elsewhere than this link, to somebody else, and by a source route", () => {
    expect(read(frame(OWN, octets, parseIpv6("2001:db8::1")!))).toBe("refused");
    expect(read(frame(parseIpv6("2001:db8::1")!))).toBe("refused");
    expect(read(frame(parseIpv6("ff02::1")!))).toBe("refused");
    expect(read(extended(frame(OWN), PROTOCOL_ROUTING, [0, 1, 0, 0, 0, 0]))).toBe("refused");
  });

  test("is none of OSPF's with another protocol, or cut off anywhere", () => {
    const other = frame(OWN);
    ipv6.setNextHeader(other, ethernet.SIZE, PROTOCOL_ICMP6);
    expect(read(other)).toBe("other");
    const whole = extended(frame(OWN), PROTOCOL_DESTINATION_OPTIONS, [1, 4, 0, 0, 0, 0]);
    for (let length = 0; length < whole.length; length++) expect(read(whole.slice(0, length))).toBe("other");
  });
});

test("a packet larger than the link comes in fragments, and is read when the last is there (RFC 5340 §A.1)", () => {
  const large = Uint8Array.from({ length: 4000 }, (_, i) => i & 0xff);
  const frames = framesOf({ source: PEER, destination: ALL_SPF_ROUTERS, octets: large }, wire);
  expect(frames.length).toBe(3);
  const reader = new OspfReader(new Reassembly());
  const results = frames.toReversed().map((b) => read(b, reader));
  expect(results.slice(0, -1)).toEqual(["pending", "pending"]);
  expect(results.at(-1)).toEqual({ source: PEER, destination: ALL_SPF_ROUTERS, octets: large, mac: PEER_MAC });
});
