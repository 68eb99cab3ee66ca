import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { toHex, u16 } from "#base/bytes";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import {
  announcesTrailer,
  checksumHolds,
  type Datagram,
  layout,
  optionsOf,
  SIZE,
  setChecksum,
  writeChecksum,
} from "#ospf/packet/header";
import type { Lsa } from "#ospf/packet/lsa";
import { lsaHeaderAt } from "#ospf/packet/lsa-header";
import { type OspfPacket, type ReceivedPacket, readPacket, writePacket } from "#ospf/packet/packet";
import {
  ALICE,
  ALL_SPF,
  amidst,
  BOB,
  datagramOf,
  FIELDS,
  hex,
  LSAS,
  lsaOf,
  PACKETS,
} from "#ospf/packet/testing/samples";

/** RFC 8200 §8.1 word by word: addresses, length, next header 89, then the packet. */
function naiveChecksum({ source, destination, octets }: Datagram): number {
  const length = u16(octets, 2);
  const words = [...source, ...destination, 0, 0, length >> 8, length & 0xff, 0, 0, 0, 89];
  words.push(...octets.subarray(0, 12), 0, 0, ...octets.subarray(14, length));
  if (words.length % 2 === 1) words.push(0);
  let sum = 0;
  for (let i = 0; i < words.length; i += 2) {
    sum += words[i]! * 256 + words[i + 1]!;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

/** As received with these octets, their checksum made right again. */
function readRight(octets: Uint8Array): ReceivedPacket | Malformed {
  const datagram = { source: ALICE, destination: ALL_SPF, octets };
  writeChecksum(datagram);
  return readPacket(datagram, "checksum");
}
const withLength = (octets: Uint8Array, length = octets.length): Uint8Array => {
  octets[2] = length >> 8;
  octets[3] = length;
  return octets;
};
const errorOf = (found: ReceivedPacket | Malformed): string => (found instanceof Malformed ? found.error : "read");

describe.each(PACKETS)("$name ($section)", ({ packet, octets }) => {
  const datagram = datagramOf(packet);

  test("is these octets, both ways", () => {
    const bare = datagram.octets.slice();
    setChecksum(bare, 0);
    expect(toHex(bare)).toBe(toHex(octets));
    const found = readPacket({ ...datagram, octets: amidst(datagram.octets) }, "checksum") as ReceivedPacket;
    expect(found).toEqual({ packet: asRead(packet), packetEnd: octets.length, signallingEnd: octets.length });
  });

  test("carries the checksum that a sum word by word calls for (RFC 8200 §8.1, RFC 5340 §A.3.1)", () => {
    expect(u16(datagram.octets, 12)).toBe(naiveChecksum(datagram));
  });

  test("cut short anywhere it is refused", () => {
    for (let n = 0; n < octets.length; n++) {
      const found = readPacket({ ...datagram, octets: amidst(datagram.octets.subarray(0, n)) }, "checksum");
      expect([n, errorOf(found)]).toEqual([n, "truncated"]);
      expect(readPacket({ ...datagram, octets: datagram.octets.subarray(0, n) }, "trailer")).toBeInstanceOf(Malformed);
    }
  });

  test("cut short with a length that says so it is refused, or says less in whole entries", () => {
    for (let n = 0; n < octets.length; n++) {
      const cut = withLength(datagram.octets.slice(0, n));
      const found = readRight(n < SIZE ? amidst(cut) : cut);
      if (found instanceof Malformed) continue;
      expect(toHex(writePacket(found.packet, ALICE, ALL_SPF))).toBe(toHex(cut));
      expect(found.packet.type).not.toBe(4);
    }
  });

  test("any single bit that changes is refused, of its addresses too", () => {
    for (let bit = 0; bit < 8 * octets.length; bit++) {
      const changed = datagram.octets.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect([bit, readPacket({ ...datagram, octets: changed }, "checksum")]).toEqual([bit, expect.any(Malformed)]);
    }
    for (let bit = 0; bit < 128; bit++) {
      const changed = ALICE.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(errorOf(readPacket({ ...datagram, source: changed }, "checksum"))).toBe("checksum");
      expect(errorOf(readPacket({ ...datagram, destination: changed }, "checksum"))).toBe("checksum");
    }
  });

  test("any other version or type is refused (RFC 5340 §4.2.2)", () => {
    for (const version of [0, 2, 4, 255]) expect(errorOf(readRight(octets.with(0, version)))).toBe("version is not 3");
    for (const type of [0, 6, 7, 255]) expect(errorOf(readRight(octets.with(1, type)))).toBe("unknown packet type");
  });

  test("what follows the packet is not looked at", () => {
    const longer = new Uint8Array([...datagram.octets, 1, 2, 3]);
    expect(readPacket({ ...datagram, octets: longer }, "checksum")).toMatchObject({ packetEnd: octets.length });
  });

  test("a checksum is not looked at where a trailer vouches for the packet (RFC 7166 §4.2)", () => {
    for (const checksum of [0, 0xa5a5]) {
      const other = datagram.octets.slice();
      setChecksum(other, checksum);
      expect(readPacket({ ...datagram, octets: other }, "trailer")).toMatchObject({ packet: asRead(packet) });
      expect(errorOf(readPacket({ ...datagram, octets: other }, "checksum"))).toBe("checksum");
    }
  });

  test("is a value of its own: the octets may be used again", () => {
    const buffer = datagram.octets.slice();
    const found = readPacket({ ...datagram, octets: buffer }, "checksum") as ReceivedPacket;
    buffer.fill(0xa5);
    expect(found.packet).toEqual(asRead(packet));
  });
});

/** An LSA written at another age than its octets' is read with that age in both. */
function asRead(packet: OspfPacket): OspfPacket {
  if (packet.type !== 4) return packet;
  const lsas = packet.lsas.map(
    ({ header, octets }): Lsa => ({ header, octets: octets.with(0, 0).with(1, header.age) }),
  );
  return { ...packet, lsas };
}

describe("fields that mean nothing are ignored", () => {
  const places: readonly (readonly [string, number, readonly number[]])[] = [
    ["the last octet of the header (§A.3.1)", 0, [15]],
    ["before the options and before the flags of a Database Description (§A.3.3)", 2, [16, 22]],
    ["before each type of a Link State Request (§A.3.4)", 4, [16, 17, 28, 29]],
  ];

  test.each(places)("%s", (_, sample, offsets) => {
    const octets = PACKETS[sample]!.octets.slice();
    for (const at of offsets) octets[at] = 0xa5;
    expect(readRight(octets)).toMatchObject({ packet: PACKETS[sample]!.packet });
  });
});

describe("lengths and counts that lie", () => {
  const update = PACKETS.find(({ packet }) => packet.type === 4)!.octets;

  test("a packet below its type's smallest is refused (RFC 5340 §A.3)", () => {
    for (const { octets } of PACKETS) {
      const smallest = [0, 36, 28, 16, 20, 16][octets[1]!]!;
      const found = readPacket(
        { source: ALICE, destination: ALL_SPF, octets: withLength(octets.slice(), smallest - 1) },
        "trailer",
      );
      expect(errorOf(found)).toBe("packet length below its type's smallest");
    }
  });

  test("a packet longer than its payload is refused", () => {
    for (const { octets } of PACKETS) {
      for (const length of [octets.length + 1, 0xffff]) {
        const longer = withLength(octets.slice(), length);
        const found = readPacket({ source: ALICE, destination: ALL_SPF, octets: longer }, "trailer");
        expect(errorOf(found)).toBe("truncated");
      }
    }
  });

  test("an update with fewer LSAs than it says is refused, and costs no more than its octets (§A.3.5)", () => {
    for (const count of ["00000003", "00010000", "ffffffff"]) {
      const octets = update.slice();
      octets.set(hex(count), 16);
      expect(errorOf(readRight(octets))).toBe("truncated");
    }
    expect(errorOf(readRight(hex("03040014 00000001 00000000 00000000 ffffffff")))).toBe("truncated");
  });

  test("an update with more is refused", () => {
    for (const count of ["00000000", "00000001"]) {
      const octets = update.slice();
      octets.set(hex(count), 16);
      expect(errorOf(readRight(octets))).toBe("octets after the end");
    }
  });

  test("an update of no LSAs is none, but sound", () => {
    expect(readRight(hex("03040014 00000001 00000000 00000000 00000000"))).toMatchObject({ packet: { lsas: [] } });
  });

  test("an LSA shorter than its header, or longer than the update, is refused", () => {
    const lengthAt = 20 + 18;
    for (const length of [0, 1, 19]) {
      expect(errorOf(readRight(update.with(lengthAt, 0).with(lengthAt + 1, length)))).toBe("LSA length below 20");
    }
    for (const length of [53, 0xff]) {
      expect(errorOf(readRight(update.with(lengthAt, 0).with(lengthAt + 1, length)))).toBe("truncated");
    }
    expect(errorOf(readRight(update.with(lengthAt, 0xff)))).toBe("truncated");
  });
});

describe("the link-local signalling block (RFC 5613 §2.2)", () => {
  /** A Hello (options at 20) or Database Description (at 16) with the L-bit, and a block of one TLV. */
  const block = hex("0000 0003 00010004 00000001");
  const signalling = (sample: number, after = block): Datagram => {
    const octets = new Uint8Array([...PACKETS[sample]!.octets, ...after]);
    octets[sample === 0 ? 22 : 18]! |= 0x02;
    const datagram = { source: ALICE, destination: ALL_SPF, octets };
    writeChecksum(datagram);
    return datagram;
  };

  test.each([0, 2])("follows a packet whose L-bit is set, and is passed over (sample %d)", (sample) => {
    const { octets } = PACKETS[sample]!;
    const found = readPacket(signalling(sample), "checksum");
    expect(found).toMatchObject({ packetEnd: octets.length, signallingEnd: octets.length + 12 });
    const options = { options: 0x000213 };
    expect((found as ReceivedPacket).packet).toEqual({ ...PACKETS[sample]!.packet, ...options } as OspfPacket);
  });

  test("is not covered by the packet's checksum, whose length is the packet's own (RFC 5340 §A.3.1)", () => {
    const datagram = signalling(0);
    datagram.octets[datagram.octets.length - 1]! ^= 0xff;
    expect(readPacket(datagram, "checksum")).not.toBeInstanceOf(Malformed);
  });

  test("that is missing, cut short or shorter than its own header is refused", () => {
    const refused = (after: string) => errorOf(readPacket(signalling(0, hex(after)), "checksum"));
    expect(refused("")).toBe("truncated signalling block");
    expect(refused("000000")).toBe("truncated signalling block");
    expect(refused("0000 0000")).toBe("signalling block's length");
    expect(refused("0000 0003 00010004")).toBe("signalling block's length");
    expect(refused("0000 ffff 00010004")).toBe("signalling block's length");
  });

  test("is not looked for behind other packets, whatever stands where a Hello has its options", () => {
    for (const sample of [4, 5, 6]) {
      const octets = PACKETS[sample]!.octets.slice();
      octets.fill(0xff, 16, 24);
      expect([optionsOf(octets), announcesTrailer(octets)]).toEqual([0, false]);
      expect(layout(octets)).toEqual({ packetEnd: octets.length, signallingEnd: octets.length });
    }
  });
});

test("a Hello or Database Description announces a trailer by its AT-bit (RFC 7166 §2.1)", () => {
  for (const [sample, at] of [
    [0, 22],
    [2, 18],
  ] as const) {
    const octets = PACKETS[sample]!.octets.slice();
    expect([optionsOf(octets), announcesTrailer(octets)]).toEqual([0x000013, false]);
    octets[at]! |= 0x04;
    expect([optionsOf(octets), announcesTrailer(octets)]).toEqual([0x000413, true]);
  }
});

test("a checksum of zero or 0xffff is as good as it sums up (RFC 1071)", () => {
  // A router id that makes all words add up to 0xffff: the field comes out as zero.
  const datagram = datagramOf({ ...PACKETS[1]!.packet, routerId: 0 } as OspfPacket);
  const missing = u16(datagram.octets, 12);
  const even = datagramOf({ ...PACKETS[1]!.packet, routerId: missing } as OspfPacket);
  expect(u16(even.octets, 12)).toBe(0);
  expect(checksumHolds(even)).toBe(true);
});

test("an update of an odd length sums its last octet as if a zero followed (RFC 5340 §A.3.1)", () => {
  const odd = LSAS.find(({ body }) => body.kind === "unknown")!;
  const datagram = datagramOf({ type: 4, routerId: 1, areaId: 0, instanceId: 0, lsas: [lsaOf(odd)] });
  expect(datagram.octets.length % 2).toBe(1);
  expect(u16(datagram.octets, 12)).toBe(naiveChecksum(datagram));
  expect(readPacket({ ...datagram, octets: amidst(datagram.octets) }, "checksum")).not.toBeInstanceOf(Malformed);
});

test("any packet within its ranges comes back as it was written", () => {
  const u8 = fc.nat(0xff);
  const word = fc.nat(0xffff);
  const u32 = fc.nat(0xffff_ffff);
  const sender = { routerId: u32, areaId: u32, instanceId: u8 };
  // Without the L-bit, which would call for a signalling block.
  const options = fc.nat(0xff_ffff).map((bits) => bits & ~0x000200);
  const identity = { type: word, linkStateId: u32, advertisingRouter: u32 };
  const headers = fc.array(
    fc.record({
      ...identity,
      age: word,
      sequence: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      checksum: word,
      length: word,
    }),
  );
  const lsas = fc.array(fc.constantFrom(...LSAS).map(lsaOf));
  const packets: fc.Arbitrary<OspfPacket> = fc.oneof(
    fc.record({
      type: fc.constant(1 as const),
      ...sender,
      interfaceId: u32,
      priority: u8,
      options,
      helloInterval: word,
      routerDeadInterval: word,
      designatedRouter: u32,
      backupDesignatedRouter: u32,
      neighbors: fc.array(u32),
    }),
    fc.record({
      type: fc.constant(2 as const),
      ...sender,
      options,
      interfaceMtu: word,
      flags: u8,
      sequence: u32,
      headers,
    }),
    fc.record({ type: fc.constant(3 as const), ...sender, requests: fc.array(fc.record(identity)) }),
    fc.record({ type: fc.constant(4 as const), ...sender, lsas }),
    fc.record({ type: fc.constant(5 as const), ...sender, headers }),
  );
  const octets16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(packets, octets16, octets16, (packet, source, destination) => {
      const datagram = { source, destination, octets: writePacket(packet, source, destination) };
      expect(readPacket(datagram, "checksum")).toMatchObject({ packet });
      expect(u16(datagram.octets, 12)).toBe(naiveChecksum(datagram));
    }),
  );
});

test("random octets, and packets with random octets in them, are read or refused, never thrown at", () => {
  const seed = 0x03_5b_09;
  const random = seeded(seed);
  let read = 0;
  for (let i = 0; i < 20_000; i++) {
    const octets =
      i % 2 === 0
        ? nextOctets(random, nextBelow(random, 120))
        : PACKETS[nextBelow(random, PACKETS.length)]!.octets.slice();
    if (i % 2 === 1) {
      for (let n = nextBelow(random, 4); n >= 0; n--) octets[nextBelow(random, octets.length)] = nextBelow(random, 256);
    } else if (octets.length >= SIZE) {
      octets[0] = 3;
      octets[1] = 1 + (i % 5);
      withLength(octets);
    }
    const where = `seed ${seed}, round ${i}: ${toHex(octets)}`;
    const found = readPacket({ source: ALICE, destination: BOB, octets }, "trailer");
    if (found instanceof Malformed) continue;
    read++;
    const again = writePacket(found.packet, ALICE, BOB);
    const reread = readPacket({ source: ALICE, destination: BOB, octets: signalled(again, found) }, "checksum");
    expect([where, (reread as ReceivedPacket).packet]).toEqual([where, found.packet]);
  }
  expect(read).toBeGreaterThan(2000);
});

/** The packet with an empty signalling block where its L-bit calls for one. */
const signalled = (octets: Uint8Array, { packetEnd, signallingEnd }: ReceivedPacket): Uint8Array =>
  packetEnd === signallingEnd ? octets : new Uint8Array([...octets, 0, 0, 0, 1]);

describe("what cannot be written is our own bug", () => {
  test("values out of range", () => {
    const hello = PACKETS[0]!.packet;
    for (const wrong of [{ routerId: -1 }, { areaId: 2 ** 32 }, { instanceId: 256 }, { helloInterval: 65536 }]) {
      expect(() => writePacket({ ...hello, ...wrong } as OspfPacket, ALICE, BOB)).toThrow(RangeError);
    }
  });

  test("packets of more than 65 535 octets", () => {
    const { routerId, areaId, instanceId } = PACKETS[0]!.packet;
    const lsa = lsaOf(LSAS[1]!);
    const many = (count: number): OspfPacket => ({
      type: 4,
      routerId,
      areaId,
      instanceId,
      lsas: new Array<Lsa>(count).fill(lsa),
    });
    expect(writePacket(many(2729), ALICE, BOB).length).toBe(20 + 2729 * 24);
    expect(() => writePacket(many(2730), ALICE, BOB)).toThrow(RangeError);
  });
});

test("an LSA goes out at its header's age, whatever its octets say (RFC 2328 §13.3)", () => {
  const lsa = lsaOf(LSAS[0]!);
  const older = { header: { ...lsa.header, age: 0x0e10 }, octets: lsa.octets };
  const { octets } = datagramOf({ type: 4, routerId: 1, areaId: 0, instanceId: 0, lsas: [older] });
  expect(lsaHeaderAt(octets, 20)).toEqual({ ...lsa.header, age: 3600 });
  expect(lsaHeaderAt(lsa.octets, 0).age).toBe(FIELDS.age);
});
