import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS, DEFAULT_TIMERS } from "#pmip/config";
import { octetsOf } from "#pmip/hex";
import type { LocalizedRoutingInitiation } from "#pmip/packet/message";
import { BINDING_STATUS, HANDOFF, LOCALIZED_ROUTING_STATUS } from "#pmip/packet/numbers";
import { Plan } from "#pmip/plan";
import { stampOf, timestampOf } from "#pmip/stamp";
import { nodeOptions, nodeSubject } from "#pmip/subject";
import { address, configOf, subjectAt, tenantSubject } from "#pmip/testing/configs";
import { packet, update, updateOptions } from "#pmip/testing/messages";
import { EPOCH, World } from "#pmip/testing/world";

const COUNT = 5;
const HOME = 0;
const GATEWAY = 1;
const CORRESPONDENT = 3;
const subject = subjectAt(HOME, COUNT);
const STATUS = LOCALIZED_ROUTING_STATUS;

const wanted = { type: "wanted", subject } as const;
const used = { type: "used", subjects: [subject] } as const;
const known = (world: World) => world.node(CORRESPONDENT).core.view().correspondents[0];
const place = (world: World) => world.node(CORRESPONDENT).place(subject);

/** Time passes, and packets go to the subject all the while. */
function passUsed(world: World, span: number): void {
  for (let passed = 0; passed < span; passed += 1000) {
    world.pass(1000);
    world.tell(CORRESPONDENT, used);
  }
}

function bound(more: Partial<ReturnType<typeof configOf>> = {}): World {
  const world = new World(COUNT, () => more);
  world.attach(GATEWAY, "vm", subject);
  world.tell(CORRESPONDENT, wanted);
  return world;
}

/** By hand, as if from the home: `correspondent` is the second node that it names. */
function initiation(
  more: Partial<LocalizedRoutingInitiation> = {},
  correspondent = CORRESPONDENT,
): LocalizedRoutingInitiation {
  const plan = new Plan(configOf(0, COUNT));
  const mobileNodes = [nodeOptions(plan, subject), nodeOptions(plan, nodeSubject(address(correspondent)))];
  const options = { timestamp: timestampOf(stampOf(EPOCH + 50)), magAddress: octetsOf(address(4)) };
  return { type: "localized-routing-initiation", sequence: 77, lifetime: 60, mobileNodes, options, ...more };
}

function initiate(world: World, message: LocalizedRoutingInitiation, source = HOME, to = CORRESPONDENT) {
  world.deliver(packet(address(source), address(to), message));
  world.drain();
  return world.messages("localized-routing-ack").findLast(({ message: { sequence } }) => sequence === 77)?.message;
}

