import { expect, test } from "bun:test";
import { chipsOf } from "./chips.mjs";
import { nothing } from "./feed.mjs";
import { fullLoad, loadClass, tenantClasses } from "./paint.mjs";

/** @type {(count: number, tenant: (i: number) => string, at?: (i: number) => string) => any} */
const withVms = (count, tenant, at = () => "hv1") => ({
  ...nothing(),
  vms: Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `${i}`,
      {
        name: `vm${i}`,
        network: "n",
        tenant: tenant(i),
        addresses: ["a"],
        at: at(i),
        home: null,
        state: "up",
        also: [],
      },
    ]),
  ),
});

test("tenants called by a colour have it, others one that is left, and each its own while there are enough", () => {
  const names = ["red", "acme", "blue", "zeta"];
  const classes = tenantClasses(withVms(4, (i) => names[i] ?? ""));
  expect(classes.get("blue")).toBe("t0");
  expect(classes.get("red")).toBe("t1");
  expect(new Set(classes.values()).size).toBe(4);
});

test("loads are told against the links' speed where it is known, else against the busiest link", () => {
  /** @type {any} */
  const links = { a: { ab: 5e6, ba: null } };
  expect(fullLoad({ ...nothing(), links })).toEqual({ most: 5e6, isSpeed: false });
  /** @type {any} */
  const about = { "": { linkSpeed: 1e9 } };
  expect(fullLoad({ ...nothing(), about, links })).toEqual({ most: 1e9, isSpeed: true });
  expect([null, 100, 30_000, 3e8, 6e8, 9.5e8].map((bits) => loadClass(bits, 1e9))).toEqual([
    "unknown",
    "l0",
    "l1",
    "l3",
    "l4",
    "l6",
  ]);
});

test("a node's VMs are drawn one by one while they are few, else counted by tenant", () => {
  const few = chipsOf(
    withVms(3, () => "blue"),
    new Set(),
  );
  expect([...(few.get("hv1")?.values() ?? [])].map(({ label }) => label)).toEqual(["vm0", "vm1", "vm2"]);
  const many = chipsOf(
    withVms(30, (i) => (i < 20 ? "blue" : "red")),
    new Set(),
  );
  expect([...(many.get("hv1")?.values() ?? [])].map(({ label }) => label)).toEqual(["20 blue", "10 red"]);
  const all = chipsOf(
    withVms(
      300,
      (i) => `t${i % 9}`,
      (i) => `hv${i % 100}`,
    ),
    new Set(),
  );
  expect(all.get("hv0")?.size).toBe(3);
  expect(
    chipsOf(
      withVms(3, () => "blue"),
      new Set(["blue"]),
    ).size,
  ).toBe(0);
});

test("of many tenants the largest are counted, and the rest together", () => {
  const chips = chipsOf(
    withVms(60, (i) => `t${i % 9}`),
    new Set(),
  );
  expect([...(chips.get("hv1")?.values() ?? [])].map(({ label }) => label)).toEqual([
    "7 t0",
    "7 t1",
    "7 t2",
    "39 more",
  ]);
});
