import { describe, expect, test } from "bun:test";
import type { MobilityConfig } from "#pmip/config";
import { address, homePrefix, ipv6SubjectAt, SECRETS, subjectAt } from "#pmip/testing/configs";
import { World } from "#pmip/testing/world";

const COUNT = 4;
const subject = subjectAt(0, COUNT);

function configure(world: World, index: number, more: Partial<MobilityConfig>): void {
  const node = world.node(index);
  node.config = { ...node.config, ...more };
  world.tell(index, { type: "configure", config: node.config });
}

describe("a new configuration", () => {
  test("that changes no home changes nothing that is known", () => {
    const world = new World(COUNT);
    world.attach(1, "vm", subject);
    world.talk();
    const { timers } = world.node(1).config;
    for (const index of [0, 1]) configure(world, index, { timers: { ...timers, lifetime: 60_000 } });
    expect(world.talk()).toEqual([]);
    world.pass(260_000); // refreshed once by then
    expect(world.node(0).core.view().bindings[0]!.lifetime).toBeLessThanOrEqual(60_000);
  });

  test("that gives a home to another router moves bindings there", () => {
    const world = new World(COUNT);
    const own = ipv6SubjectAt(0, 5);
    world.attach(1, "vm", own);
    world.tell(3, { type: "wanted", subject: own });
    configure(world, 0, { own: [] });
    expect([world.node(0).place(own), world.node(0).core.instance.bindings.size]).toEqual(["unknown", 0]);
    configure(world, 2, { own: [2, 0] });
    world.pass(60_000); // heartbeats find another router there, and another counter
    expect(world.node(2).core.instance.plan.homeOf(own).isOwn).toBe(true);
  });

  test("with one home more is followed by gateways: registered at the new home, ended at the old one", () => {
    const world = new World(COUNT);
    world.attach(1, "vm", subject);
    const homes = [homePrefix(2)];
    for (const index of [0, 1, 2, 3]) configure(world, index, { homes, own: index === 2 ? [0] : [] });
    expect(world.node(0).core.instance.bindings.size).toBe(0);
    world.pass(40_000); // the new home refused it until it was told that it is one
    expect(world.node(2).place(subject)).toBe(address(1));
    expect(
      world
        .node(1)
        .core.view()
        .updateList.map(({ lma, state }) => [lma, state]),
    ).toContainEqual([address(2), "registered"]);
  });

  test("by which a VM is at home where it is ends its registration", () => {
    const world = new World(COUNT);
    world.attach(1, "vm", subject);
    for (const index of [0, 1]) configure(world, index, { homes: [homePrefix(1)], own: index === 1 ? [0] : [] });
    world.pass(60_000);
    expect(world.node(1).core.view().updateList).toEqual([]);
    expect(world.node(1).core.view().attached).toMatchObject([{ vm: "vm", home: null }]);
  });

  test("makes correspondents forget what is at home elsewhere now: it is wanted again", () => {
    const world = new World(COUNT);
    world.attach(1, "vm", subject);
    world.tell(3, { type: "wanted", subject });
    configure(world, 3, { homes: [homePrefix(2)], own: [] });
    expect([world.node(3).place(subject), world.node(3).core.view().correspondents]).toEqual(["unknown", []]);
  });

  test("with keys is in force at once", () => {
    const world = new World(COUNT);
    world.attach(1, "vm", subject);
    configure(world, 0, { authentication: { send: 256, keys: SECRETS } });
    world.attach(2, "vm", subject, { handoff: true, after: world.now });
    expect(world.node(0).count("no-authentication")).toBeGreaterThan(0);
    configure(world, 2, { authentication: { send: 257, keys: SECRETS } });
    world.pass(10_000);
    expect(world.node(0).place(subject)).toBe(address(2));
  });
});
