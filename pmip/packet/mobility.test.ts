import { describe, expect, test } from "bun:test";
import { toHex, u16 } from "#base/bytes";
import { writeChecksum } from "#pmip/packet/header";
import type { MobilityMessage } from "#pmip/packet/message";
import { readMobility, writeMobility } from "#pmip/packet/mobility";
import { address, amidst, hex, LMA, MAG, MESSAGES } from "#pmip/packet/testing/samples";

/** RFC 8200 §8.1 word by word: addresses, length, next header 135, then the message. */
function naiveChecksum(octets: Uint8Array): number {
  const words = [...MAG, ...LMA, 0, 0, octets.length >> 8, octets.length & 0xff, 0, 0, 0, 135];
  words.push(...octets.subarray(0, 4), 0, 0, ...octets.subarray(6));
  let sum = 0;
  for (let i = 0; i < words.length; i += 2) {
    sum += words[i]! * 256 + words[i + 1]!;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

/** As received, its checksum made right. */
function readRight(octets: Uint8Array): ReturnType<typeof readMobility> {
  const right = amidst(octets);
  writeChecksum(right, MAG, LMA);
  return readMobility(right, MAG, LMA);
}

describe.each(MESSAGES)("$name ($section)", ({ message, octets }) => {
  const written = writeMobility(message, MAG, LMA);

  test("is written as the RFC draws it, its checksum over the pseudo-header (RFC 6275 §6.1.1)", () => {
    const withoutChecksum = written.slice();
    withoutChecksum.fill(0, 4, 6);
    expect(toHex(withoutChecksum)).toBe(toHex(octets));
    expect(u16(written, 4)).toBe(naiveChecksum(written));
  });

  test("is read as it was meant", () => {
    expect(readMobility(amidst(written), MAG, LMA)).toEqual(message);
    expect(readRight(octets)).toEqual(message);
  });

  test("is a copy that outlives its buffer", () => {
    const buffer = amidst(written);
    const read = readMobility(buffer, MAG, LMA);
    buffer.fill(0x5a);
    expect(read).toEqual(message);
  });

  test("is refused cut short anywhere, or with octets after its end", () => {
    for (let length = 0; length < written.length; length++) {
      expect(readMobility(amidst(written.subarray(0, length)), MAG, LMA)).toBe("truncated");
    }
    const longer = new Uint8Array(written.length + 8);
    longer.set(written);
    for (let length = written.length + 1; length <= longer.length; length++) {
      expect(readMobility(amidst(longer.subarray(0, length)), MAG, LMA)).toBe("trailing-octets");
    }
  });

  test("is refused when its length says less than its options need, wherever it is cut", () => {
    for (let length = 8; length < written.length; length += 8) {
      const cut = written.slice(0, length);
      cut[1] = (length >> 3) - 1;
      const read = readRight(cut);
      if (typeof read === "string") expect(["too-short", "option-overrun"]).toContain(read);
      else expect(readMobility(writeMobility(read, MAG, LMA), MAG, LMA)).toEqual(read);
    }
  });

  test("is refused with any bit wrong; its checksum repaired, what is read can be written and read again", () => {
    for (let bit = 0; bit < 8 * written.length; bit++) {
      const wrong = written.slice();
      wrong[bit >> 3]! ^= 0x80 >> (bit & 7);
      expect(["checksum", "truncated", "trailing-octets"]).toContain(readMobility(wrong, MAG, LMA) as string);
      const read = readRight(wrong);
      if (typeof read !== "string") expect(readMobility(writeMobility(read, MAG, LMA), MAG, LMA)).toEqual(read);
    }
  });

  test("is refused between other addresses (RFC 6275 §6.1.1)", () => {
    expect(readMobility(written, address("2001:db8:0:3::1"), LMA)).toBe("checksum");
    expect(readMobility(written, MAG, address("2001:db8:0:3::1"))).toBe("checksum");
  });
});

describe("the header's checks (RFC 6275 §9.2)", () => {
  const heartbeat = "0000 0000 00000001 01020000";

  test("the checksum comes first: a wrong message of an unknown type is no cause for a Binding Error", () => {
    const octets = hex(`2b01ff00 ${heartbeat}`);
    expect(readMobility(octets, MAG, LMA)).toBe("checksum");
  });
  test.each([0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 14, 15, 19, 255])("MH Type %i is not known here", (type) => {
    const octets = hex(`3b010d00 ${heartbeat}`);
    octets[2] = type;
    expect(readRight(octets)).toBe("unknown-type");
  });
  test("an unknown type is told before a payload that is not none: the Binding Error is a must, the ICMP error is not", () => {
    expect(readRight(hex(`2b01ff00 ${heartbeat}`))).toBe("unknown-type");
  });
  test("nothing may follow the message", () => {
    expect(readRight(hex(`2b010d00 ${heartbeat}`))).toBe("payload-proto");
  });
  test("Header Len is at least what the type's fixed part needs", () => {
    for (const type of ["05", "06", "07", "0d", "10", "11", "12"]) {
      expect(readRight(hex(`3b00${type}00 00000000`))).toBe("too-short");
    }
    expect(readRight(hex("3b010700 0000 0200 00000000 00000000"))).toBe("too-short");
  });
  test("what is reserved in the header is ignored (§6.1.1)", () => {
    expect(readRight(hex(`3b010dff ${heartbeat}`))).toMatchObject({ type: "heartbeat", sequence: 1 });
  });
});

describe("fields that have no meaning are ignored", () => {
  const read = (octets: string): MobilityMessage => readRight(hex(octets)) as MobilityMessage;

  test("reserved bits beside flags (RFC 6275 §6.1.7, §6.1.8, RFC 5846 §5.1, RFC 6705 §10)", () => {
    expect(read("3b010500 0000 0001 827f 0001 01020000")).toMatchObject({ flags: 0x8200 });
    expect(read("3b010600 0000 002f 0001 0001 01020000")).toMatchObject({ flags: 0x20 });
    expect(read("3b011000 0000 0100 0001 9fff 01020000")).toMatchObject({ flags: 0x8000 });
    expect(read("3b011000 0000 0200 0001 9fff 01020000")).toMatchObject({ flags: 0x8000 });
    expect(read("3b011100 0000 0001 ffff 0001 01020000")).toMatchObject({ sequence: 1, lifetime: 1 });
    expect(read("3b011200 0000 0001 7f00 0001 01020000")).toMatchObject({ unsolicited: false });
    expect(read("3b020700 0000 02ff 00000000 00000000 00000000 00000000")).toMatchObject({ status: 2 });
  });
  test("and they are sent as zero whatever the caller's flags have beside the named ones", () => {
    const written = writeMobility(
      { type: "binding-update", sequence: 0, flags: 0xffff, lifetime: 0, options: {} },
      MAG,
      LMA,
    );
    expect(u16(written, 8)).toBe(0xff80);
  });
  test("U in a heartbeat request (RFC 5847 §3.3)", () => {
    expect(read("3b010d00 0000 fffe 00000001 01020000")).toMatchObject({ kind: "request" });
    expect(read("3b010d00 0000 fffd 00000001 01020000")).toMatchObject({ kind: "response" });
  });
});

test("a Binding Revocation Message is an indication or an acknowledgement (RFC 5846 §5)", () => {
  for (const type of [0, 3, 255]) {
    const octets = hex("3b011000 0000 0000 0001 8000 01020000");
    octets[6] = type;
    expect(readRight(octets)).toBe("unknown-revocation-type");
  }
});

describe("writing refuses what is out of range", () => {
  const update = { type: "binding-update", sequence: 0, flags: 0, lifetime: 0, options: {} } as const;
  const wrong: readonly (readonly [string, MobilityMessage])[] = [
    ["sequence of 17 bits", { ...update, sequence: 0x10000 }],
    ["negative lifetime", { ...update, lifetime: -1 }],
    ["lifetime that is no integer", { ...update, lifetime: 1.5 }],
    ["IPv4 address where an IPv6 one belongs", { ...update, options: { magAddress: address("192.0.2.1") } }],
    ["home address of four octets", { type: "binding-error", status: 1, homeAddress: new Uint8Array(4), options: {} }],
    ["empty identifier", { ...update, options: { mobileNode: "" } }],
    ["identifier that is no Unicode", { ...update, options: { mobileNode: "\ud800" } }],
    ["identifier of 255 octets", { ...update, options: { mobileNode: "x".repeat(255) } }],
    ["empty link-layer identifier", { ...update, options: { linkLayer: new Uint8Array(0) } }],
    ["timestamp of 49 bits", { ...update, options: { timestamp: { seconds: 2 ** 48, fraction: 0 } } }],
    ["known option among the others", { ...update, options: { others: [{ type: 22, data: new Uint8Array(18) }] } }],
    ["padding among the others", { ...update, options: { others: [{ type: 1, data: new Uint8Array(2) }] } }],
    ["unknown option of 256 octets", { ...update, options: { others: [{ type: 200, data: new Uint8Array(256) }] } }],
    [
      "message of more than 2048 octets",
      { ...update, options: { others: Array.from({ length: 8 }, () => ({ type: 200, data: new Uint8Array(253) })) } },
    ],
  ];
  test.each(wrong)("%s", (_, message) => {
    expect(() => writeMobility(message, MAG, LMA)).toThrow(RangeError);
  });
  test("but not the longest message, of 2048 octets", () => {
    const others = Array.from({ length: 8 }, (_, i) => ({
      type: 200,
      data: new Uint8Array(i === 7 ? 235 : 255).fill(i),
    }));
    const message = { ...update, options: { others } };
    const written = writeMobility(message, MAG, LMA);
    expect(written.length).toBe(2048);
    expect(readMobility(written, MAG, LMA)).toEqual(message);
  });
});
