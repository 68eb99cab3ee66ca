import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { toHex } from "#base/bytes";
import { type Authenticator, sign, verify } from "#pmip/packet/authentication";
import { writeChecksum } from "#pmip/packet/header";
import { authenticators } from "#pmip/packet/mac";
import { readMobility, writeMobility } from "#pmip/packet/mobility";
import { address, amidst, hex, LMA, MAG, MESSAGES } from "#pmip/packet/testing/samples";

const KEY = new TextEncoder().encode("correct-horse-16");
const SPI = 0x0001_0203;
const OTHER_SPI = 0x0001_0204;
const keys = authenticators([
  { spi: SPI, algorithm: "hmac-sha-256-128", key: KEY },
  { spi: OTHER_SPI, algorithm: "hmac-sha-1-96", key: KEY },
]);
const COVERED = { careOf: MAG, home: LMA };
const PATH = { ...COVERED, source: MAG, destination: LMA };
const heartbeat = writeMobility({ type: "heartbeat", kind: "request", sequence: 7, options: {} }, MAG, LMA);
/** Without a proof of their own. */
const plain = MESSAGES.filter(({ message }) => message.options.authentication === undefined);

describe("a message signed by hand (RFC 4285 §5.1)", () => {
  /** Care-of address, home address and the message from its first octet to the SPI, checksum 0. */
  const covered = (octets: string): Uint8Array =>
    hex(`20010db8 00000001 00000000 00000001 20010db8 00000002 00000000 00000001 ${octets}`);

  test("has the first 96 bits of HMAC-SHA-1, where nothing need follow them", () => {
    const start = "3b030d00 0000 0000 00000007 00 0911 01 00010204";
    const mac = createHmac("sha1", KEY).update(covered(start)).digest().subarray(0, 12);
    const expected = hex(start + toHex(mac));
    writeChecksum(expected, MAG, LMA);
    expect(toHex(sign(heartbeat, PATH, OTHER_SPI, keys))).toBe(toHex(expected));
  });
  test("has those of another algorithm that its SPI names", () => {
    const start = "3b040d00 0000 0000 00000007 010300 0000 0915 01 00010203";
    const mac = createHmac("sha256", KEY).update(covered(start)).digest().subarray(0, 16);
    const expected = hex(start + toHex(mac));
    writeChecksum(expected, MAG, LMA);
    expect(toHex(sign(heartbeat, PATH, SPI, keys))).toBe(toHex(expected));
  });
  test("has padding after an authenticator that is not of whole words, and is read and verified all the same", () => {
    const odd: Authenticator = (_, octets) => keys(SPI, octets)!.subarray(0, 5);
    const signed = sign(heartbeat, PATH, 300, odd);
    expect(toHex(signed.subarray(12, 20))).toBe("00090a010000012c");
    expect(signed.length).toBe(32);
    expect(readMobility(signed, MAG, LMA)).toMatchObject({ options: { authentication: { spi: 300 } } });
    expect(verify(signed, COVERED, odd)).toMatchObject({ spi: 300 });
  });
});

