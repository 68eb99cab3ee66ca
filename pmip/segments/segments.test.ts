import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS, DEFAULT_TIMERS, type MobilityConfig } from "#pmip/config";
import type { GroupSet, Segment, SegmentMember } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import type { BindingAck, BindingUpdate, LocalizedRoutingInitiation } from "#pmip/packet/message";
import { BINDING_STATUS, FOREVER, HANDOFF, LOCALIZED_ROUTING_STATUS } from "#pmip/packet/numbers";
import { Plan } from "#pmip/plan";
import { memberName, memberOptions, rendezvousOf } from "#pmip/segments/segment";
import { stampOf, timestampOf } from "#pmip/stamp";
import { address, configOf, SECRETS, TAGS } from "#pmip/testing/configs";
import { packet, update, without } from "#pmip/testing/messages";
import { World } from "#pmip/testing/world";

const COUNT = 6;
const MAPPED = "00000000000000000000ffff";
const GROUPS = ["e0010101", "e0010102", "effffffa"].map((group) => MAPPED + group);
const GROUP_6 = "ff0500000000000000000000000000fb";

const segmentOf = (network: string, length: number, tags = TAGS): Segment => ({
  ...{ tags, prefix: { address: MAPPED + network, length: 96 + length } },
});

/** A segment whose rendezvous are those two hypervisors. */
function segmentAt(first: number, second: number, count = COUNT): Segment {
  const plan = new Plan(configOf(0, count));
  for (let host = 0x0a00_0000; ; host += 256) {
    const segment = segmentOf(host.toString(16).padStart(8, "0"), 24);
    const found = rendezvousOf(plan, segment);
    if (found[0] === address(first) && found[1] === address(second)) return segment;
  }
}

const SEGMENT = segmentAt(0, 1);
const [R1, R2, A, B, C] = [0, 1, 2, 3, 4] as const;

const join = (world: World, index: number, groups: GroupSet | undefined = [], segment = SEGMENT): void =>
  world.tell(index, { type: "segment", segment, groups });
const leave = (world: World, index: number, segment = SEGMENT): void =>
  world.tell(index, { type: "segment", segment, groups: undefined });

/** Whom the hypervisor was told of last, by index, and what they listen to. */
function list(world: World, index: number): Record<number, GroupSet> {
  const members: readonly SegmentMember[] = world.node(index).of("segment").at(-1)?.members ?? [];
  const indexOf = (mag: string): number => Array.from({ length: COUNT }, (_, i) => address(i)).indexOf(mag);
  return Object.fromEntries(members.map(({ mag, groups }) => [indexOf(mag), groups]));
}

function known(world: World, index: number): number[] {
  return Object.keys(list(world, index)).map(Number);
}

describe("A segment's rendezvous", () => {
  test("are the homes of its prefix's first and last address", () => {
    const plan = new Plan(configOf(0, COUNT));
    const homeOf = (host: string): string => plan.homeOf({ tags: TAGS, address: MAPPED + host }).lma;
    expect(rendezvousOf(plan, segmentOf("0a000000", 24))[0]).toBe(homeOf("0a000000"));
    const host = SEGMENT.prefix.address.slice(24, 30);
    expect(rendezvousOf(plan, SEGMENT)).toEqual([homeOf(`${host}00`), homeOf(`${host}ff`)]);
  });

  test("are two wherever there are two hypervisors, even if both addresses have one home", () => {
    const plan = new Plan(configOf(0, 3));
    for (let i = 0; i < 300; i++) {
      const segment = segmentOf((0x0a00_0000 + i * 256).toString(16).padStart(8, "0"), 24);
      expect(new Set(rendezvousOf(plan, segment)).size).toBe(2);
    }
    expect(rendezvousOf(new Plan(configOf(0, 1)), SEGMENT)).toEqual([address(0)]);
  });
});

