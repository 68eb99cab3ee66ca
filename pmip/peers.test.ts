import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "#pmip/config";
import type { Heartbeat } from "#pmip/packet/message";
import { address, subjectAt } from "#pmip/testing/configs";
import { packet } from "#pmip/testing/messages";
import { World } from "#pmip/testing/world";

const COUNT = 4;
const HOME = 0;
const GATEWAY = 1;
const subject = subjectAt(HOME, COUNT);

const peer = (world: World) => world.node(GATEWAY).core.view().peers[0];
const beats = (world: World) => world.messages("heartbeat").filter(({ message }) => message.kind === "request");

function attached(more = {}): World {
  const world = new World(COUNT, () => more);
  world.attach(GATEWAY, "vm", subject);
  world.talk();
  return world;
}

const heartbeat = (world: World, more: Partial<Heartbeat>, source = HOME, to = GATEWAY): void => {
  const fields = { kind: "response", sequence: 0, options: { restartCounter: 1 }, ...more } as const;
  world.deliver(packet(address(source), address(to), { type: "heartbeat", ...fields }));
  world.drain();
};

describe("heartbeats (RFC 5847)", () => {
  test("go to the anchors that something is registered at, every interval, a tenth more or less (§3.1)", () => {
    const world = attached();
    world.pass(50_000);
    expect(beats(world).length).toBeGreaterThanOrEqual(9);
    expect(beats(world).length).toBeLessThanOrEqual(11);
    expect(new Set(beats(world).map(({ destination }) => destination))).toEqual(new Set([address(HOME)]));
    expect(peer(world)).toMatchObject({
      address: address(HOME),
      users: 1,
      restartCounter: 1,
      roundTrip: 0,
      answers: true,
    });
  });

  test("are answered with the request's number and our counter, by anybody", () => {
    const world = new World(COUNT, (i) => ({ restartCounter: 40 + i }));
    heartbeat(world, { kind: "request", sequence: 0xffff_fffe, options: {} }, 2, 3);
    const [answer] = world.messages("heartbeat");
    expect(answer).toMatchObject({ source: address(3), destination: address(2) });
    expect(answer!.message).toMatchObject({ kind: "response", sequence: 0xffff_fffe, options: { restartCounter: 43 } });
  });

  test("end with the last registration", () => {
    const world = attached();
    world.tell(GATEWAY, { type: "detached", vm: "vm" });
    world.talk();
    world.pass(60_000);
    expect(beats(world)).toEqual([]);
  });

  test("missing ones are counted; a peer that is silent for more than three is said to be so, and nothing else happens", () => {
    const world = attached();
    world.passes = (_, { destination }) => destination !== address(HOME);
    world.pass(30_000);
    expect(peer(world)).toMatchObject({ answers: false });
    expect(world.node(GATEWAY).count("peer-silent")).toBe(1);
    expect(world.node(GATEWAY).core.view().updateList[0]!.state).toBe("registered");
  });

  test("of an anchor that was restarted have another counter: what is registered there is registered again at once (§3.2)", () => {
    const world = attached();
    world.tell(GATEWAY, { type: "attached", vm: "other", subjects: [subjectAt(HOME, COUNT, 1)], handoff: false });
    world.restart(HOME);
    world.talk();
    world.pass(6_000);
    expect(world.talk()).toEqual(["PBU 1→0", "PBU 1→0", "PBA 0 0→1", "PBA 0 0→1"]);
    expect(world.node(HOME).core.view().bindings).toHaveLength(2);
    expect(world.node(GATEWAY).count("peer-restarted")).toBe(1);
  });

  test("of a home that was restarted: correspondents ask again, and are known to it again", () => {
    const world = attached();
    world.tell(2, { type: "wanted", subject });
    world.restart(HOME);
    world.pass(12_000);
    expect(world.node(HOME).core.view().bindings[0]!.told).toBe(1);
    expect(world.node(2).place(subject)).toBe(address(GATEWAY));
  });

  test("of an anchor that was out of reach bring what it did not get at once, and not at the next attempt", () => {
    const world = attached();
    const other = subjectAt(HOME, COUNT, 1);
    world.passes = (_, { destination }) => destination !== address(HOME);
    world.tell(GATEWAY, { type: "attached", vm: "other", subjects: [other], handoff: false });
    world.pass(64_000); // the next attempt would be after 95 s
    world.passes = () => true;
    world.talk();
    world.pass(6_000);
    expect(
      world
        .node(GATEWAY)
        .core.view()
        .updateList.map(({ state }) => state),
    ).toEqual(["registered", "registered"]);
    expect(world.talk()).toEqual(["PBU 1→0", "PBA 0 0→1"]); // what it has is not told again
  });

  test("unasked for are believed when the counter is ahead, and otherwise not (§3.2)", () => {
    const world = attached();
    heartbeat(world, { kind: "unsolicited-response", options: { restartCounter: 0 } });
    heartbeat(world, { kind: "unsolicited-response", options: { restartCounter: 1 } });
    expect(world.node(GATEWAY).count("heartbeat-old")).toBe(2);
    expect(world.talk()).toEqual([]);
    heartbeat(world, { kind: "unsolicited-response", options: { restartCounter: 2 } });
    expect(world.talk()).toEqual(["PBU 1→0", "PBA 0 0→1"]);
  });

  test.each([
    ["of another number", { sequence: 99 }, HOME, "heartbeat-unmatched"],
    ["from whom we have nothing to do with", {}, 2, "heartbeat-unmatched"],
    ["without counter", { options: {} }, HOME, "heartbeat-without-counter"],
  ] as const)("answers %s are counted and change nothing", (_, more, source, counter) => {
    const world = attached();
    heartbeat(world, more, source);
    expect(world.node(GATEWAY).count(counter)).toBe(1);
    expect(world.talk()).toEqual([]);
  });

  test("go to no more peers than there is room for; others are registered at all the same", () => {
    const world = new World(COUNT, () => ({ limits: { ...DEFAULT_LIMITS, peers: 1 } }));
    for (const home of [0, 2]) {
      world.tell(GATEWAY, { type: "attached", vm: `vm${home}`, subjects: [subjectAt(home, COUNT)], handoff: false });
    }
    expect(world.node(GATEWAY).core.view()).toMatchObject({
      peers: [{ address: address(0) }],
      counters: { "peers-full": 1 },
    });
    expect(
      world
        .node(GATEWAY)
        .core.view()
        .updateList.map(({ state }) => state),
    ).toEqual(["registered", "registered"]);
    for (const vm of ["vm0", "vm2"]) world.tell(GATEWAY, { type: "detached", vm });
    expect(world.node(GATEWAY).core.view().peers).toEqual([]);
  });
});
