import { describe, expect, test } from "bun:test";
import { ETHERNET, PcapError, readPcap, writePcap } from "#wire/pcap";

/** A file as a tool in either byte order writes it: one record of three octets, five on the wire. */
function file(little: boolean, magic: number): Uint8Array {
  const bytes = new Uint8Array(24 + 16 + 3).fill(0xa5);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(20, ETHERNET, little);
  for (const [i, word] of [1700000000, 123456, 3, 5].entries()) view.setUint32(24 + 4 * i, word, little);
  bytes.set([1, 2, 3], 40);
  return bytes;
}

describe("pcap files (draft-ietf-opsawg-pcap)", () => {
  for (const little of [true, false]) {
    test(`§4: a ${little ? "little" : "big"}-endian file is read, with microseconds or nanoseconds by its magic number`, () => {
      const frame = { seconds: 1700000000, octets: Uint8Array.of(1, 2, 3), length: 5 };
      expect(readPcap(file(little, 0xa1b2c3d4)).frames).toEqual([{ ...frame, nanos: 123456000 }]);
      expect(readPcap(file(little, 0xa1b23c4d)).frames).toEqual([{ ...frame, nanos: 123456 }]);
    });
  }

  test("what is written is read again", () => {
    const frames = [0, 1, 1514].map((length, i) => ({
      seconds: i,
      nanos: 999_999_999,
      octets: new Uint8Array(length).fill(i),
    }));
    const { linkType, frames: again } = readPcap(writePcap(frames));
    expect(linkType).toBe(ETHERNET);
    expect(again).toEqual(frames.map((frame) => ({ ...frame, length: frame.octets.length })));
  });

  test("every truncation but the one between records is refused, and says where", () => {
    const whole = file(true, 0xa1b2c3d4);
    for (let length = 0; length < whole.length; length++) {
      const read = () => readPcap(whole.subarray(0, length));
      if (length === 24) expect(read().frames).toEqual([]);
      else expect(read).toThrow(PcapError);
    }
    expect(() => readPcap(whole.subarray(0, 42))).toThrow("end of file within a record of 3 octets at octet 40");
  });

  test("other files are refused with what was found", () => {
    const bad = (at: number, value: number) => {
      const bytes = file(false, 0xa1b2c3d4);
      new DataView(bytes.buffer).setUint32(at, value);
      return () => readPcap(bytes);
    };
    expect(bad(0, 0x0a0d0d0a)).toThrow("a pcapng file (convert it: tshark -F pcap)");
    expect(bad(0, 0x7f454c46)).toThrow("magic number 0x7f454c46");
    expect(bad(4, 0x00010000)).toThrow("version 1, expected 2");
    expect(bad(32, 0x7fffffff)).toThrow("a record of 2147483647 octets at octet 32");
  });
});
