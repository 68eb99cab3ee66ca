import { describe, expect, test } from "bun:test";
import { closest, distance } from "#runtime/document/closest";

describe("distance", () => {
  test.each([
    ["", "", 0],
    ["", "abc", 3],
    ["uplink", "uplinks", 1],
    ["adress", "address", 1],
    ["naem", "name", 1],
    ["tap", "mtu", 3],
  ] as const)("of %p and %p is %p", (a, b, expected) => {
    expect(distance(a, b)).toBe(expected);
    expect(distance(b, a)).toBe(expected);
  });
});

describe("closest", () => {
  const keys = ["name", "network", "address", "mac", "mtu", "tap", "interface", "flowCache"];

  test("finds the word that a slip away was meant", () => {
    expect(closest("adress", keys)).toBe("address");
    expect(closest("naem", keys)).toBe("name");
    expect(closest("flow-cache", keys)).toBe("flowCache");
    expect(closest("MTU", keys)).toBe("mtu");
  });

  test("stays silent about a word that resembles nothing", () => {
    expect(closest("hypervisor", keys)).toBeUndefined();
    expect(closest("xyz", keys)).toBeUndefined();
    expect(closest("name", [])).toBeUndefined();
  });
});
