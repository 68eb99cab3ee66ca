/** Frames that are kept for a VM: in order, bounded, each back once or counted as given up. */
import { describe, expect, test } from "bun:test";
import { Frame } from "#fastpath/frame";
import { INJECT_KEPT } from "#fastpath/shared";
import { HOLD_OVERFLOW, INJECT_FULL } from "#fastpath/verdicts";
import { HeldFrames } from "#router/vms/held-frames";

/** A ring with room for so many frames at a time, which somebody empties now and then. */
class Ring {
  readonly taken: number[] = [];
  readonly lost: [port: number, ending: number][] = [];
  room: number;

  constructor(room: number) {
    this.room = room;
  }

  inject(_: Frame, octets: Uint8Array, tag: number): boolean {
    expect(tag).toBe(INJECT_KEPT);
    if (this.room === 0) return false;
    this.room--;
    this.taken.push(numberOf(octets));
    return true;
  }

  readonly io = {
    inject: (frame: Frame, octets: Uint8Array, tag: number) => this.inject(frame, octets, tag),
    lost: (port: number, ending: number) => void this.lost.push([port, ending]),
  };
}

const numberOf = (octets: Uint8Array): number => new DataView(octets.buffer).getUint32(0);

function frame(number: number, size = 100): { frame: Frame; octets: Uint8Array } {
  const octets = new Uint8Array(size);
  new DataView(octets.buffer).setUint32(0, number);
  const f = new Frame();
  f.port = 3;
  f.end = size;
  return { frame: f, octets };
}

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe("held frames", () => {
  test("go back in the order in which they came, before giveBack returns where there is room", () => {
    const ring = new Ring(1000);
    const held = new HeldFrames(ring.io);
    for (const number of numbers(0, 50)) held.keep(frame(number));
    expect(ring.taken).toEqual([]);
    void held.giveBack();
    expect(ring.taken).toEqual(numbers(0, 50));
    expect(held.counts).toEqual({ kept: 50, returned: 50, givenUp: 0 });
  });

  test("wait for room, and what comes meanwhile goes after them", async () => {
    const ring = new Ring(10);
    const held = new HeldFrames(ring.io);
    for (const number of numbers(0, 30)) held.keep(frame(number));
    const given = held.giveBack();
    held.keep(frame(30));
    expect(ring.taken).toEqual(numbers(0, 10));
    const refill = setInterval(() => {
      ring.room = 10;
    }, 1);
    await given;
    clearInterval(refill);
    held.keep(frame(31));
    expect(ring.taken).toEqual(numbers(0, 32));
    expect(held.counts).toEqual({ kept: 32, returned: 32, givenUp: 0 });
  });

  test("are at most 4096, of which the oldest are given up, and 4 MiB", () => {
    const ring = new Ring(10_000);
    const held = new HeldFrames(ring.io);
    for (const number of numbers(0, 5000)) held.keep(frame(number));
    void held.giveBack();
    expect(ring.taken).toEqual(numbers(904, 4096));
    expect(ring.lost).toEqual(numbers(0, 904).map(() => [3, HOLD_OVERFLOW]));
    const large = new HeldFrames(ring.io);
    for (const number of numbers(0, 100)) large.keep(frame(number, 65_000));
    expect(large.counts).toEqual({ kept: 100, returned: 0, givenUp: 36 });
  });

  test("are given up when the ring stays full, and counted as such", async () => {
    const ring = new Ring(1);
    const held = new HeldFrames(ring.io, 5);
    for (const number of numbers(0, 3)) held.keep(frame(number));
    await held.giveBack();
    expect(ring.taken).toEqual([0]);
    expect(ring.lost).toEqual([
      [3, INJECT_FULL],
      [3, INJECT_FULL],
    ]);
    expect(held.counts).toEqual({ kept: 3, returned: 1, givenUp: 2 });
  });
});
