import { describe, expect, test } from "bun:test";
import { decode, Malformed, Reader } from "#base/reader";
import { Writer } from "#base/writer";
import {
  KIND_COUNTS,
  KIND_FORGET,
  KIND_HOP,
  KIND_PACKET,
  KIND_START,
  KIND_WAY,
  readPreamble,
  readTraceMessage,
  type TraceMessage,
  writeDefinition,
  writeForget,
  writeJson,
  writePacket,
  writePreamble,
} from "#router/watch/trace-messages";

const written = (write: (w: Writer) => void): Uint8Array => {
  const w = new Writer();
  write(w);
  return w.finish();
};

const way = {
  ...{ port: "web", ending: { name: "rule-denied", fate: "dropped", meaning: "a rule forbids it" } as const },
  ...{ icmp4: { type: 3, code: 13, text: "prohibited" }, icmp6: null },
  stages: [
    { stage: "guardOut", verdict: "rule-denied", text: "", facts: { rule: "no dns", stateful: false, n: null } },
  ],
};
const hop = { port: "eth1", kind: "uplink", vm: null, nextHop: "fe80::1", mac: "02:00:00:00:00:01" } as const;
const packet = {
  ...{
    seconds: 1_790_000_000,
    nanos: 999_999_999,
    way: 3,
    isCaught: true,
    length: 1514,
    octets: Uint8Array.of(1, 2, 3),
  },
  sent: [
    { hop: 7, length: 60, octets: Uint8Array.of(4) },
    { hop: 0, length: 65_550, octets: new Uint8Array(0) },
  ],
  own: 1,
};
const counts = { type: "counts", told: 1, limited: 2, lost: 3 } as const;

const MESSAGES: readonly (readonly [name: string, octets: Uint8Array, message: TraceMessage])[] = [
  ["start", written((w) => writeJson(w, KIND_START, { router: "hv1" })), { kind: KIND_START, router: "hv1" }],
  [
    "way",
    written((w) => writeDefinition(w, { kind: KIND_WAY, number: 3, text: JSON.stringify(way) })),
    { kind: KIND_WAY, number: 3, way },
  ],
  [
    "hop",
    written((w) => writeDefinition(w, { kind: KIND_HOP, number: 7, text: JSON.stringify(hop) })),
    { kind: KIND_HOP, number: 7, hop },
  ],
  ["forget", written(writeForget), { kind: KIND_FORGET }],
  ["packet", written((w) => writePacket(w, packet)), { kind: KIND_PACKET, ...packet }],
  ["counts", written((w) => writeJson(w, KIND_COUNTS, counts)), { kind: KIND_COUNTS, counts }],
];

/** With the length that it has now. */
function withLength(octets: Uint8Array): Uint8Array {
  new DataView(octets.buffer, octets.byteOffset).setUint32(0, octets.length);
  return octets;
}

describe.each(MESSAGES)("%s", (_, octets, message) => {
  test("is read as it was written, wherever it lies", () => {
    expect(decode(octets, readTraceMessage)).toEqual(message);
    const within = new Uint8Array(octets.length + 20).fill(0xa5);
    within.set(octets, 9);
    expect(readTraceMessage(new Reader(within, 9, 9 + octets.length))).toEqual(message);
  });

  test("is refused wherever it is cut off, whether it owns up to that or not, and with more behind it", () => {
    for (let length = 0; length < octets.length; length++)
      expect(decode(octets.slice(0, length), readTraceMessage)).toBeInstanceOf(Malformed);
    for (let length = 8; length < octets.length; length++)
      expect(decode(withLength(octets.slice(0, length)), readTraceMessage)).toBeInstanceOf(Malformed);
    const longer = withLength(Uint8Array.of(...octets, 0x7d));
    expect(decode(longer, readTraceMessage)).toBeInstanceOf(Malformed);
  });
});

test("a definition that lacks something, is no UTF-8 or has too large a number is refused", () => {
  const refusal = (kind: number, number: number, text: string): string => {
    const octets = written((w) => writeDefinition(w, { kind, number, text }));
    const result = decode(octets, readTraceMessage);
    return result instanceof Malformed ? result.error : "none";
  };
  expect(refusal(KIND_WAY, 0, JSON.stringify({ ...way, stages: {} }))).toContain("expected array");
  expect(refusal(KIND_HOP, 0, JSON.stringify({ ...hop, kind: "tap" }))).toContain("Invalid option");
  expect(refusal(KIND_HOP, 65_536, JSON.stringify(hop))).toBe("a definition's number is too large");
  expect(refusal(KIND_HOP, 65_535, JSON.stringify({ ...hop, speed: 10 }))).toBe("none"); // a later router's
  const octets = written((w) => writeDefinition(w, { kind: KIND_HOP, number: 0, text: JSON.stringify(hop) }));
  octets[20] = 0xff;
  expect(decode(octets, readTraceMessage)).toEqual(new Malformed("no JSON", 12));
});

test("frames that have more octets than they had, or more that are no errors than there are, are refused", () => {
  const refusal = (more: Partial<typeof packet>): unknown =>
    decode(
      written((w) => writePacket(w, { ...packet, ...more })),
      readTraceMessage,
    );
  expect(refusal({ length: 2 })).toEqual(new Malformed("more octets than the frame has", 26));
  expect(refusal({ own: 3 })).toEqual(new Malformed("more frames than were sent", 22));
});

test("a preamble is refused wherever it is cut off", () => {
  const preamble = written(writePreamble);
  expect(decode(preamble, readPreamble)).toBeUndefined();
  for (let length = 0; length < preamble.length; length++)
    expect(decode(preamble.slice(0, length), readPreamble)).toBeInstanceOf(Malformed);
});
