import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { RestingHops } from "#router/ospf/resting-hops";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function made(): { hops: RestingHops; changes: () => number } {
  let changes = 0;
  return { hops: new RestingHops(() => changes++), changes: () => changes };
}

test("a next hop rests from its announcement to a while after its word that it is back (RFC 3623 §3)", () => {
  const { hops, changes } = made();
  hops.helped("a", true);
  hops.helped("a", true);
  expect([hops.has("a"), hops.has("b"), changes()]).toEqual([true, false, 1]);
  hops.helped("a", false);
  jest.advanceTimersByTime(999);
  expect(hops.has("a")).toBe(true);
  jest.advanceTimersByTime(1);
  expect([hops.has("a"), changes()]).toEqual([false, 2]);
});

test("one that announces another restart meanwhile rests on", () => {
  const { hops } = made();
  hops.helped("a", true);
  hops.helped("a", false);
  hops.helped("a", true);
  jest.advanceTimersByTime(10_000);
  expect(hops.has("a")).toBe(true);
});

test("one that is helped no longer rests until its BFD is back", () => {
  const { hops } = made();
  hops.helped("a", true);
  hops.bfd("a", "silent");
  hops.helped("a", false);
  jest.advanceTimersByTime(10_000);
  expect(hops.has("a")).toBe(true);
  hops.bfd("a", "watched");
  jest.advanceTimersByTime(1000);
  expect(hops.has("a")).toBe(false);
});

test("BFD that an operator switches off puts nobody to rest (RFC 5882 §4.2)", () => {
  const { hops, changes } = made();
  hops.bfd("a", "silent");
  expect([hops.has("a"), changes()]).toEqual([false, 0]);
});

test("what is not kept is forgotten, timers too", () => {
  const { hops, changes } = made();
  for (const key of ["a", "b"]) hops.helped(key, true);
  hops.helped("a", false);
  hops.keep((key) => key === "b");
  jest.advanceTimersByTime(10_000);
  expect([hops.has("a"), hops.has("b"), changes()]).toEqual([false, true, 2]);
});
