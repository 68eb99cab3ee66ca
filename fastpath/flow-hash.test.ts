import { expect, test } from "bun:test";
import { hashFlow } from "#fastpath/flow-hash";
import { Frame, KIND_IPV6 } from "#fastpath/frame";

const FLOWS = 4096;

/** How many of the buckets are used by flows that differ in one 32-bit word of the two addresses, raw, by `step`. */
function bucketsUsed(word: number, step: number): number {
  const words = new Int32Array(16);
  const f = new Frame();
  f.kind = KIND_IPV6;
  f.protocol = 17;
  const used = new Set<number>();
  for (let i = 0; i < FLOWS; i++) {
    words[2 + word] = Math.imul(i, step);
    used.add(hashFlow(f, words) >>> 20);
  }
  return used.size;
}

test("IPv6 flows spread over the hash whichever word of their addresses tells them apart (RFC 6438 §3)", () => {
  for (let word = 0; word < 8; word++) {
    // Thrown at random, 1 − 1/e of the buckets would be used: 2589.
    for (const step of [1, 0x100, 0x10000]) expect(bucketsUsed(word, step)).toBeGreaterThan(2200);
  }
});
