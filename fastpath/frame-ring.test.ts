import { expect, test } from "bun:test";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { Frame } from "#fastpath/frame";
import { FrameRing, takeFrame } from "#fastpath/frame-ring";

const SIZE = 4096;
const SEED = Number(process.env.SEED ?? 20261125);

/** A frame at the start of the octets it is in. */
const frameOf = (octets: Uint8Array, port: number): Frame => Object.assign(new Frame(), { port, end: octets.length });

test("frames come out as they went in, offload fields included, in their order, however they straddle the ring's end", () => {
  const r = seeded(SEED);
  const ring = FrameRing.create(SIZE);
  const inside: { octets: Uint8Array; tag: number; port: number; gsoSize: number }[] = [];
  for (let tag = 0; tag < 20_000; tag++) {
    if (nextBelow(r, 2) === 0) {
      const octets = nextOctets(r, 14 + nextBelow(r, 1000));
      const f = frameOf(octets, nextBelow(r, 1024));
      Object.assign(f, { partial: true, gsoType: 1, gsoSize: nextBelow(r, 65536), csumStart: 34, csumOffset: 16 });
      if (ring.push(f, octets, tag)) inside.push({ octets, tag, port: f.port, gsoSize: f.gsoSize });
      else expect(inside.length, `SEED=${SEED}`).toBeGreaterThan(0); // an empty ring has room for any of them
    } else {
      const wanted = inside.shift();
      const taken = takeFrame(ring);
      expect(taken?.octets, `SEED=${SEED}`).toEqual(wanted?.octets as Uint8Array);
      if (taken === undefined || wanted === undefined) continue;
      const { port, gsoSize, partial, gsoType, csumStart, csumOffset } = taken.frame;
      expect([taken.tag, port, gsoSize]).toEqual([wanted.tag, wanted.port, wanted.gsoSize]);
      expect([partial, gsoType, csumStart, csumOffset]).toEqual([true, 1, 34, 16]);
    }
  }
});

test("a full ring takes nothing, and loses nothing of what it has", () => {
  const ring = FrameRing.create(SIZE);
  const octets = new Uint8Array(200).fill(7);
  let taken = 0;
  while (ring.push(frameOf(octets, 1), octets, taken)) taken++;
  expect(taken).toBe(SIZE / 256);
  expect(ring.push(frameOf(octets, 1), octets, 99)).toBe(false);
  for (let tag = 0; tag < taken; tag++) expect(takeFrame(ring)?.tag).toBe(tag);
  expect(takeFrame(ring)).toBeUndefined();
});

test("what leaves a reserve finds the ring full while others still find room in it", () => {
  const ring = FrameRing.create(SIZE);
  const octets = new Uint8Array(200);
  const fill = (reserve: number): number => {
    let count = 0;
    while (ring.push(frameOf(octets, 1), octets, 0, reserve)) count++;
    return count;
  };
  expect([fill(SIZE / 4), fill(SIZE / 4), fill(0)]).toEqual([12, 0, 4]);
});
