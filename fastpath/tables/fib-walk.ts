/** All routes of a forwarding table, in order. */
import { Branch, codeBits, codeSlot } from "#fastpath/tables/fib-branch";
import { BODY, kindOf, matchBitsOf, NODE, ROOT, readKey, TAIL, VALUE } from "#fastpath/tables/fib-layout";

export interface FibRoute {
  /** 16 octets, zero beyond the length. */
  readonly address: Uint8Array;
  readonly length: number;
  readonly value: number;
}

/** In the order of addresses; of two routes with one address the shorter first. */
export function* walk(memory: Int32Array): Generator<FibRoute> {
  const root = memory[ROOT]!;
  const leaf = root < 0 ? memory[root & NODE]! : root;
  if (leaf !== 0) yield { address: new Uint8Array(16), length: 0, value: leaf & VALUE };
  if (root < 0) yield* beneath(memory, root & NODE, new Int32Array(4));
}

/** The routes beneath a node; `path` has the octets above its key. */
function* beneath(memory: Int32Array, node: number, path: Int32Array): Generator<FibRoute> {
  const prefix = path.slice();
  const octets = new Uint8Array(prefix.buffer);
  readKey(memory, node, prefix);
  const head = memory[node + 1]!;
  const bits = matchBitsOf(head);
  if (kindOf(head) === TAIL) {
    yield { address: octets, length: bits, value: memory[node + BODY]! };
    return;
  }
  const branch = new Branch();
  branch.unpack(memory, node);
  for (let slot = 0; slot < 256; slot++) {
    octets[bits >>> 3] = slot;
    for (let length = 1; length <= 8; length++) {
      const code = (256 | slot) >>> (8 - length);
      const value = codeSlot(code) === slot ? branch.get(code) : 0;
      if (value !== 0) yield { address: octets.slice(), length: bits + codeBits(code), value };
    }
    const child = branch.child[slot]!;
    if (child !== 0) yield* beneath(memory, child, prefix);
  }
}