describe("A hypervisor with members", () => {
  test("registers at both by Proxy Binding Updates: identifier, prefixes, Handoff Indicator, GRE key (RFC 5213 §6.9.1.1)", () => {
    const world = new World(COUNT);
    join(world, A, [GROUPS[0]!, GROUP_6]);
    expect(world.talk()).toEqual(["PBU 2→0", "PBU 2→1", "PBA 0 0→2", "PBA 0 1→2"]);
    const again = new World(COUNT);
    join(again, A, [GROUPS[0]!, GROUP_6]);
    for (const [i, { message }] of again.messages("binding-update").entries()) {
      const membership = { segment: SEGMENT, mag: address(A) };
      expect(message.options.mobileNode).toBe(memberName(membership));
      const [network, ...groups] = message.options.homeNetworkPrefixes!;
      const lma = octetsOf(address(i));
      expect(network).toEqual({
        address: Uint8Array.of(...lma.subarray(0, 8), 0, 0, 4, 1, ...octetsOf(SEGMENT.prefix.address).subarray(12)),
        length: 96 + 24,
      });
      expect(groups.map(({ address: group, length }) => `${group.toHex()}/${length}`)).toEqual([
        `${GROUPS[0]}/128`,
        `${GROUP_6}/128`,
      ]);
      expect([message.options.handoff, message.options.greKey]).toEqual([HANDOFF.NEW_INTERFACE, TAGS]);
    }
  });

  test("learns of all others, and they of it", () => {
    const world = new World(COUNT);
    join(world, A, [GROUPS[0]!]);
    join(world, B, "all");
    join(world, C);
    expect(list(world, A)).toEqual({ [B]: "all", [C]: [] });
    expect(list(world, B)).toEqual({ [A]: [GROUPS[0]!], [C]: [] });
    expect(list(world, C)).toEqual({ [A]: [GROUPS[0]!], [B]: "all" });
  });

  test("is told by Localized Routing Initiations with the member's MAG IPv6 Address (RFC 6705 §10.1)", () => {
    const world = new World(COUNT);
    join(world, A, [GROUPS[0]!]);
    join(world, B);
    const told = world.messages("localized-routing-initiation").filter(({ destination }) => destination === address(B));
    expect(told.map(({ source }) => source)).toEqual([address(R1), address(R2)]);
    for (const { message, source } of told) {
      expect(message.options.magAddress?.toHex()).toBe(address(A));
      expect(message.lifetime).toBe(FOREVER);
      const about = memberOptions(source, { segment: SEGMENT, mag: address(A) }, [GROUPS[0]!]);
      expect(message.mobileNodes[0]).toEqual(about);
    }
    expect(world.messages("localized-routing-ack").every(({ message }) => message.status === 0)).toBe(true);
  });

  test("that is a rendezvous itself needs no messages for that", () => {
    const world = new World(COUNT);
    join(world, R1, [GROUPS[0]!]);
    expect(world.talk()).toEqual(["PBU 0→1", "PBA 0 1→0"]);
    join(world, A);
    expect(list(world, R1)).toEqual({ [A]: [] });
    expect(list(world, A)).toEqual({ [R1]: [GROUPS[0]!] });
    leave(world, R1);
    expect(list(world, A)).toEqual({});
  });

  test("tells of other groups at once", () => {
    const world = new World(COUNT);
    join(world, A);
    join(world, B);
    join(world, B, [GROUPS[1]!]);
    expect(list(world, A)).toEqual({ [B]: [GROUPS[1]!] });
    join(world, B, "all");
    expect(list(world, A)).toEqual({ [B]: "all" });
    join(world, B);
    expect(list(world, A)).toEqual({ [B]: [] });
  });

  test("says of more than 48 groups that it wants all", () => {
    const world = new World(COUNT);
    const many = Array.from({ length: 49 }, (_, i) => `${MAPPED}e00101${i.toString(16).padStart(2, "0")}`);
    join(world, A, many.slice(0, 48));
    join(world, B);
    expect(list(world, B)).toEqual({ [A]: many.slice(0, 48) });
    join(world, A, many);
    expect(list(world, B)).toEqual({ [A]: "all" });
  });

  test("that leaves deregisters with lifetime 0, and all forget it (RFC 5213 §6.9.1.3)", () => {
    const world = new World(COUNT);
    for (const index of [A, B, C]) join(world, index);
    world.talk();
    leave(world, B);
    expect(known(world, A)).toEqual([C]);
    expect(known(world, C)).toEqual([A]);
    expect(known(world, B)).toEqual([]);
    const ends = world.messages("binding-update").filter(({ message }) => message.lifetime === 0);
    expect(ends.map(({ destination }) => destination)).toEqual([address(R1), address(R2)]);
    expect(world.node(B).core.segments().joined).toEqual([]);
  });

  test("may come again at once", () => {
    const world = new World(COUNT);
    join(world, A);
    join(world, B);
    world.passes = (_, { source }) => source !== address(B);
    leave(world, B);
    join(world, B, [GROUPS[0]!]);
    expect(list(world, A)).toEqual({ [B]: [] });
    world.passes = () => true;
    world.pass(1000);
    expect(list(world, A)).toEqual({ [B]: [GROUPS[0]!] });
    expect(list(world, B)).toEqual({ [A]: [] });
  });

  test("retransmits until it is answered, doubling (RFC 6275 §11.8)", () => {
    const world = new World(COUNT);
    world.passes = (message) => message.type !== "binding-ack";
    join(world, A);
    world.pass(7000);
    const updates = world.messages("binding-update").filter(({ destination }) => destination === address(R1));
    expect(updates.length).toBe(4); // at 0, 1, 3 and 7 s
    expect(new Set(updates.map(({ message }) => message.sequence)).size).toBe(4);
    expect(new Set(updates.map(({ message }) => message.options.timestamp!.fraction)).size).toBe(1);
  });

  test("refreshes before its lifetime ends, which makes no news", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index);
    world.talk();
    world.pass(DEFAULT_TIMERS.lifetime * 2.4);
    expect(known(world, A)).toEqual([B]);
    const updates = world.messages("binding-update");
    expect(updates).toHaveLength(12);
    expect(updates.every(({ message }) => message.options.handoff === HANDOFF.NOT_CHANGED)).toBe(true);
    expect(world.messages("localized-routing-initiation")).toEqual([]);
    expect(world.node(A).of("segment")).toHaveLength(1);
  });

  test("asks for everything again now and then, which makes no news either", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index);
    world.talk();
    world.pass(DEFAULT_TIMERS.lifetime * 12);
    const asked = world.messages("binding-update").filter(({ message }) => message.options.handoff === HANDOFF.UNKNOWN);
    expect(asked.length).toBeGreaterThanOrEqual(8);
    expect(world.messages("localized-routing-initiation")).toHaveLength(asked.length);
    expect(world.node(A).of("segment")).toHaveLength(1);
  });

  test("is on the segments of several networks without mixing them", () => {
    const world = new World(COUNT);
    const other = { ...SEGMENT, tags: TAGS + 1 };
    join(world, A);
    join(world, B, [], other);
    join(world, C);
    join(world, C, [GROUPS[0]!], other);
    expect(world.node(A).of("segment").at(-1)).toMatchObject({ segment: SEGMENT, members: [{ mag: address(C) }] });
    expect(world.node(B).of("segment").at(-1)).toMatchObject({ segment: other, members: [{ mag: address(C) }] });
    const ofC = world.node(C).of("segment");
    expect(ofC.map(({ segment, members }) => [segment.tags, members.map(({ mag }) => mag)])).toEqual([
      [TAGS, [address(A)]],
      [TAGS + 1, [address(B)]],
    ]);
  });
});