describe("a correspondent asks the subject's home (RFC 6705)", () => {
  test("and hears the gateway, which hears of it and registers: one binding for each anchor", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.talk();
    world.tell(CORRESPONDENT, wanted);
    expect(world.talk()).toEqual(["LRI 3→0", "LRA 0 0→3", "LRI 0→1", "LRA 0 1→0", "PBU 1→3", "PBA 0 3→1"]);
    expect(place(world)).toBe(address(GATEWAY));
    expect(known(world)).toMatchObject({ state: "direct", mag: address(GATEWAY), isBound: true, lifetime: 60_000 });
    expect(world.node(CORRESPONDENT).of("whereabouts").at(-1)!.role).toBe("correspondent");
  });

  test("naming the subject and itself, so that there are two nodes as the RFC has it (§10.1)", () => {
    const world = new World(COUNT);
    world.tell(CORRESPONDENT, wanted);
    const [asked] = world.messages("localized-routing-initiation");
    expect(asked).toMatchObject({ source: address(CORRESPONDENT), destination: address(HOME) });
    const names = asked!.message.mobileNodes.map(({ mobileNode }) => mobileNode);
    expect(names).toEqual([`${subject.address}@00000401.ain`, `${address(CORRESPONDENT)}@00000000.ain`]);
  });

  test.each([
    ["at home", true],
    ["nowhere", false],
  ])("and hears that it is %s: packets go native", (_, isHome) => {
    const world = new World(COUNT);
    if (isHome) world.attach(HOME, "vm", subject);
    world.tell(CORRESPONDENT, wanted);
    expect(world.messages("localized-routing-ack")[0]!.message.status).toBe(STATUS.MOBILE_NODE_NOT_ATTACHED);
    expect([place(world), known(world)?.state]).toEqual(["native", "native"]);
  });

  test("of an address that a tenant brought: what is at home is tunnelled there, for it cannot be routed", () => {
    const world = new World(COUNT);
    const own = tenantSubject(7);
    const { lma } = world.node(0).core.instance.plan.homeOf(own);
    const home = world.nodes.findIndex(({ config }) => config.address === lma);
    world.attach(home, "vm", own);
    const correspondent = (home + 1) % COUNT;
    world.tell(correspondent, { type: "wanted", subject: own });
    expect(world.node(correspondent).place(own)).toBe(lma);
  });

  test("four times if it does not answer; packets go native, and after a while it asks again", () => {
    const world = new World(COUNT);
    world.passes = () => false;
    world.tell(CORRESPONDENT, wanted);
    passUsed(world, 14_000);
    expect(world.messages("localized-routing-initiation")).toHaveLength(4);
    expect(place(world)).toBe("unknown");
    passUsed(world, 2_000);
    expect([place(world), known(world)?.state]).toEqual(["native", "native"]);
    world.attach(GATEWAY, "vm", subject);
    world.passes = () => true;
    passUsed(world, 60_000);
    expect(place(world)).toBe(address(GATEWAY));
  });

  test("not about what is at home here, or is here", () => {
    const world = new World(COUNT);
    world.tell(HOME, wanted);
    world.attach(GATEWAY, "vm", subject);
    world.talk();
    world.tell(GATEWAY, wanted);
    expect(world.talk()).toEqual([]);
  });

  test("and is told what it knew when the binding table has forgotten", () => {
    const world = bound();
    const before = world.node(CORRESPONDENT).of("whereabouts").length;
    world.talk();
    world.tell(CORRESPONDENT, wanted);
    expect(world.talk()).toEqual([]);
    expect(world.node(CORRESPONDENT).of("whereabouts").slice(before)).toMatchObject([
      { place: { mag: address(GATEWAY) } },
    ]);
  });

  test("about so many subjects, and no more: the others go native", () => {
    const world = new World(COUNT, () => ({ limits: { ...DEFAULT_LIMITS, subjects: 1 } }));
    world.tell(CORRESPONDENT, wanted);
    world.tell(CORRESPONDENT, { type: "wanted", subject: subjectAt(HOME, COUNT, 1) });
    expect(world.node(CORRESPONDENT).core.view().correspondents).toHaveLength(1);
    expect(world.node(CORRESPONDENT).count("correspondences-full")).toBe(1);
  });
});

