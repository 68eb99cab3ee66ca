/** Sets of routes that a forwarding table is measured with. */
import { masked } from "#base/address";
import { nextBelow, nextOctets, type Random } from "#base/random";

export interface RouteSet {
  readonly name: string;
  /** What it stands for. */
  readonly about: string;
  /** The i-th prefix; random ones may come twice. */
  prefix(random: Random, i: number, count: number): { address: Uint8Array; length: number };
}

/** Lengths of prefixes in the Internet's IPv6 table, per cent, rounded; by what the RIPE NCC's collectors see. */
const INTERNET_LENGTHS: readonly (readonly [length: number, share: number])[] = [
  [48, 47],
  [32, 11],
  [44, 10],
  [40, 8],
  [36, 5],
  [46, 4],
  [29, 3],
  [47, 3],
  [42, 3],
  [45, 2],
  [33, 1],
  [34, 1],
  [35, 1],
  [38, 1],
];

/** Where registries allocate from, first 16 bits. */
const REGISTRIES = [
  0x2001, 0x2400, 0x2401, 0x2402, 0x2600, 0x2602, 0x2607, 0x2800, 0x2804, 0x2a00, 0x2a02, 0x2a0e, 0x2c0f,
];

function internetLength(random: Random): number {
  let left = nextBelow(random, 100);
  for (const [length, share] of INTERNET_LENGTHS) {
    left -= share;
    if (left < 0) return length;
  }
  return 48;
}

/** One of `count / 6` allocations (a /32 each), and within it mostly low numbers. */
function internetAddress(random: Random, count: number): Uint8Array {
  const allocation = Math.imul(nextBelow(random, Math.max(1, count / 6)), 0x9e37_79b1) >>> 0;
  const registry = REGISTRIES[allocation % REGISTRIES.length]!;
  const address = nextOctets(random, 16);
  address.set([registry >> 8, registry, allocation >>> 24, allocation >>> 16]);
  if (nextBelow(random, 2)) address[4] = nextBelow(random, 4);
  return address;
}

export const ROUTE_SETS: readonly RouteSet[] = [
  {
    name: "fabric",
    about: "home prefixes: /64s in a row under a few /40s",
    prefix: (_, i) => ({
      address: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, i >> 18, i >> 16, i >> 8, i, 0, 0, 0, 0, 0, 0, 0, 0),
      length: 64,
    }),
  },
  {
    name: "random /48",
    about: "anywhere in 2000::/3",
    prefix: (random) => {
      const address = nextOctets(random, 16);
      address[0] = 0x20 | (address[0]! & 0x1f);
      return { address: masked(address, 48), length: 48 };
    },
  },
  {
    name: "Internet",
    about: "lengths and nesting as in the default-free zone",
    prefix: (random, _, count) => {
      const length = internetLength(random);
      return { address: masked(internetAddress(random, count), length), length };
    },
  },
  {
    name: "random /128",
    about: "nothing in common",
    prefix: (random) => ({ address: nextOctets(random, 16), length: 128 }),
  },
];