const dead = (world: World, ...indexes: number[]): void => {
  const gone = indexes.map(address);
  world.passes = (_, { source, destination }) => !gone.includes(source) && !gone.includes(destination);
};

describe("A loss of rendezvous", () => {
  test("costs nothing while there is one of them: joins and leaves become known by the other", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index);
    dead(world, R1);
    join(world, C, [GROUPS[0]!]);
    expect(list(world, A)).toEqual({ [B]: [], [C]: [GROUPS[0]!] });
    expect(known(world, C)).toEqual([A, B]);
    leave(world, B);
    expect(known(world, A)).toEqual([C]);
    expect(known(world, C)).toEqual([A]);
    join(world, A, "all");
    expect(list(world, C)).toEqual({ [A]: "all" });
  });

  test("leaves the lists as they are when both are silent, for however long", () => {
    const world = new World(COUNT);
    for (const index of [A, B, C]) join(world, index, [GROUPS[0]!]);
    dead(world, R1, R2);
    world.pass(10 * DEFAULT_TIMERS.lifetime);
    for (const index of [A, B, C]) expect(known(world, index)).toEqual([A, B, C].filter((other) => other !== index));
  });

  test("is made good when one comes back: whoever is there is told again, who left meanwhile is forgotten", () => {
    const world = new World(COUNT);
    for (const index of [A, B, C]) join(world, index);
    dead(world, R1, R2);
    world.pass(2 * DEFAULT_TIMERS.lifetime);
    leave(world, C);
    world.pass(200_000); // it gives up saying so
    expect(known(world, A)).toEqual([B, C]);
    world.restart(R1);
    world.restart(R2);
    world.passes = () => true;
    world.pass(2 * DEFAULT_TIMERS.retransmitLongest + 2 * DEFAULT_TIMERS.heartbeat);
    expect(known(world, A)).toContain(B);
    world.pass(DEFAULT_TIMERS.lifetime);
    expect(known(world, A)).toEqual([B]);
    expect(known(world, B)).toEqual([A]);
  });

  test("by a crash is noticed by heartbeat, and members register again (RFC 5847 §3.2)", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index);
    world.pass(2 * DEFAULT_TIMERS.heartbeat);
    world.restart(R1);
    world.talk();
    world.pass(2 * DEFAULT_TIMERS.heartbeat);
    const again = world.messages("binding-update").filter(({ destination }) => destination === address(R1));
    expect(again.map(({ message }) => message.options.handoff)).toEqual([HANDOFF.UNKNOWN, HANDOFF.UNKNOWN]);
    expect(known(world, A)).toEqual([B]);
    dead(world, R2);
    join(world, C);
    expect(known(world, C)).toEqual([A, B]);
    world.pass(4 * DEFAULT_TIMERS.lifetime);
    for (const index of [A, B, C]) expect(known(world, index)).toEqual([A, B, C].filter((other) => other !== index));
  });

  test("for long makes its word count less than that of one which speaks: a member that crashed is forgotten", () => {
    const world = new World(COUNT);
    for (const index of [A, B, C]) join(world, index);
    dead(world, R1, C);
    world.pass(3 * DEFAULT_TIMERS.lifetime);
    expect(known(world, A)).toEqual([B]);
    expect(known(world, B)).toEqual([A]);
  });
});

