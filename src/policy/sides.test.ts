import { describe, expect, test } from "bun:test";
import { decideNaively, type IidPrefix, type Packet, type Rule } from "#policy/rules";
import { type OwnedRule, sidesFor, sidesOf } from "#policy/sides";

const T = 22;
const tenant = (id: number): IidPrefix => ({ tags: id << (32 - T), host: 0, length: T });
const network = (id: number, n: number): IidPrefix => ({ tags: (id << (32 - T)) | n, host: 0, length: 32 });
const ANY: IidPrefix = { tags: 0, host: 0, length: 0 };
const BLUE = network(1, 1);
const RED = network(2, 1);

const rule = (name: string, action: Rule["action"], from: IidPrefix, to: IidPrefix, priority = 1000): Rule => ({
  ...{ name, action, priority, source: [from], destination: [to] },
  ...{ stateful: true, log: false },
});
const packet = (from: IidPrefix, to: IidPrefix): Packet => ({
  source: { tags: from.tags, host: 0x0a00_0001 },
  destination: { tags: to.tags, host: 0x0a00_0002 },
  protocol: 6,
  ports: { source: 1024, destination: 80 },
});
const DEPLOYMENT = {
  networks: [BLUE, RED].map(({ tags }, i) => ({ name: `n${i}`, tags })),
  publicPrefixes: [],
};
const sides = (...rules: OwnedRule[]) => sidesOf(rules, DEPLOYMENT);
const passes = (rules: readonly Rule[], from: IidPrefix, to: IidPrefix): boolean =>
  decideNaively(rules, packet(from, to))?.action === "allow";

describe("a packet between two tenants", () => {
  const blueAllows = { rule: rule("blue/a", "allow", BLUE, RED), owner: tenant(1) };
  const redAllows = { rule: rule("red/a", "allow", BLUE, RED), owner: tenant(2) };

  test("needs both to allow it: neither opens the other's door (§2.4)", () => {
    const blueOnly = sides(blueAllows);
    expect([passes(blueOnly.out, BLUE, RED), passes(blueOnly.in, BLUE, RED)]).toEqual([true, false]);
    const redOnly = sides(redAllows);
    expect([passes(redOnly.out, BLUE, RED), passes(redOnly.in, BLUE, RED)]).toEqual([false, true]);
    const both = sides(blueAllows, redAllows);
    expect([passes(both.out, BLUE, RED), passes(both.in, BLUE, RED)]).toEqual([true, true]);
    expect([passes(both.out, RED, BLUE), passes(both.in, RED, BLUE)]).toEqual([false, false]);
  });

  test("is not touched by a rule of a third about anybody", () => {
    const third = { rule: rule("green/a", "deny", ANY, ANY, 0), owner: tenant(3) };
    const all = sides(blueAllows, redAllows, third);
    expect([passes(all.out, BLUE, RED), passes(all.in, BLUE, RED)]).toEqual([true, true]);
  });

  test("is the operator's to forbid, whatever the tenants' priorities are", () => {
    const operator = { rule: rule("x", "deny", BLUE, RED, 65535), owner: undefined };
    const all = sides({ ...blueAllows, rule: { ...blueAllows.rule, priority: 0 } }, redAllows, operator);
    expect([passes(all.out, BLUE, RED), passes(all.in, BLUE, RED)]).toEqual([false, false]);
  });
});

test("a tenant's rule about its own networks is asked on both sides, and the defaults when no rule says anything", () => {
  const own = { rule: rule("blue/a", "deny", BLUE, BLUE), owner: tenant(1) };
  const all = sides(own);
  expect([passes(all.out, BLUE, BLUE), passes(all.in, BLUE, BLUE)]).toEqual([false, false]);
  expect([passes(all.out, RED, RED), passes(all.in, RED, RED)]).toEqual([true, true]);
});

test("a router has the rules about its own networks only", () => {
  const blue = { rule: rule("blue/a", "allow", BLUE, ANY), owner: tenant(1) };
  const red = { rule: rule("red/a", "allow", BLUE, RED), owner: tenant(2) };
  const here = sidesFor(sides(blue, red), [BLUE.tags]);
  expect(here.out.map(({ name }) => name)).toEqual(["blue/a", "default inside n0"]);
  // Blue's networks may be anybody's destination as far as blue's own rule says.
  expect(here.in.map(({ name }) => name)).toEqual(["blue/a", "default inside n0"]);
  expect(sidesFor(sides(blue, red), [RED.tags]).in.map(({ name }) => name)).toEqual(["red/a", "default inside n1"]);
});