describe("while packets go there", () => {
  test("it is asked for again before what was told ends, and the gateway refreshes: the way stays direct", () => {
    const world = bound();
    const changes = world.node(CORRESPONDENT).of("whereabouts").length;
    passUsed(world, 600_000);
    expect(place(world)).toBe(address(GATEWAY));
    expect(world.node(CORRESPONDENT).of("whereabouts")).toHaveLength(changes);
    const asked = world
      .messages("localized-routing-initiation")
      .filter(({ source }) => source === address(CORRESPONDENT));
    expect(asked.length).toBeGreaterThanOrEqual(12);
    expect(asked.length).toBeLessThanOrEqual(16);
  });

  test("it goes on straight while the home is down, as long as the gateway refreshes", () => {
    const world = bound();
    world.passes = (_, { source, destination }) => source !== address(HOME) && destination !== address(HOME);
    passUsed(world, 300_000);
    expect(place(world)).toBe(address(GATEWAY));
  });

  test("it goes on straight while a home that was restarted knows nothing yet", () => {
    const world = bound();
    world.restart(HOME);
    world.passes = (_, { source }) => source !== address(GATEWAY);
    passUsed(world, 50_000);
    expect(place(world)).toBe(address(GATEWAY));
    passUsed(world, 30_000); // neither home nor gateway confirm it
    expect(place(world)).toBe("native");
    world.passes = () => true;
    passUsed(world, 60_000);
    expect(place(world)).toBe(address(GATEWAY));
  });

  test("the idle time after the last one, it is forgotten; the table is told in any case", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = (message) => message.type !== "binding-update"; // the gateway is not registered here
    world.tell(CORRESPONDENT, wanted);
    world.pass(20_000);
    world.tell(CORRESPONDENT, used);
    world.pass(29_000);
    expect(place(world)).toBe(address(GATEWAY));
    world.pass(1_000);
    expect([known(world), place(world)]).toEqual([undefined, "unknown"]);
    const asking = new World(COUNT, () => ({ timers: { ...DEFAULT_TIMERS, idle: 5_000 } }));
    asking.passes = () => false;
    asking.tell(CORRESPONDENT, wanted);
    asking.pass(60_000);
    expect(asking.node(CORRESPONDENT).of("whereabouts")).toMatchObject([{ place: "unknown" }]);
  });

  test("and not for long, a gateway that refreshes is told so by lifetime 0, and both forget", () => {
    const world = bound();
    world.pass(50_000);
    const answers = world.messages("binding-ack").filter(({ source }) => source === address(CORRESPONDENT));
    expect(answers.map(({ message }) => [message.status, message.lifetime])).toEqual([
      [0, 15],
      [0, 0],
    ]);
    expect([known(world), place(world)]).toEqual([undefined, "unknown"]);
    const asked = world
      .messages("localized-routing-initiation")
      .filter(({ source }) => source === address(CORRESPONDENT));
    expect(asked).toHaveLength(1);
    expect(world.node(GATEWAY).core.view().updateList).toHaveLength(1);
    expect(world.node(CORRESPONDENT).core.view().counters).toEqual({});
  });

  test("of what there was no room for, it is wanted again", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.tell(CORRESPONDENT, used);
    expect(place(world)).toBe(address(GATEWAY));
  });
});

describe("a move (RFC 6705 §6.1)", () => {
  test("is told to all correspondents, and they to the new gateway", () => {
    const world = bound();
    world.tell(4, wanted);
    world.pass(1000);
    world.talk();
    world.attach(2, "vm", subject, { handoff: true });
    const said = world.talk();
    for (const each of ["LRI 0→3", "LRI 0→4", "BRI 0→1", "PBU 2→3", "PBU 2→4"]) expect(said).toContain(each);
    expect([place(world), world.node(4).place(subject)]).toEqual([address(2), address(2)]);
    expect(world.node(2).core.view().updateList).toHaveLength(3);
  });

  test("home, or the end, ends the direct way (§4: lifetime 0)", () => {
    for (const end of ["home", "detached"]) {
      const world = bound();
      world.now += 10;
      if (end === "home") world.attach(HOME, "vm", subject, { handoff: true });
      else world.tell(GATEWAY, { type: "detached", vm: "vm" });
      const told = world.messages("localized-routing-initiation").at(-1)!;
      expect([end, told.destination, told.message.lifetime]).toEqual([end, address(CORRESPONDENT), 0]);
      expect([end, place(world)]).toEqual([end, "native"]);
    }
  });

  test("away from home is told to those that went native", () => {
    const world = new World(COUNT);
    world.attach(HOME, "vm", subject);
    world.tell(CORRESPONDENT, wanted);
    world.now += 10;
    world.attach(GATEWAY, "vm", subject, { handoff: true });
    expect(place(world)).toBe(address(GATEWAY));
  });

  test("to where a correspondent is ends what that knew, and it is told no more", () => {
    const world = bound();
    world.now += 10;
    world.attach(CORRESPONDENT, "vm", subject, { handoff: true });
    expect([known(world), place(world)]).toEqual([undefined, "unknown"]);
    expect(world.node(HOME).core.view().bindings[0]!.told).toBe(0);
  });

  test("that a correspondent was not told of, because it did not answer five times, ends by itself", () => {
    const world = bound();
    world.passes = (message, { destination }) =>
      !(message.type === "localized-routing-initiation" && destination === address(CORRESPONDENT));
    world.now += 10;
    world.attach(2, "vm", subject, { handoff: true });
    // The gateway that has it now registers at once: its word is as good.
    expect(place(world)).toBe(address(2));
    passUsed(world, 40_000);
    expect(world.node(HOME).count("move-unanswered")).toBe(1);
  });

  test("is told to as many as there is room for; others hear it when they ask again", () => {
    const world = new World(COUNT, () => ({ limits: { ...DEFAULT_LIMITS, correspondents: 1 } }));
    world.attach(GATEWAY, "vm", subject);
    world.tell(4, wanted);
    world.tell(CORRESPONDENT, wanted);
    expect(world.node(HOME).core.view().bindings[0]!.told).toBe(1);
    expect(world.node(HOME).count("correspondents-full")).toBe(1);
    world.now += 10;
    world.attach(2, "vm", subject, { handoff: true });
    expect(place(world)).toBe(address(2));
    for (let second = 0; second < 60; second++) {
      world.pass(1000);
      world.tell(4, used);
    }
    expect(world.node(4).place(subject)).toBe(address(2));
  });

  test("is told to those who heard of the last one, whenever they had asked", () => {
    const world = bound();
    world.pass(40_000);
    world.tell(CORRESPONDENT, used);
    world.attach(2, "vm", subject, { handoff: true });
    world.pass(25_000); // a minute after it had asked is over
    world.tell(CORRESPONDENT, used);
    world.passes = (message) =>
      message.type !== "binding-update" || message.options.handoff === HANDOFF.BETWEEN_GATEWAYS;
    world.attach(4, "vm", subject, { handoff: true });
    expect(place(world)).toBe(address(4));
  });

  test("is believed by its stamp, in whatever order it is heard", () => {
    const world = bound();
    const late = world
      .messages("localized-routing-ack")
      .find(({ destination }) => destination === address(CORRESPONDENT))!;
    expect(initiate(world, initiation())).toMatchObject({ status: STATUS.SUCCESS, lifetime: 60 });
    expect(place(world)).toBe(address(4));
    const older = { timestamp: timestampOf(stampOf(EPOCH + 20)), magAddress: octetsOf(address(2)) };
    initiate(world, initiation({ options: older }));
    expect(place(world)).toBe(address(4));
    expect(world.node(CORRESPONDENT).count("correspondent-told-late")).toBe(1);
    world.deliver(late);
    expect([place(world), world.node(CORRESPONDENT).count("lra-unmatched")]).toEqual([address(4), 1]);
  });
});