describe("A member", () => {
  test("that crashes is forgotten when its lifetime ends", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index);
    dead(world, B);
    world.pass(0.9 * DEFAULT_TIMERS.lifetime);
    expect(known(world, A)).toEqual([B]);
    world.pass(1.2 * DEFAULT_TIMERS.lifetime);
    expect(known(world, A)).toEqual([]);
  });

  test("that was restarted is told all members again, and its new word counts, whatever its clock says", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index, [GROUPS[0]!]);
    world.node(B).skew = -600_000;
    world.restart(B);
    join(world, B, [GROUPS[1]!]);
    expect(list(world, B)).toEqual({ [A]: [GROUPS[0]!] });
    expect(list(world, A)).toEqual({ [B]: [GROUPS[1]!] });
    expect(world.node(R1).count("segment-out-of-order")).toBe(1);
  });

  test("hears again what it did not acknowledge, and after long silence when it registers again", () => {
    const world = new World(COUNT);
    for (const index of [A, B]) join(world, index);
    world.passes = (message) => message.type !== "localized-routing-initiation";
    join(world, C);
    expect(known(world, A)).toEqual([B]);
    world.pass(5000);
    world.passes = () => true;
    world.pass(10_000);
    expect(known(world, A)).toEqual([B, C]);
    world.passes = (message) => message.type !== "localized-routing-initiation";
    leave(world, C);
    world.pass(0.6 * DEFAULT_TIMERS.lifetime);
    expect(world.node(R1).count("segment-member-deaf")).toBe(2);
    world.passes = () => true;
    world.pass(0.4 * DEFAULT_TIMERS.lifetime);
    expect(known(world, A)).toEqual([B]);
  });

  test("that has left answers that it is none: status 129 (RFC 6705 §10.2)", () => {
    const world = new World(COUNT);
    join(world, A);
    world.restart(A);
    join(world, B);
    const acks = world.messages("localized-routing-ack");
    expect(acks.map(({ message }) => message.status)).toContain(LOCALIZED_ROUTING_STATUS.MOBILE_NODE_NOT_ATTACHED);
    expect(
      world
        .node(R1)
        .core.segments()
        .rendezvous[0]?.members.map(({ untold }) => untold),
    ).toEqual([0, 0]);
  });
});

