import { describe, expect, test } from "bun:test";
import { parsePrefix6 } from "#base/address";
import { nextBelow, seeded } from "#base/random";
import { FibReader } from "#fastpath/tables/fib-reader";
import { GROUP_DISCARD, GROUP_LOCAL } from "#fastpath/tables/layout";
import { type Destination, type Origin, Rib } from "#router/rib";
import { Routing, type Target } from "#router/routing";

const SEED = Number(process.env.SEED ?? Date.now() & 0xffff);

const destination = (text: string): Destination => ({ ...parsePrefix6(text)!, text });

function table() {
  const routing = new Routing(1, new Int32Array(new SharedArrayBuffer(4)));
  const members = ["a", "b"].map((key, port) => ({
    adjacency: routing.groups.add({ port, mtu: 1500, ownMac: new Uint8Array(6) }),
    weight: 1,
    key,
  }));
  return { routing, rib: new Rib(routing), members };
}

describe("routes to one prefix", () => {
  const P = destination("2001:db8::/32");

  test("take the home before the static route before OSPF's, in whatever order they come and go", () => {
    const { routing, rib, members } = table();
    const value = () => routing.fib.get(P.address, P.length);
    const group = routing.groups.ownGroup(members);
    rib.set("ospf", P, { kind: "group", value: group });
    expect([rib.winner(P.text), value()]).toEqual(["ospf", group]);
    rib.set("static", P, { kind: "discard" });
    expect([rib.winner(P.text), value()]).toEqual(["static", GROUP_DISCARD]);
    rib.set("local", P, { kind: "local" });
    rib.set("static", P, { kind: "hops", members: [members[0]!] });
    expect([rib.winner(P.text), value()]).toEqual(["local", GROUP_LOCAL]);
    rib.remove("static", P.text);
    expect(value()).toBe(GROUP_LOCAL);
    rib.remove("local", P.text);
    expect([rib.winner(P.text), value()]).toEqual(["ospf", group]);
    rib.remove("ospf", P.text);
    rib.remove("ospf", P.text);
    expect([rib.winner(P.text), value()]).toEqual([undefined, 0]);
  });
});

test(`the table holds the best of what is there after any operations, and no group is left over (SEED=${SEED})`, () => {
  const { routing, rib, members } = table();
  const groups = [routing.groups.ownGroup(members), routing.groups.ownGroup(members.slice(1))];
  const r = seeded(SEED);
  const origins: Origin[] = ["local", "static", "ospf"];
  const destinations = ["::/0", "2001:db8::/32", "2001:db8::/48", "2001:db8:1::/48", "2001:db8::1/128"].map(
    destination,
  );
  const truth = new Map<string, Map<Origin, Target>>(destinations.map(({ text }) => [text, new Map()]));
  const targets: Target[] = [
    { kind: "discard" },
    { kind: "hops", members },
    { kind: "hops", members: [members[0]!] },
    ...groups.map((value) => ({ kind: "group" as const, value })),
  ];
  for (let step = 0; step < 3000; step++) {
    const at = destinations[nextBelow(r, destinations.length)]!;
    const origin = origins[nextBelow(r, 3)]!;
    if (nextBelow(r, 2) === 0) {
      rib.remove(origin, at.text);
      truth.get(at.text)!.delete(origin);
    } else {
      const target: Target = origin === "local" ? { kind: "local" } : targets[nextBelow(r, targets.length)]!;
      rib.set(origin, at, target);
      truth.get(at.text)!.set(origin, target);
    }
    for (const { text, address, length } of destinations) {
      const best = origins.find((each) => truth.get(text)!.has(each));
      expect(rib.winner(text)).toBe(best);
      const target = best && truth.get(text)!.get(best)!;
      const value = routing.fib.get(address, length);
      if (target === undefined) expect(value).toBe(0);
      else if (target.kind === "group") expect(value).toBe(target.value);
      else if (target.kind === "hops") expect(groups.includes(value) || value < 3).toBe(false);
      else expect(value).toBe(target.kind === "local" ? GROUP_LOCAL : GROUP_DISCARD);
    }
  }
  for (const { text } of destinations) for (const origin of origins) rib.remove(origin, text);
  expect(new FibReader(routing.fib.buffer)).toBeDefined();
  expect(routing.fib.size).toBe(0);
  for (const value of groups) routing.groups.release(value);
  for (const value of groups) expect(() => routing.groups.retain(value)).toThrow("no group");
});
