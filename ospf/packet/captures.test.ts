/** What other routers put on the wire: FRR and BIRD (testdata/README.md). */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import { verifyTrailer } from "#ospf/packet/auth-trailer";
import { announcesTrailer, type Datagram, setChecksum } from "#ospf/packet/header";
import { type Lsa, type LsaBody, lsaChecksumHolds } from "#ospf/packet/lsa";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { type Integrity, type OspfPacket, type ReceivedPacket, readPacket, writePacket } from "#ospf/packet/packet";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { readPcap } from "#wire/pcap";
import { PROTOCOL_OSPF } from "#wire/protocol";

const SA = { id: 7, algorithm: "hmac-sha-256", key: new TextEncoder().encode("correct-horse") } as const;

function datagrams(name: string): Datagram[] {
  const file = readFileSync(join(import.meta.dir, "testdata", name));
  return readPcap(new Uint8Array(file)).frames.map(({ octets: b }) => {
    const at = ethernet.SIZE;
    expect([ipv6.fits(b, at, b.length), ipv6.nextHeader(b, at)]).toEqual([true, PROTOCOL_OSPF]);
    const payload = b.subarray(at + ipv6.SIZE, at + ipv6.SIZE + ipv6.payloadLength(b, at));
    return { source: ipv6.source(b, at), destination: ipv6.destination(b, at), octets: payload };
  });
}

const captures: readonly (readonly [string, Integrity])[] = [
  ["frr-bird.pcap", "checksum"],
  ["bird-authenticated.pcap", "trailer"],
];

describe.each(captures)("%s", (name, integrity) => {
  const sent = datagrams(name);
  const received = sent.map((datagram) => readPacket(datagram, integrity));
  const packets = received.map((found) => (found as ReceivedPacket).packet);
  const lsas = packets.flatMap((packet) => (packet.type === 4 ? packet.lsas : []));
  const bodies = lsas.map((lsa) => readLsaBody(lsa));

  test("every packet is read, its checksum or digest holds, and all five types are there", () => {
    expect(received.filter((found) => found instanceof Malformed)).toEqual([]);
    expect(new Set(packets.map(({ type }) => type))).toEqual(new Set([1, 2, 3, 4, 5] as const));
  });

  test("every packet written again is the same octets", () => {
    for (const [i, { source, destination, octets }] of sent.entries()) {
      const { packet, packetEnd, signallingEnd } = received[i] as ReceivedPacket;
      const again = writePacket(packet, source, destination);
      if (integrity === "trailer") setChecksum(again, 0);
      expect([i, toHex(again)]).toEqual([i, toHex(octets.subarray(0, packetEnd))]);
      expect(signallingEnd).toBe(packetEnd);
    }
  });

  test("every LSA is read and its checksum holds", () => {
    expect(bodies.filter((body) => body instanceof Malformed)).toEqual([]);
    expect(lsas.filter((lsa) => !lsaChecksumHolds(lsa))).toEqual([]);
    const here = ["router", "network", "interAreaPrefix", "interAreaRouter", "asExternal", "link", "intraAreaPrefix"];
    const kinds = new Set(bodies.map((body) => (body as LsaBody).kind));
    expect([...kinds]).toEqual(expect.arrayContaining(here));
    expect(kinds.has("unknown")).toBe(false);
  });

  test("every LSA written again has the same header, checksum and octets", () => {
    for (const [i, lsa] of lsas.entries()) {
      const again: Lsa = writeLsa(lsa.header, bodies[i] as LsaBody);
      expect([i, again.header, toHex(again.octets)]).toEqual([i, lsa.header, toHex(lsa.octets)]);
    }
  });
});

test("frr-bird.pcap has NSSA-LSAs and Grace-LSAs of both (RFC 3101, RFC 5187)", () => {
  const found = datagrams("frr-bird.pcap").flatMap((datagram) => {
    const { packet } = readPacket(datagram, "checksum") as ReceivedPacket;
    return packet.type === 4 ? packet.lsas : [];
  });
  const kindsOf = (router: number) =>
    new Set(found.filter((l) => l.header.advertisingRouter === router).map((l) => (readLsaBody(l) as LsaBody).kind));
  expect([...kindsOf(0x01010101)]).toEqual(expect.arrayContaining(["nssa", "grace"]));
  expect([...kindsOf(0x02020202)]).toEqual(expect.arrayContaining(["grace"]));
  const grace = found.filter((l) => l.header.type === 0x000b).map((l) => readLsaBody(l));
  expect(grace[0]).toEqual({ kind: "grace", gracePeriod: 60, reason: 1 });
});

describe("bird-authenticated.pcap (RFC 7166)", () => {
  const sent = datagrams("bird-authenticated.pcap");

  test("every trailer verifies, and announces itself in Hellos and Database Descriptions", () => {
    for (const datagram of sent) {
      expect(verifyTrailer(datagram, [SA])).toMatchObject({ association: 7 });
      const { type } = (readPacket(datagram, "trailer") as ReceivedPacket).packet;
      expect(announcesTrailer(datagram.octets)).toBe(type === 1 || type === 2);
    }
  });

  test("sequence numbers only grow, by router and packet type (§4.1)", () => {
    const last = new Map<string, number>();
    for (const datagram of sent) {
      const trailer = verifyTrailer(datagram, [SA]);
      if (trailer instanceof Malformed) throw new Error(trailer.error);
      const { packet }: { packet: OspfPacket } = readPacket(datagram, "trailer") as ReceivedPacket;
      const name = `${packet.routerId} ${packet.type}`;
      expect(trailer.sequence.high).toBe(0);
      expect(trailer.sequence.low).toBeGreaterThan(last.get(name) ?? -1);
      last.set(name, trailer.sequence.low);
    }
  });

  test("a wrong key verifies none of them", () => {
    const wrong = { ...SA, key: SA.key.with(0, 0x43) };
    for (const datagram of sent) expect(verifyTrailer(datagram, [wrong])).toBeInstanceOf(Malformed);
  });
});

test("FRR 8's digests hold with the protocol id as it has it, and not as RFC 7166 §4.4 has it", () => {
  const sa = { id: 5, algorithm: "hmac-sha-256", key: new TextEncoder().encode("secret-of-five") } as const;
  for (const datagram of datagrams("frr-authenticated.pcap")) {
    expect(verifyTrailer(datagram, [sa])).toBeInstanceOf(Malformed);
    expect(verifyTrailer(datagram, [{ ...sa, swapsProtocolId: true }])).toMatchObject({ association: 5 });
  }
});
