/** Properties that hold for any message, and for any octets. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { MobilityMessage } from "#pmip/packet/message";
import { readMobility, writeMobility } from "#pmip/packet/mobility";
import { messages, octets, optionsFrom, optionsIn, readWith, u8 } from "#pmip/packet/testing/any-message";
import { amidst, LMA, MAG } from "#pmip/packet/testing/samples";

/** Where each option begins: offsets modulo the first number. As the sections of its RFC say. */
const ALIGNED: ReadonlyMap<number, readonly [number, number]> = new Map([
  [3, [8, 6]],
  [9, [4, 1]],
  [22, [8, 4]],
  [25, [8, 4]],
  [26, [8, 6]],
  [27, [8, 2]],
  [28, [4, 2]],
  [33, [4, 0]],
  [36, [4, 0]],
  [37, [4, 0]],
  [38, [4, 0]],
  [51, [8, 4]],
]);

describe("any message", () => {
  test("is written and read again the same", () => {
    fc.assert(
      fc.property(messages, octets(16), octets(16), (message, source, destination) => {
        const written = writeMobility(message, source, destination);
        expect(readMobility(amidst(written), source, destination)).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  test("has its options aligned as each wants to be, with one padding option at most before each (RFC 6275 §6.2.1)", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const written = writeMobility(message, MAG, LMA);
        expect(written.length % 8).toBe(0);
        const found = optionsIn(written, optionsFrom(message));
        for (const [i, { type, at, length }] of found.entries()) {
          const [multiple, offset] = ALIGNED.get(type) ?? [1, 0];
          expect([type, at % multiple]).toEqual([type, offset]);
          if (type < 2) expect(length).toBeLessThan(8);
          if (type < 2 && i > 0) expect(found[i - 1]!.type).toBeGreaterThan(1);
        }
        expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(written.length - optionsFrom(message));
      }),
      { numRuns: 300 },
    );
  });

  test("ends with its proof of origin without padding after it, where the authenticator is of whole words", () => {
    fc.assert(
      fc.property(messages, fc.constantFrom(0, 4, 12, 16, 20, 32), (message, length) => {
        const authentication = { spi: 256, authenticator: new Uint8Array(length).fill(0x77) };
        const proven = { ...message, options: { ...message.options, authentication } } as MobilityMessage;
        const last = optionsIn(writeMobility(proven, MAG, LMA), optionsFrom(message)).at(-1)!;
        expect([last.type, last.length]).toEqual([9, 7 + length]);
      }),
    );
  });

  test("means the same with its options in any order and any padding between them (RFC 5213 §8.1)", () => {
    const shuffled = messages
      .filter(({ type }) => !type.startsWith("localized"))
      .chain((message) => {
        const written = writeMobility(message, MAG, LMA);
        const from = optionsFrom(message);
        const all = optionsIn(written, from).filter(({ type }) => type > 1);
        // Of those that may be repeated the order means something; the proof is last.
        const fixed = new Set([9, 22, 36, ...(message.options.others ?? []).map(({ type }) => type)]);
        const free = all.filter(({ type }) => !fixed.has(type));
        const kept = all.filter(({ type }) => fixed.has(type) && type !== 9);
        const proof = all.filter(({ type }) => type === 9);
        return fc.tuple(
          fc.constant({ message, written, from, kept, proof }),
          fc.shuffledSubarray(free, { minLength: free.length, maxLength: free.length }),
          fc.array(fc.nat(6), { minLength: all.length + 1, maxLength: all.length + 1 }),
          fc.boolean(),
        );
      });
    fc.assert(
      fc.property(shuffled, ([{ message, written, from, kept, proof }, free, pads, keptFirst]) => {
        const order = keptFirst ? [...kept, ...free, ...proof] : [...free, ...kept, ...proof];
        const parts = order.flatMap(({ at, length }, i) => [
          ...(pads[i] === 0 ? [] : [1, pads[i]! - 1, ...new Array<number>(pads[i]! - 1).fill(0x16)]),
          ...written.subarray(at, at + length),
        ]);
        fc.pre(from + parts.length <= 2048);
        expect(readWith(written.subarray(0, from), Uint8Array.from(parts))).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });
});

test("any octets with a right header are refused by a name, or read as what can be written and read again", () => {
  const types = fc.constantFrom(5, 6, 7, 13, 16, 17, 18);
  const tlv = fc
    .tuple(fc.oneof(u8, fc.constantFrom(...ALIGNED.keys(), 8, 23, 24, 39)), octets(0, 20))
    .map(([type, data]) => [type, data.length, ...data]);
  const body = fc.oneof(
    octets(8, 200),
    fc.array(tlv, { maxLength: 8 }).map((all) => Uint8Array.from(all.flat())),
  );
  fc.assert(
    fc.property(types, octets(6, 22), body, (type, fixed, rest) => {
      const start = Uint8Array.of(59, 0, type, 0, 0, 0, ...fixed);
      const read = readWith(start, rest);
      if (typeof read === "string") return;
      expect(readMobility(writeMobility(read, MAG, LMA), MAG, LMA)).toEqual(read);
    }),
    { numRuns: 2000 },
  );
});