describe("a Localized Routing Initiation", () => {
  test("from anybody but the subject's home is dropped: only the home knows", () => {
    const world = bound();
    expect(initiate(world, initiation(), 2)).toBeUndefined();
    expect([place(world), world.node(CORRESPONDENT).count("lri-not-from-home")]).toEqual([address(GATEWAY), 1]);
  });

  test("about what nobody here talks to, or without a stamp, is refused (status 129)", () => {
    const world = new World(COUNT);
    expect(initiate(world, initiation())?.status).toBe(STATUS.MOBILE_NODE_NOT_ATTACHED);
    const other = bound();
    const options = { magAddress: octetsOf(address(4)) };
    expect(initiate(other, initiation({ options }))?.status).toBe(STATUS.MOBILE_NODE_NOT_ATTACHED);
    expect(place(other)).toBe(address(GATEWAY));
  });

  test("that names a correspondent of what is not attached here is refused (status 129), and nobody is registered", () => {
    const world = bound();
    const options = { timestamp: timestampOf(stampOf(EPOCH)), magAddress: octetsOf(address(4)) };
    expect(initiate(world, initiation({ options }, 4), HOME, 2)?.status).toBe(STATUS.MOBILE_NODE_NOT_ATTACHED);
    expect(world.node(2).core.view().updateList).toEqual([]);
    expect(world.node(2).place(subject)).toBe("unknown");
  });

  const plan = new Plan(configOf(0, COUNT));
  const [mine, node] = [nodeOptions(plan, subject), nodeOptions(plan, nodeSubject(address(CORRESPONDENT)))];
  test.each([
    ["of one node", [mine], "lri-not-of-two-nodes"],
    ["of three nodes", [mine, node, node], "lri-not-of-two-nodes"],
    ["of a router as the subject", [node, node], "lri-nobodys-vm"],
    ["of two VMs", [mine, nodeOptions(plan, subjectAt(1, COUNT))], "lri-without-correspondent"],
    [
      "with another one's prefix",
      [{ ...mine, homeNetworkPrefixes: node.homeNetworkPrefixes! }, node],
      "lri-prefix-not-the-subjects",
    ],
  ])("%s is dropped and counted", (_, mobileNodes, counter) => {
    const world = bound();
    expect(initiate(world, initiation({ mobileNodes }))).toBeUndefined();
    expect(world.node(CORRESPONDENT).count(counter)).toBe(1);
  });

  test("that names another gateway than the correspondent's own is refused (status 129)", () => {
    const world = bound();
    const options = { timestamp: timestampOf(stampOf(EPOCH)), magAddress: octetsOf(address(2)) };
    expect(initiate(world, initiation({ options }, 4), HOME, GATEWAY)?.status).toBe(STATUS.MOBILE_NODE_NOT_ATTACHED);
    expect(world.node(GATEWAY).core.view().updateList).toHaveLength(2);
  });

  test("is answered by whom it was sent to alone: what another says in its stead is not believed", () => {
    const world = new World(COUNT);
    world.passes = () => false;
    world.tell(CORRESPONDENT, wanted);
    const { sequence, mobileNodes } = world.messages("localized-routing-initiation")[0]!.message;
    const options = { timestamp: timestampOf(stampOf(EPOCH)), magAddress: octetsOf(address(4)) };
    const fields = { sequence, unsolicited: false, status: 0, lifetime: 60, mobileNodes, options };
    world.deliver(packet(address(4), address(CORRESPONDENT), { type: "localized-routing-ack", ...fields }));
    expect([place(world), world.node(CORRESPONDENT).count("lra-unmatched")]).toEqual(["unknown", 1]);
  });

  test("that asks where the home is not is refused (status 128)", () => {
    const world = new World(COUNT);
    expect(initiate(world, initiation({ options: {} }, 2), 2, 4)?.status).toBe(STATUS.NOT_ALLOWED);
    expect(world.node(4).count("lri-home-is-elsewhere")).toBe(1);
  });
});