describe("A rendezvous refuses", () => {
  const membership = { segment: SEGMENT, mag: address(A) };
  const good = {
    ...memberOptions(address(R1), membership, [GROUPS[0]!]),
    ...{ handoff: HANDOFF.NEW_INTERFACE, accessTechnology: 1, greKey: TAGS },
    timestamp: timestampOf(stampOf(Date.UTC(2026, 0, 1))),
  };
  const status = (message: BindingUpdate, source = address(A), to = address(R1)): number | undefined => {
    const world = new World(COUNT);
    world.deliver(packet(source, to, message));
    return world.messages("binding-ack").at(-1)?.message.status;
  };
  const S = BINDING_STATUS;
  const group = (prefix: { address: Uint8Array; length: number }) => ({
    ...good,
    homeNetworkPrefixes: [good.homeNetworkPrefixes![0]!, prefix],
  });
  const CASES: readonly (readonly [what: string, wanted: number, asked: number | undefined])[] = [
    ["nothing else", S.ACCEPTED, status(update(good))],
    ["updates that are no proxy's", S.HOME_REGISTRATION_NOT_SUPPORTED, status(update(good, { flags: 0x8000 }))],
    ["a member that is not the sender", S.MAG_NOT_AUTHORIZED_FOR_PROXY_REG, status(update(good), address(B))],
    ["segments it is no rendezvous of", S.NOT_LMA_FOR_THIS_MOBILE_NODE, status(update(good), address(A), address(C))],
    [
      "a care-of address that is not the sender's",
      S.INVALID_CARE_OF_ADDRESS,
      status(update({ ...good, alternateCareOf: octetsOf(address(B)) })),
    ],
    [
      "updates without the segment's prefix",
      S.MISSING_HOME_NETWORK_PREFIX_OPTION,
      status(update(without(good, "homeNetworkPrefixes"))),
    ],
    [
      "another prefix than the identifier's",
      S.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
      status(update({ ...good, homeNetworkPrefixes: [{ address: octetsOf(address(B)), length: 128 }] })),
    ],
    [
      "groups that are none",
      S.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
      status(update(group({ address: octetsOf(`${MAPPED}0a000001`), length: 128 }))),
    ],
    [
      "prefixes of groups",
      S.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
      status(update(group({ address: octetsOf(GROUP_6), length: 120 }))),
    ],
    ["updates without Handoff Indicator", S.MISSING_HANDOFF_INDICATOR_OPTION, status(update(without(good, "handoff")))],
    [
      "updates without Access Technology Type",
      S.MISSING_ACCESS_TECH_TYPE_OPTION,
      status(update(without(good, "accessTechnology"))),
    ],
    ["updates without GRE key (RFC 5845 §6.4)", S.GRE_KEY_OPTION_REQUIRED, status(update(without(good, "greKey")))],
    ["a GRE key that is not the tags", S.ADMINISTRATIVELY_PROHIBITED, status(update({ ...good, greKey: TAGS + 1 }))],
    ["updates without timestamp (RFC 5213 §5.5)", S.TIMESTAMP_MISMATCH, status(update(without(good, "timestamp")))],
  ];
  for (const [what, wanted, found] of CASES) test(what, () => expect(found).toBe(wanted));

  test("more members than there may be, and more segments", () => {
    const limits = { ...DEFAULT_LIMITS, segmentMembers: 2, segments: 1 };
    const world = new World(COUNT, () => ({ limits }) satisfies Partial<MobilityConfig>);
    for (const index of [A, B, C]) join(world, index);
    join(world, A, [], segmentAt(0, 3));
    const statuses = world.messages("binding-ack").map(({ message }) => message.status);
    expect(statuses.filter((one) => one === S.INSUFFICIENT_RESOURCES)).toHaveLength(3);
    expect(known(world, A)).toEqual([B]);
    // Room that somebody leaves is another's, who is still asking.
    leave(world, B);
    world.pass(60_000);
    expect(known(world, A)).toEqual([C]);
  });

  test("older words than it knows, and tells which stamp it knows", () => {
    const world = new World(COUNT);
    const at = (millis: number) => ({ ...good, timestamp: timestampOf(stampOf(Date.UTC(2026, 0, 1) + millis)) });
    world.deliver(packet(address(A), address(R1), update(at(5000))));
    world.deliver(packet(address(A), address(R1), update(at(4000), { sequence: 6 })));
    const acks = world.messages("binding-ack").map(({ message }) => message as BindingAck);
    expect(acks.map(({ status: one }) => one)).toEqual([S.ACCEPTED, S.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED]);
    expect(acks[1]!.options.timestamp).toEqual(at(5000).timestamp);
  });
});

