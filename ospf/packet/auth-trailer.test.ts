import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import {
  type AuthAlgorithm,
  appendTrailer,
  compareSequences,
  nextSequence,
  readTrailer,
  type SecurityAssociation,
  trailerOctets,
  verifyTrailer,
} from "#ospf/packet/auth-trailer";
import { type Datagram, writeChecksum } from "#ospf/packet/header";
import { readPacket, writePacket } from "#ospf/packet/packet";
import { ALICE, ALL_SPF, amidst, BOB, hex, PACKETS } from "#ospf/packet/testing/samples";

const KEY = new TextEncoder().encode("correct-horse");
const SA: SecurityAssociation = { id: 7, algorithm: "hmac-sha-256", key: KEY };
const SEQUENCE = { high: 0x01020304, low: 0xfffefdfc };

const ALGORITHMS: readonly (readonly [AuthAlgorithm, string, block: number, digest: number])[] = [
  ["hmac-sha-1", "sha1", 64, 20],
  ["hmac-sha-256", "sha256", 64, 32],
  ["hmac-sha-384", "sha384", 128, 48],
  ["hmac-sha-512", "sha512", 128, 64],
];

/** RFC 7166 §4.5 step by step, with the bare hash function. */
function naiveDigest(covered: Uint8Array, key: Uint8Array, source: Uint8Array, h: readonly [string, number, number]) {
  const [name, block, length] = h;
  const hash = (...parts: readonly Uint8Array[]): Uint8Array =>
    parts.reduce((state, part) => state.update(part), createHash(name)).digest();
  const ks = new Uint8Array([...key, 0, 1]);
  const ko = new Uint8Array(block);
  ko.set(ks.length > length ? hash(ks) : ks);
  const apad = new Uint8Array(length);
  apad.set(source);
  for (let i = 16; i < length; i++) apad[i] = [0x87, 0x8f, 0xe1, 0xf3][i % 4]!;
  const first = hash(
    ko.map((octet) => octet ^ 0x36),
    covered,
    apad,
  );
  return hash(
    ko.map((octet) => octet ^ 0x5c),
    first,
  );
}

const written = (sample: number): Uint8Array => writePacket(PACKETS[sample]!.packet, ALICE, ALL_SPF);
const authenticated = (sample: number, sa = SA): Datagram => ({
  source: ALICE,
  destination: ALL_SPF,
  octets: appendTrailer(written(sample), ALICE, sa, SEQUENCE),
});
const errorOf = (found: unknown): unknown => (found instanceof Malformed ? found.error : found);

describe.each(ALGORITHMS)("%s (RFC 7166 §4.5)", (algorithm, name, block, length) => {
  test("the digest is that of the section's steps, for keys shorter than it, as long and longer", () => {
    for (const octets of [0, 1, length - 3, length - 2, length - 1, length, block, 200]) {
      const sa = { id: 1, algorithm, key: new Uint8Array(octets).fill(0x5a) };
      const { octets: b } = authenticated(0, sa);
      expect(b.length - PACKETS[0]!.octets.length).toBe(trailerOctets(algorithm));
      const covered = b.subarray(0, b.length - length);
      const digest = naiveDigest(covered, sa.key, ALICE, [name, block, length]);
      expect([octets, toHex(b.subarray(b.length - length))]).toEqual([octets, toHex(digest)]);
    }
  });

  test("a trailer verifies under its own key and algorithm alone", () => {
    const sa = { id: 1, algorithm, key: KEY };
    const datagram = authenticated(2, sa);
    expect(verifyTrailer(datagram, [sa])).toMatchObject({ association: 1, sequence: SEQUENCE });
    expect(errorOf(verifyTrailer(datagram, [{ ...sa, key: KEY.with(0, 0) }]))).toBe("digest");
    for (const [other] of ALGORITHMS.filter(([a]) => a !== algorithm)) {
      expect(errorOf(verifyTrailer(datagram, [{ ...sa, algorithm: other }]))).toBe("digest's length");
    }
  });
});

test("the trailer's fields stand where the picture has them, and the packet's checksum is cleared (RFC 7166 §4.1, §4.2)", () => {
  const { octets } = authenticated(0);
  const end = PACKETS[0]!.octets.length;
  expect(toHex(octets.subarray(0, end))).toBe(toHex(PACKETS[0]!.octets));
  expect(toHex(octets.subarray(end, end + 16))).toBe("0001003000000007" + "01020304fffefdfc");
  expect(readTrailer(octets)).toEqual({ association: 7, sequence: SEQUENCE, at: end, length: 48 });
});

