import { expect, test } from "bun:test";
import { nextU32 } from "#base/random";
import { hashEnd, hashEnds } from "#fastpath/tables/connection-hash";
import { withSeed } from "#fastpath/testing/with-seed";

/** HalfSipHash-c-d by its definition, 32 bits. */
function halfSipHash(key: Int32Array, message: Uint8Array, c: number, d: number): number {
  const v = Int32Array.of(key[0]!, key[1]!, 0x6c796765 ^ key[0]!, 0x74656462 ^ key[1]!);
  const rotate = (i: number, bits: number): void => {
    v[i] = (v[i]! << bits) | (v[i]! >>> (32 - bits));
  };
  const addTo = (to: number, from: number, bits: number): void => {
    v[to]! += v[from]!;
    rotate(from, bits);
    v[from]! ^= v[to]!;
  };
  const round = (): void => {
    addTo(0, 1, 5);
    rotate(0, 16);
    addTo(2, 3, 8);
    addTo(0, 3, 7);
    addTo(2, 1, 13);
    rotate(2, 16);
  };
  const padded = new Uint8Array((message.length & ~3) + 4);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  for (const word of new Int32Array(padded.buffer)) {
    v[3]! ^= word;
    for (let i = 0; i < c; i++) round();
    v[0]! ^= word;
  }
  v[2]! ^= 0xff;
  for (let i = 0; i < d; i++) round();
  return v[1]! ^ v[3]!;
}

const upTo = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);
const PUBLISHED_KEY = new Int32Array(upTo(8).buffer);

test("the definition that the hash is compared with gives the published vectors of HalfSipHash-2-4", () => {
  const vectors: [number, number[]][] = [
    [0, [0xa9, 0x35, 0x9f, 0x5b]],
    [1, [0x27, 0x47, 0x5a, 0xb8]],
    [4, [0x2a, 0x6e, 0x46, 0x89]],
    [20, [0xe3, 0x4d, 0x10, 0x45]],
    [63, [0x59, 0xea, 0x4a, 0x74]],
  ];
  for (const [length, octets] of vectors) {
    const hash = halfSipHash(PUBLISHED_KEY, upTo(length), 2, 4);
    expect([...new Uint8Array(Int32Array.of(hash).buffer)]).toEqual(octets);
  }
});

test("an end's hash is HalfSipHash-1-3 of its twenty octets", () => {
  withSeed((random) => {
    for (let i = 0; i < 1000; i++) {
      const key = Int32Array.of(nextU32(random), nextU32(random));
      const words = Int32Array.from({ length: 7 }, () => nextU32(random));
      const message = new Uint8Array(words.slice(2).buffer);
      expect(hashEnd(key, words, 2, words[6]!)).toBe(halfSipHash(key, message, 1, 3));
    }
  });
});

test("a connection's hash is the sum of HalfSipHash-1-3 of its ends: nineteen octets each, address, port and protocol", () => {
  withSeed((random) => {
    for (let i = 0; i < 1000; i++) {
      const key = Int32Array.of(nextU32(random), nextU32(random));
      const words = Int32Array.from({ length: 8 }, () => nextU32(random));
      const [source, destination] = [nextU32(random) >>> 8, nextU32(random) >>> 8];
      const end = (at: number, last: number): number =>
        halfSipHash(key, new Uint8Array(Int32Array.of(...words.slice(at, at + 4), last).buffer, 0, 19), 1, 3);
      expect(hashEnds(key, words, source, destination)).toBe((end(0, source) + end(4, destination)) | 0);
    }
  });
});
