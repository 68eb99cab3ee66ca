/** By which uplink this router reaches an address: where packets from there come in, and are asked for (reverse path check). */

import { FibReader } from "#fastpath/tables/fib-reader";
import { GroupReader } from "#fastpath/tables/groups";
import { GROUP_FIRST } from "#fastpath/tables/layout";
import { raw } from "#fastpath/tables/raw-words";
import type { Routing } from "#router/routing";
import type { UplinkNeighbors } from "#router/uplink-neighbors";

export class WayTo {
  readonly #fib: FibReader;
  readonly #groups: GroupReader;
  readonly #neighbors: Pick<UplinkNeighbors, "isUsable" | "hopOf">;

  constructor({ fib, groups }: Routing, neighbors: Pick<UplinkNeighbors, "isUsable" | "hopOf">) {
    this.#fib = new FibReader(fib.buffer);
    this.#groups = new GroupReader(groups.buffer);
    this.#neighbors = neighbors;
  }

  /**
   * Index of the port; undefined: there is no way, or the address is here. Of several next hops one that answers, always
   * the same for one address while they are the same.
   */
  portTo(address: Uint8Array): number | undefined {
    const value = this.#fib.lookupBytes(address, 0);
    if (value < GROUP_FIRST) return undefined;
    const hops = this.#groups.members(value).filter(({ adjacency }) => this.#neighbors.isUsable(adjacency));
    const chosen = hops[spread(address) % hops.length];
    return chosen && this.#neighbors.hopOf(chosen.adjacency)?.port.index;
  }
}

/** Of an address: prefixes that differ in one bit are to be spread over all next hops. */
function spread(address: Uint8Array): number {
  let hash = 0;
  for (let at = 0; at < 16; at += 4) hash = Math.imul(hash ^ raw(address, at), 0x9e37_79b1) ^ (hash >>> 15);
  return (hash ^ (hash >>> 13)) >>> 0;
}