describe.each(PACKETS.map(({ name }, sample) => [name, sample] as const))("%s with a trailer", (_, sample) => {
  const datagram = authenticated(sample);

  test("verifies and is read as without it, amidst other octets too", () => {
    const found = { ...datagram, octets: amidst(datagram.octets) };
    expect(verifyTrailer(found, [SA])).toMatchObject({ association: 7 });
    const plain = { ...datagram, octets: written(sample) };
    expect(readPacket(found, "trailer")).toEqual(readPacket(plain, "checksum"));
  });

  test("cut short anywhere it is refused", () => {
    for (let n = 0; n < datagram.octets.length; n++) {
      const found = verifyTrailer({ ...datagram, octets: datagram.octets.subarray(0, n) }, [SA]);
      expect([n, found]).toEqual([n, expect.any(Malformed)]);
    }
  });

  test("any single bit that changes is refused, of the source address too (§2.3)", () => {
    for (let bit = 0; bit < 8 * datagram.octets.length; bit++) {
      const changed = datagram.octets.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect([bit, verifyTrailer({ ...datagram, octets: changed }, [SA])]).toEqual([bit, expect.any(Malformed)]);
    }
    for (let bit = 0; bit < 128; bit++) {
      const source = ALICE.slice();
      source[bit >> 3]! ^= 1 << (bit & 7);
      expect(errorOf(verifyTrailer({ ...datagram, source }, [SA]))).toBe("digest");
    }
  });
});

test("octets after the trailer, which no digest covers, are refused", () => {
  const datagram = authenticated(0);
  const octets = new Uint8Array([...datagram.octets, 0]);
  expect(errorOf(verifyTrailer({ ...datagram, octets }, [SA]))).toBe("authentication trailer's length");
});

test("the receiver finds the association by its id (§4.6)", () => {
  const datagram = authenticated(0);
  const other = { ...SA, id: 8, key: KEY.with(0, 0) };
  expect(verifyTrailer(datagram, [other, SA])).toMatchObject({ association: 7 });
  expect(errorOf(verifyTrailer(datagram, [other]))).toBe("unknown security association");
  expect(errorOf(verifyTrailer(datagram, []))).toBe("unknown security association");
});

test("a packet without trailer, or of another authentication type, is refused (§4.6)", () => {
  const datagram = { source: ALICE, destination: ALL_SPF, octets: written(0) };
  expect(errorOf(verifyTrailer(datagram, [SA]))).toBe("no authentication trailer");
  const { octets } = authenticated(0);
  const end = PACKETS[0]!.octets.length;
  expect(errorOf(readTrailer(octets.with(end + 1, 2)))).toBe("unknown authentication type");
  expect(errorOf(readTrailer(octets.with(end + 3, 15)))).toBe("authentication trailer's length");
});

test("the trailer stands after the signalling block, and its digest covers both (§2.2, §4.6)", () => {
  const octets = new Uint8Array([...PACKETS[0]!.octets, ...hex("0000 0003 00010004 00000001")]);
  octets[22]! |= 0x06; // AT and L
  const datagram = { source: ALICE, destination: ALL_SPF, octets: appendTrailer(octets, ALICE, SA, SEQUENCE) };
  expect(verifyTrailer(datagram, [SA])).toMatchObject({ at: octets.length });
  expect(readPacket(datagram, "trailer")).toMatchObject({ signallingEnd: octets.length });
  const changed = { ...datagram, octets: datagram.octets.with(octets.length - 1, 2) };
  expect(errorOf(verifyTrailer(changed, [SA]))).toBe("digest");
});

test("a checksum that the sender left in is covered as it is (§4.2, §5)", () => {
  const datagram = authenticated(0);
  writeChecksum(datagram);
  expect(errorOf(verifyTrailer(datagram, [SA]))).toBe("digest");
});

test("another router's address makes another digest of the same packet (§2.3)", () => {
  const alices = appendTrailer(written(0), ALICE, SA, SEQUENCE);
  const bobs = appendTrailer(written(0), BOB, SA, SEQUENCE);
  expect(toHex(alices.subarray(0, -32))).toBe(toHex(bobs.subarray(0, -32)));
  expect(toHex(alices.subarray(-32))).not.toBe(toHex(bobs.subarray(-32)));
});

test("sequence numbers count on as one 64-bit number (§4.1.1)", () => {
  expect(nextSequence({ high: 0, low: 0 })).toEqual({ high: 0, low: 1 });
  expect(nextSequence({ high: 5, low: 0xffff_ffff })).toEqual({ high: 6, low: 0 });
  expect(nextSequence({ high: 0xffff_ffff, low: 0xffff_fffe })).toEqual({ high: 0xffff_ffff, low: 0xffff_ffff });
  expect(nextSequence({ high: 0xffff_ffff, low: 0xffff_ffff })).toBeUndefined();
  const order = [
    { high: 0, low: 1 },
    { high: 0, low: 0xffff_ffff },
    { high: 1, low: 0 },
    { high: 0xffff_ffff, low: 0 },
  ];
  for (const [i, a] of order.entries()) {
    for (const [j, b] of order.entries()) expect(Math.sign(compareSequences(a, b))).toBe(Math.sign(i - j));
  }
});
