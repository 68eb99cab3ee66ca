import { expect, test } from "bun:test";
import { nextBetween, seeded } from "#base/random";
import { RequestList } from "#ospf/neighbor/request-list";
import type { LsaHeader } from "#ospf/packet/lsa-header";

const header = (linkStateId: number, more: Partial<LsaHeader> = {}): LsaHeader => ({
  ...{ age: 1, type: 0x2001, linkStateId, advertisingRouter: 1, sequence: 1, checksum: 1, length: 24 },
  ...more,
});
const ids = (headers: readonly LsaHeader[]): number[] => headers.map(({ linkStateId }) => linkStateId);

test("requests are taken in the order they were told, and no LSA twice until it is asked for again (RFC 2328 §10.9)", () => {
  const list = new RequestList();
  for (let id = 0; id < 5; id++) list.set(header(id));
  expect(ids(list.take(2))).toEqual([0, 1]);
  list.delete(header(0));
  list.delete(header(3));
  expect([list.size, list.asked]).toEqual([3, 1]);
  expect(ids(list.take(9))).toEqual([2, 4]);
  list.askAgain();
  expect([list.size, list.asked]).toEqual([3, 0]);
  expect(ids(list.take(9))).toEqual([1, 2, 4]);
  expect(list.take(9)).toEqual([]);
});

test("another instance of an LSA takes the place of the one before", () => {
  const list = new RequestList();
  list.set(header(7));
  list.take(1);
  list.set(header(7, { sequence: 2 }));
  expect([list.size, list.asked, list.get(header(7))?.sequence]).toEqual([1, 0, 2]);
  expect(list.take(9)).toHaveLength(1);
});

test("LSAs of all types, routers and Link State IDs are told apart, as a map by text would", () => {
  const seed = Date.now() >>> 0;
  const random = seeded(seed);
  const list = new RequestList();
  const oracle = new Map<string, LsaHeader>();
  const pick = (): number => [0, 1, 0x7fff_ffff, 0xffff_ffff][nextBetween(random, 0, 3)]!;
  for (let step = 0; step < 5000; step++) {
    const type = [0x2001, 0x2002, 0xffff, 0][nextBetween(random, 0, 3)]!;
    const one = header(pick(), { type, advertisingRouter: pick(), sequence: step });
    const key = `${type} ${one.advertisingRouter} ${one.linkStateId}`;
    if (nextBetween(random, 0, 1) === 0) {
      list.set(one);
      oracle.set(key, one);
    } else expect(list.delete(one), `seed ${seed}`).toBe(oracle.delete(key));
    expect(list.get(one), `seed ${seed}`).toEqual(oracle.get(key) as LsaHeader);
    expect(list.size, `seed ${seed}`).toBe(oracle.size);
  }
  list.askAgain();
  expect(list.take(10_000).length).toBe(oracle.size);
});
