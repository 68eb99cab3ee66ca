/**
 * What is too much for one LSA is spread over several. An item stays in the LSA that it is out in: were all to move up
 * when one goes, each would be away for as long as its new LSA waits for MinLSInterval.
 */

export interface Item<T> {
  /** The same while it is the same thing. */
  readonly key: string;
  /** That it takes in an LSA's body. */
  readonly octets: number;
  readonly value: T;
}

/** Link State IDs for further LSAs, the smallest first, none of those taken: each answer is taken from then on. */
export function freshIds(taken: Iterable<number>): () => number {
  const used = new Set(taken);
  let next = 0;
  return () => {
    while (used.has(next)) next++;
    used.add(next);
    return next;
  };
}

/**
 * Items by Link State ID, in their order. `room`: octets for items in an LSA; `held`: where an item is now, by its key;
 * `fresh`: answers another Link State ID when no LSA has room.
 */
export function deal<T>(
  items: readonly Item<T>[],
  room: number,
  held: ReadonlyMap<string, number>,
  fresh: () => number,
): Map<number, T[]> {
  const free = new Map<number, number>();
  for (const id of held.values()) free.set(id, room);
  const place = new Map<Item<T>, number>();
  const put = (item: Item<T>, id: number): void => {
    place.set(item, id);
    free.set(id, (free.get(id) ?? room) - item.octets);
  };
  for (const item of items) {
    const id = held.get(item.key);
    if (id !== undefined && (free.get(id) ?? room) >= item.octets) put(item, id);
  }
  for (const item of items) {
    if (!place.has(item)) put(item, firstWithRoom(free, item.octets) ?? fresh());
  }
  const dealt = new Map<number, T[]>();
  for (const item of items) {
    const id = place.get(item)!;
    const values = dealt.get(id);
    if (values === undefined) dealt.set(id, [item.value]);
    else values.push(item.value);
  }
  return dealt;
}

/** The smallest Link State ID with so much room. */
function firstWithRoom(free: ReadonlyMap<number, number>, octets: number): number | undefined {
  let found: number | undefined;
  for (const [id, left] of free) if (left >= octets && (found === undefined || id < found)) found = id;
  return found;
}
