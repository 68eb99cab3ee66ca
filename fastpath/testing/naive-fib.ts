/** What a forwarding table should answer, by looking at every route; and addresses that make tries work. */
import { contains, formatPrefix, masked } from "#base/address";
import { nextBelow, nextU32, type Random } from "#base/random";

export interface NaiveRoute {
  readonly address: Uint8Array;
  readonly length: number;
  readonly value: number;
}

export class NaiveFib {
  /** In no order. */
  readonly routes: NaiveRoute[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.routes.length;
  }

  /** True when the route is new. */
  insert(address: Uint8Array, length: number, value: number): boolean {
    const prefix = { address: masked(address, length), length };
    const name = formatPrefix(prefix);
    const place = this.#places.get(name);
    this.#places.set(name, place ?? this.size);
    this.routes[place ?? this.size] = { ...prefix, value };
    return place === undefined;
  }

  remove(address: Uint8Array, length: number): boolean {
    const name = formatPrefix({ address: masked(address, length), length });
    const place = this.#places.get(name);
    if (place === undefined) return false;
    this.#places.delete(name);
    const last = this.routes.pop()!;
    if (place === this.size) return true;
    this.routes[place] = last;
    this.#places.set(formatPrefix(last), place);
    return true;
  }

  lookup(address: Uint8Array): number {
    let best = { length: -1, value: 0 };
    for (const route of this.routes) {
      if (route.length > best.length && contains(route, address)) best = route;
    }
    return best.value;
  }

  any(random: Random): NaiveRoute | undefined {
    return this.routes[nextBelow(random, this.size)];
  }
}

/** Lengths around octet and word edges are as likely as all others together. */
export function randomLength(random: Random): number {
  const edges = [0, 1, 7, 8, 9, 31, 32, 33, 48, 63, 64, 65, 127, 128];
  return nextBelow(random, 2) ? edges[nextBelow(random, edges.length)]! : nextBelow(random, 129);
}

/** Octets from a few values, so that addresses share prefixes of every length. */
export function clusteredAddress(random: Random): Uint8Array {
  const octets = new Uint8Array(16);
  for (let i = 0; i < 16; i++)
    octets[i] = nextBelow(random, 4) ? [0, 0, 1, 0x80][nextBelow(random, 4)]! : nextU32(random);
  return octets;
}

/** An address with the first `length` bits of `near` and random ones after them. */
export function addressUnder(random: Random, near: Uint8Array, length: number): Uint8Array {
  const octets = masked(near, length);
  for (let bit = length; bit < 128; bit++) if (nextBelow(random, 2)) octets[bit >> 3]! ^= 0x80 >> (bit & 7);
  return octets;
}

/** `address` with one of its bits turned over. */
export function oneBitOff(random: Random, address: Uint8Array): Uint8Array {
  const octets = address.slice();
  const bit = nextBelow(random, 128);
  octets[bit >> 3]! ^= 0x80 >> (bit & 7);
  return octets;
}
