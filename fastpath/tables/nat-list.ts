/** What the control thread shows of a NAT: copies of bindings and blocks, each whole although forwarders write. */
import type { NatBindings } from "#fastpath/tables/nat-bindings";

export interface BindingView {
  readonly entry: number;
  /** TCP 6, UDP 17, or 1 for ICMP of either family. */
  readonly protocol: number;
  /** 16 octets: 8 zeros, tags and IPv4 address; or an IPv6 address. */
  readonly inside: Uint8Array;
  /** Port or identifier. */
  readonly insidePort: number;
  /** Pool address, 4 octets. */
  readonly outside: Uint8Array;
  readonly outsidePort: number;
  readonly sessions: number;
  readonly ageTicks: number;
}

/** The bindings there are, by entry. `from`: the entry to begin with, 1 or more. */
export function* listBindings(
  bindings: NatBindings,
  sessionsOf: (binding: number) => number,
  now: number,
  from = 1,
): Generator<BindingView> {
  for (let entry = from; entry <= bindings.slots; entry++) {
    const version = bindings.versionOf(entry);
    if (version < 0) continue;
    const view = {
      entry,
      protocol: bindings.protocol(entry),
      inside: octets(bindings.insideAddress(entry)),
      insidePort: fromRaw(bindings.insidePort(entry)),
      outside: octets(Int32Array.of(bindings.outsideAddress(entry))),
      outsidePort: fromRaw(bindings.outsidePort(entry)),
      sessions: sessionsOf(entry),
      ageTicks: Math.max(0, bindings.age(entry, now)),
    };
    if (bindings.isLive(entry, version)) yield view;
  }
}

export interface BlockView {
  readonly outside: Uint8Array;
  readonly firstPort: number;
  readonly ports: number;
  /** The inside address that has it, 16 octets; absent: nobody, it rests after use. */
  readonly inside?: Uint8Array;
  /** Ports in use, of all protocols. */
  readonly used: number;
}

/** The blocks that are not free. */
export function* listBlocks(bindings: NatBindings): Generator<BlockView> {
  const { blocks, subscribers, places } = bindings;
  for (let block = 0; block < places.blockCount; block++) {
    const owner = blocks.owner(block);
    if (owner === 0) continue;
    const inside = subscribers.insideOf(owner);
    yield {
      outside: octets(bindings.poolAddress(blocks.address(block))),
      firstPort: blocks.firstPort(block),
      ports: 1 << places.blockBits,
      ...(inside !== undefined && { inside: octets(inside) }),
      used: blocks.used(block),
    };
  }
}

const octets = (words: Int32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

const fromRaw = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);