describe("an update at a correspondent", () => {
  const tell = (world: World, from: number, at: number, more = {}) => {
    const options = updateOptions(subject, COUNT, EPOCH + at);
    world.deliver(packet(address(from), address(CORRESPONDENT), update(options, { sequence: at & 0xffff, ...more })));
    return world.messages("binding-ack").at(-1)!.message;
  };

  test("of a later attachment is believed before the home has told of it; of an earlier one it is not (RFC 5213 §5.5)", () => {
    const world = bound();
    expect(tell(world, 2, 100).status).toBe(BINDING_STATUS.ACCEPTED);
    expect(place(world)).toBe(address(2));
    expect(tell(world, 4, 90).status).toBe(BINDING_STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    expect(place(world)).toBe(address(2));
    expect(world.node(CORRESPONDENT).count("pbu-out-of-order")).toBe(1);
  });

  test("is not granted more than a correspondent's lifetime", () => {
    expect(tell(bound(), GATEWAY, 100).lifetime).toBe(15);
  });

  test("that was doubled is answered again", () => {
    const world = bound();
    tell(world, 2, 100);
    expect(tell(world, 2, 100)).toMatchObject({ status: BINDING_STATUS.ACCEPTED, lifetime: 15 });
  });

  test("of what nobody here talks to is refused: its home is elsewhere (status 153)", () => {
    const world = new World(COUNT);
    expect(tell(world, 2, 0).status).toBe(BINDING_STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE);
    expect(world.node(CORRESPONDENT).count("pbu-home-is-elsewhere")).toBe(1);
    expect(place(world)).toBe("unknown");
  });
});

test("a home that believes a subject here, when it is not, is told so: a gateway that lost its VM in a restart", () => {
  const world = new World(COUNT);
  world.attach(GATEWAY, "vm", subject);
  world.pass(1000);
  world.restart(GATEWAY);
  world.tell(GATEWAY, wanted);
  expect(world.node(HOME).core.view().bindings).toEqual([]);
  expect(world.node(GATEWAY).place(subject)).toBe("native");
  expect(world.node(GATEWAY).count("bound-here-without-vm")).toBe(1);
  expect(world.messages("localized-routing-initiation").map(({ source }) => source)).toEqual([address(GATEWAY)]);
});
