import { describe, expect, test } from "bun:test";
import { fromHex, u32 } from "#base/bytes";
import { allocateNear, homeOf } from "#policy/homes";
import vectors from "../base/testdata/homes.json";

const key = fromHex(vectors.key)!;
const plan = (length: number) => ({ key, homes: { length } });
const ipv4 = (text: string): Uint8Array => Uint8Array.from(text.split(".").map(Number));

describe("allocateNear", () => {
  const pool = { tags: 0x401, prefixes: [{ address: ipv4("10.0.0.0"), length: 24 }] };
  const free = (): boolean => false;

  test("finds the lowest free addresses that live at a wanted home", () => {
    const all = allocateNear(plan(3), pool, { homes: new Set([1]), count: 300, isTaken: free });
    expect(all.length).toBeGreaterThan(60);
    for (const address of all) expect(homeOf(plan(3), pool.tags, address)).toBe(1);
    const lowest = u32(all[0]!, 0);
    const rest = allocateNear(plan(3), pool, { homes: new Set([1]), count: 2, isTaken: (a) => a === lowest });
    expect(rest).toEqual(all.slice(1, 3));
  });

  test("leaves out a prefix's first and last address, except in a /31 or /32", () => {
    const of = (length: number, address = "10.0.0.4") =>
      allocateNear(
        plan(1),
        { tags: 1, prefixes: [{ address: ipv4(address), length }] },
        { homes: new Set([0]), count: 9, isTaken: free },
      ).map((a) => a.join("."));
    expect(of(30)).toEqual(["10.0.0.5", "10.0.0.6"]);
    expect(of(31)).toEqual(["10.0.0.4", "10.0.0.5"]);
    expect(of(32)).toEqual(["10.0.0.4"]);
    expect(of(32, "255.255.255.255")).toEqual(["255.255.255.255"]);
  });

  test("gives fewer when there are no more, and gives up on a home it does not meet", () => {
    expect(allocateNear(plan(3), pool, { homes: new Set([0]), count: 5, isTaken: () => true })).toEqual([]);
    const large = { tags: 1, prefixes: [{ address: ipv4("10.0.0.0"), length: 8 }] };
    expect(allocateNear(plan(1), large, { homes: new Set([7]), count: 1, isTaken: free })).toEqual([]);
  });
});