describe("A member believes", () => {
  function told(
    change: (message: LocalizedRoutingInitiation) => LocalizedRoutingInitiation,
    from: number = R1,
  ): number[] {
    const world = new World(COUNT);
    join(world, A);
    const lma = address(from);
    const message: LocalizedRoutingInitiation = {
      ...{ type: "localized-routing-initiation", sequence: 1, lifetime: FOREVER },
      mobileNodes: [
        memberOptions(lma, { segment: SEGMENT, mag: address(C) }),
        memberOptions(lma, { segment: SEGMENT, mag: address(A) }),
      ],
      options: { magAddress: octetsOf(address(C)), timestamp: timestampOf(stampOf(Date.UTC(2026, 0, 1))) },
    };
    world.deliver(packet(lma, address(A), change(message)));
    return known(world, A);
  }

  test("its rendezvous", () => expect(told((message) => message)).toEqual([C]));
  test("no other hypervisor", () => expect(told((message) => message, B)).toEqual([]));
  test("nothing without a timestamp", () =>
    expect(told((message) => ({ ...message, options: { magAddress: message.options.magAddress! } }))).toEqual([]));
  test("nothing that names one member and has the address of another", () =>
    expect(told((m) => ({ ...m, options: { ...m.options, magAddress: octetsOf(address(B)) } }))).toEqual([]));
  test("nothing that is for another", () =>
    expect(told((m) => ({ ...m, mobileNodes: [m.mobileNodes[0]!, m.mobileNodes[0]!] }))).toEqual([]));
});

test("Messages are signed where keys are configured, and others count for nothing (RFC 4285 §5)", () => {
  const authentication = (index: number) => ({ send: SECRETS[index % 2]!.spi, keys: SECRETS });
  const world = new World(COUNT, (index) => (index === C ? {} : { authentication: authentication(index) }));
  for (const index of [A, B, C]) join(world, index);
  expect(known(world, A)).toEqual([B]);
  expect(known(world, B)).toEqual([A]);
  expect(known(world, C)).toEqual([]);
});

test("Another list of homes makes other hypervisors rendezvous, and no member is lost", () => {
  const world = new World(COUNT);
  for (const index of [A, B, C]) join(world, index);
  const homes = [...configOf(0, COUNT).homes].reverse();
  world.nodes.forEach((node, index) => {
    const config = { ...node.config, homes, own: [COUNT - 1 - index] };
    world.tell(index, { type: "configure", config });
  });
  for (const index of [A, B, C]) expect(known(world, index)).toEqual([A, B, C].filter((other) => other !== index));
  world.pass(2 * DEFAULT_TIMERS.lifetime);
  for (const index of [A, B, C]) expect(known(world, index)).toEqual([A, B, C].filter((other) => other !== index));
  leave(world, C);
  expect(known(world, A)).toEqual([B]);
});