describe.each(plain)("$name, signed", ({ message }) => {
  const unsigned = writeMobility(message, MAG, LMA);
  const signed = sign(unsigned, PATH, SPI, keys);

  test("is verified, and read as what it was with its proof", () => {
    const authentication = verify(amidst(signed), COVERED, keys);
    expect(authentication).toMatchObject({ spi: SPI });
    const read = readMobility(amidst(signed), MAG, LMA);
    expect(read).toEqual({ ...message, options: { ...message.options, authentication } } as typeof message);
    expect(signed.length % 8).toBe(0);
    expect(unsigned).toEqual(writeMobility(message, MAG, LMA));
  });
  test("is so under the other algorithm too", () => {
    expect(verify(sign(unsigned, PATH, OTHER_SPI, keys), COVERED, keys)).toMatchObject({ spi: OTHER_SPI });
  });
  test("is not verified with any bit wrong, its checksum apart, however right that is made", () => {
    for (let bit = 0; bit < 8 * signed.length; bit++) {
      const wrong = signed.slice();
      wrong[bit >> 3]! ^= 0x80 >> (bit & 7);
      writeChecksum(wrong, MAG, LMA);
      const verdict = verify(wrong, COVERED, keys);
      if (bit >= 32 && bit < 48) expect(verdict).toMatchObject({ spi: SPI });
      else expect(typeof verdict).toBe("string");
    }
  });
  test("is not verified cut short anywhere, nor with octets after its end", () => {
    for (let length = 0; length < signed.length; length++) {
      expect(verify(amidst(signed.subarray(0, length)), COVERED, keys)).toBe("truncated");
    }
    expect(verify(Uint8Array.of(...signed, 0), COVERED, keys)).toBe("trailing-octets");
  });
  test("is nobody else's, nor to anybody else", () => {
    const other = address("2001:db8:0:3::1");
    expect(verify(signed, { careOf: other, home: LMA }, keys)).toBe("wrong-authenticator");
    expect(verify(signed, { careOf: MAG, home: other }, keys)).toBe("wrong-authenticator");
    expect(verify(signed, { careOf: LMA, home: MAG }, keys)).toBe("wrong-authenticator");
  });
  test("is not verified with another key, or with none", () => {
    const wrongKey = authenticators([{ spi: SPI, algorithm: "hmac-sha-256-128", key: new Uint8Array(16) }]);
    expect(verify(signed, COVERED, wrongKey)).toBe("wrong-authenticator");
    const otherLength = authenticators([{ spi: SPI, algorithm: "hmac-sha-1-96", key: KEY }]);
    expect(verify(signed, COVERED, otherLength)).toBe("wrong-authenticator");
    expect(verify(signed, COVERED, authenticators([]))).toBe("unknown-spi");
  });
  test("unsigned it is told from one that is wrong", () => {
    expect(verify(unsigned, COVERED, keys)).toBe("no-authentication");
  });
});

describe("what no proof covers does not ride along (RFC 4285 §5.1)", () => {
  const signed = sign(heartbeat, PATH, SPI, keys);

  test("an option put after the proof", () => {
    const longer = Uint8Array.of(...signed, ...hex("1c04ffffffff0100"));
    longer[1]!++;
    expect(verify(longer, COVERED, keys)).toBe("misplaced-option:authentication");
  });
  test("padding that was made an option", () => {
    const odd: Authenticator = (_, octets) => keys(SPI, octets)!.subarray(0, 6);
    const padded = sign(heartbeat, PATH, 300, odd);
    const at = 12 + 1 + 7 + 6;
    expect(toHex(padded.subarray(at))).toBe("010400000000");
    padded.set(hex("170200040100"), at);
    expect(verify(padded, COVERED, odd)).toBe("misplaced-option:authentication");
  });
  test("a second proof", () => {
    const longer = Uint8Array.of(...signed, ...hex("0906010001020300"));
    longer[1]!++;
    expect(verify(longer, COVERED, keys)).toBe("repeated-option:authentication");
  });
});

describe("signing refuses", () => {
  test("an SPI without a key", () => {
    expect(() => sign(heartbeat, PATH, 1, keys)).toThrow(RangeError);
  });
  test("what is signed already", () => {
    expect(() => sign(sign(heartbeat, PATH, SPI, keys), PATH, SPI, keys)).toThrow(RangeError);
  });
  test("what is no message", () => {
    expect(() => sign(hex("3b00"), PATH, SPI, keys)).toThrow(RangeError);
  });
  test("a message that has no room for the proof: 2048 octets are the most (RFC 6275 §6.1.1)", () => {
    const others = Array.from({ length: 8 }, (_, i) => ({ type: 200, data: new Uint8Array(i === 7 ? 235 : 255) }));
    const longest = writeMobility({ type: "heartbeat", kind: "request", sequence: 7, options: { others } }, MAG, LMA);
    expect(() => sign(longest, PATH, SPI, keys)).toThrow(RangeError);
  });
});

test("an authenticator is asked for the octets of whatever is read, and verifying never throws", () => {
  for (const { message } of plain) {
    const octets = sign(writeMobility(message, MAG, LMA), PATH, SPI, keys);
    for (let at = 0; at < octets.length; at++) {
      for (const value of [0, 1, 9, 22, 127, 255]) {
        const wrong = octets.slice();
        wrong[at] = value;
        expect(() => verify(wrong, COVERED, keys)).not.toThrow();
      }
    }
  }
});
