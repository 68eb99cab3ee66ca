/** pcapng blocks, by the sections of draft-ietf-opsawg-pcapng. */
import { describe, expect, test } from "bun:test";
import { enhancedPacket, INBOUND, interfaceDescription, OUTBOUND, sectionHeader } from "#wire/pcapng";

interface Block {
  readonly type: number;
  readonly body: DataView;
  readonly options: Record<number, Uint8Array>;
}

/** A block's parts; `fixed`: octets before its options. §3.1, §3.5. */
function readBlock(b: Uint8Array, fixed: (body: DataView) => number): Block {
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength);
  const length = view.getUint32(4, true);
  expect(length).toBe(b.length);
  expect(length % 4).toBe(0);
  expect(view.getUint32(length - 4, true)).toBe(length);
  const body = new DataView(b.buffer, b.byteOffset + 8, length - 12);
  const options: Record<number, Uint8Array> = {};
  let at = fixed(body);
  for (;;) {
    const code = body.getUint16(at, true);
    const size = body.getUint16(at + 2, true);
    if (code === 0) break;
    options[code] = new Uint8Array(body.buffer, body.byteOffset + at + 4, size);
    at += 4 + ((size + 3) & ~3);
  }
  expect(at + 4).toBe(body.byteLength);
  return { type: view.getUint32(0, true), body, options };
}

const text = (octets: Uint8Array | undefined): string => new TextDecoder().decode(octets);

test("a section says its byte order, version 1.0 and who writes it (§4.1)", () => {
  const { type, body, options } = readBlock(sectionHeader("ain capture"), () => 16);
  expect(type).toBe(0x0a0d0d0a);
  expect([body.getUint32(0, true), body.getUint16(4, true), body.getUint16(6, true)]).toEqual([0x1a2b3c4d, 1, 0]);
  expect(body.getBigInt64(8, true)).toBe(-1n);
  expect(text(options[4])).toBe("ain capture");
});

test("an interface is Ethernet, has a name, and times in nanoseconds (§4.2)", () => {
  const block = interfaceDescription({ name: "web", description: "VM of blue/prod", snapLength: 128 });
  const { type, body, options } = readBlock(block, () => 8);
  expect([type, body.getUint16(0, true), body.getUint32(4, true)]).toEqual([1, 1, 128]);
  expect([text(options[2]), text(options[3]), options[9]]).toEqual(["web", "VM of blue/prod", Uint8Array.of(9)]);
});

describe("a packet (§4.3)", () => {
  test("has its interface, time, octets, length, direction and a comment; everything is padded to whole words", () => {
    for (const size of [0, 1, 2, 3, 4, 61]) {
      const octets = Uint8Array.from({ length: size }, (_, i) => 0xa5 ^ i);
      const nanos = 1_700_000_000_123_456_789n;
      const block = enhancedPacket({
        interface: 3,
        nanos,
        octets,
        length: 99,
        direction: INBOUND,
        comment: "no-rule: é",
      });
      const { type, body, options } = readBlock(block, () => 20 + ((size + 3) & ~3));
      expect([type, body.getUint32(0, true), body.getUint32(12, true), body.getUint32(16, true)]).toEqual([
        6,
        3,
        size,
        99,
      ]);
      expect((BigInt(body.getUint32(4, true)) << 32n) | BigInt(body.getUint32(8, true))).toBe(nanos);
      expect(new Uint8Array(body.buffer, body.byteOffset + 20, size)).toEqual(octets);
      expect([text(options[1]), options[2]]).toEqual(["no-rule: é", Uint8Array.of(1, 0, 0, 0)]);
    }
  });

  test("may do without a comment", () => {
    const octets = new Uint8Array(4);
    const block = enhancedPacket({ interface: 0, nanos: 0n, octets, length: 4, direction: OUTBOUND });
    expect(readBlock(block, () => 24).options).toEqual({ 2: Uint8Array.of(2, 0, 0, 0) });
  });
});
