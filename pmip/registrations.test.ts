import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "#pmip/config";
import { hexOf } from "#pmip/hex";
import type { BindingAck, BindingUpdate } from "#pmip/packet/message";
import {
  ACCESS_TECHNOLOGY,
  ACK_PROXY,
  BINDING_STATUS,
  HANDOFF,
  UPDATE_ACKNOWLEDGE,
  UPDATE_PROXY,
} from "#pmip/packet/numbers";
import { stampIn, stampOf, timestampOf } from "#pmip/stamp";
import { address, ipv6SubjectAt, subjectAt } from "#pmip/testing/configs";
import { packet, updateOptions } from "#pmip/testing/messages";
import { EPOCH, World } from "#pmip/testing/world";

const COUNT = 4;
const HOME = 0;
const GATEWAY = 1;
const subject = subjectAt(HOME, COUNT);
const STATUS = BINDING_STATUS;

const updates = (world: World) => world.messages("binding-update").map(({ message }) => message);
const listed = (world: World) => world.node(GATEWAY).core.view().updateList;
const stampsOf = (sent: readonly BindingUpdate[]) => sent.map(({ options }) => stampIn(options.timestamp!)!);

/** Nothing reaches the home; the test answers by hand. */
function unheard(): World {
  const world = new World(COUNT);
  world.passes = () => false;
  world.attach(GATEWAY, "vm", subject);
  return world;
}

function answer(world: World, more: Partial<BindingAck>, to = updates(world).at(-1)!, source = address(HOME)): void {
  const { mobileNode, homeNetworkPrefixes, handoff, accessTechnology, timestamp } = to.options;
  const options = {
    ...{ mobileNode: mobileNode!, homeNetworkPrefixes: homeNetworkPrefixes!, handoff: handoff! },
    ...{ accessTechnology: accessTechnology!, timestamp: timestamp! },
    ...more.options,
  };
  const fields = { status: 0, flags: ACK_PROXY, sequence: to.sequence, lifetime: 75, ...more, options };
  world.deliver(packet(source, address(GATEWAY), { type: "binding-ack", ...fields }));
}

describe("a VM that is attached away from home is registered there (RFC 5213 §6.9.1)", () => {
  test("by an update with all that the RFCs want in it (§6.9.1.5, RFC 5844 §3.1.1, RFC 5845 §3.3.1)", () => {
    const world = new World(COUNT);
    const mac = "020000000001";
    world.tell(GATEWAY, { type: "attached", vm: "vm", subjects: [subject], handoff: false, linkLayer: mac });
    const [sent] = world.messages("binding-update");
    expect(sent).toMatchObject({ source: address(GATEWAY), destination: address(HOME) });
    const { flags, lifetime, options } = sent!.message;
    expect([flags, lifetime]).toEqual([UPDATE_PROXY | UPDATE_ACKNOWLEDGE, 75]);
    const { mobileNode, homeNetworkPrefixes, ipv4HomeAddresses, handoff, accessTechnology, greKey } = options;
    expect(mobileNode).toBe(`${subject.address}@00000401.ain`);
    expect(hexOf(homeNetworkPrefixes![0]!.address)).toBe(`20010db80000000100000401${subject.address.slice(24)}`);
    expect([homeNetworkPrefixes![0]!.length, ipv4HomeAddresses![0]!.length]).toEqual([128, 32]);
    expect(hexOf(ipv4HomeAddresses![0]!.address)).toBe(subject.address.slice(24));
    expect([handoff, accessTechnology, greKey]).toEqual([
      HANDOFF.NEW_INTERFACE,
      ACCESS_TECHNOLOGY.VIRTUAL,
      subject.tags,
    ]);
    expect(hexOf(options.linkLayer!)).toBe(mac);
    expect(stampIn(options.timestamp!)).toBe(stampOf(EPOCH));
  });

  test("each of its addresses at its own home", () => {
    const world = new World(COUNT);
    const second = ipv6SubjectAt(2, 9);
    world.tell(GATEWAY, { type: "attached", vm: "vm", subjects: [subject, second], handoff: true });
    expect(world.messages("binding-update").map(({ destination }) => destination)).toEqual([address(HOME), address(2)]);
    expect([world.node(HOME).place(subject), world.node(2).place(second)]).toEqual([
      address(GATEWAY),
      address(GATEWAY),
    ]);
    expect(updates(world)[1]!.options).toMatchObject({ handoff: HANDOFF.BETWEEN_GATEWAYS });
    expect(updates(world)[1]!.options.ipv4HomeAddresses).toBeUndefined();
  });

  test("and is refreshed after three quarters of the lifetime, a tenth more or less, as unchanged (§6.9.1.3)", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    const next = listed(world)[0]!;
    expect(next).toMatchObject({ state: "registered", role: "home", lma: address(HOME), lifetime: 300_000, tries: 0 });
    world.pass(0.75 * 300_000 * 0.9 - 1);
    expect(updates(world)).toHaveLength(1);
    world.pass(0.75 * 300_000 * 0.2 + 1);
    expect(updates(world)).toHaveLength(2);
    expect(updates(world)[1]!.options.handoff).toBe(HANDOFF.NOT_CHANGED);
    world.pass(3_600_000);
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
    expect(world.node(HOME).count("binding-expired")).toBe(0);
  });

  test("not all at the same moment: jitter is the seed's", () => {
    const at = (seed: number): number => {
      const world = new World(COUNT, () => ({ seed }));
      world.attach(GATEWAY, "vm", subject);
      return world.node(GATEWAY).core.instance.hosted.values().next().value!.registrations.get(address(HOME))!
        .refreshAt;
    };
    expect(at(1)).toBe(at(1));
    expect(new Set([1, 2, 3, 4].map(at)).size).toBe(4);
  });

  test("and no more when it is gone: lifetime 0 ends it, and nothing is left (§6.9.1.4)", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.tell(GATEWAY, { type: "detached", vm: "vm" });
    expect(updates(world).map(({ lifetime }) => lifetime)).toEqual([75, 0]);
    expect(world.node(HOME).core.view().bindings).toEqual([]);
    const { instance } = world.node(GATEWAY).core;
    expect([instance.leaving.size, instance.hosted.size, instance.peers.size, instance.vms.size]).toEqual([0, 0, 0, 0]);
    expect(world.node(GATEWAY).core.deadline()).toBeUndefined();
  });

  test("of the addresses that a VM has no longer, when it is attached anew with others", () => {
    const world = new World(COUNT);
    const second = ipv6SubjectAt(2, 9);
    world.tell(GATEWAY, { type: "attached", vm: "vm", subjects: [subject, second], handoff: false });
    world.now += 10;
    world.attach(GATEWAY, "vm", subject);
    expect([world.node(HOME).place(subject), world.node(2).place(second)]).toEqual([address(GATEWAY), "unknown"]);
    expect(listed(world)).toHaveLength(1);
  });
});

describe("an update without an answer (RFC 6275 §11.8, RFC 5213 §6.9.1.1)", () => {
  test("is sent again after one second, two, four … up to 32, and then every 32 seconds", () => {
    const world = unheard();
    world.pass(160_000);
    const at: number[] = [0, 1, 3, 7, 15, 31, 63, 95, 127, 159];
    expect(updates(world)).toHaveLength(at.length);
    expect(listed(world)[0]).toMatchObject({ state: "registering", tries: at.length, lifetime: null });
  });

  test("each time with another sequence number, and a later stamp of the same attachment (§5.5)", () => {
    const world = unheard();
    world.pass(20_000);
    const sent = updates(world);
    const stamps = stampsOf(sent);
    expect(new Set(sent.map(({ sequence }) => sequence)).size).toBe(sent.length);
    expect(stamps.toSorted((a, b) => a - b)).toEqual(stamps);
    expect(new Set(stamps).size).toBe(stamps.length);
    expect(stamps.at(-1)! - stamps[0]!).toBeLessThan(stampOf(1));
  });

  test("that ends a registration is given up after five attempts: the binding ends by itself", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = () => false;
    world.tell(GATEWAY, { type: "detached", vm: "vm" });
    world.pass(60_000);
    expect(updates(world).filter(({ lifetime }) => lifetime === 0)).toHaveLength(5);
    expect(world.node(GATEWAY).core.deadline()).toBeUndefined();
  });

  test("does not outlive the VM that comes back: it is registered, not ended", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = () => false;
    world.tell(GATEWAY, { type: "detached", vm: "vm" });
    world.passes = () => true;
    world.now += 10;
    world.attach(GATEWAY, "vm", subject);
    world.pass(60_000);
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
    expect(world.node(GATEWAY).core.instance.leaving.size).toBe(0);
  });
});

describe("an acknowledgement (RFC 5213 §6.9.1.2)", () => {
  test("of an earlier attempt counts too, while none was answered", () => {
    const world = unheard();
    world.pass(4_000);
    answer(world, {}, updates(world)[0]!);
    expect(listed(world)[0]).toMatchObject({ state: "registered", tries: 0 });
  });

  const cases: [string, (world: World) => void, string][] = [
    [
      "of another sequence number (item 5)",
      (world) => answer(world, { sequence: updates(world)[0]!.sequence + 1 }),
      "pba-unmatched",
    ],
    ["from another anchor (item 5)", (world) => answer(world, {}, undefined, address(2)), "pba-unmatched"],
    [
      "of another subject (item 5)",
      (world) => answer(world, { options: updateOptions(subjectAt(HOME, COUNT, 1), COUNT, EPOCH) }),
      "pba-unmatched",
    ],
    [
      "of another access technology (item 6)",
      (world) => answer(world, { options: { accessTechnology: 4 } }),
      "pba-other-options",
    ],
    [
      "of another stamp (§5.5 item 7)",
      (world) => answer(world, { options: { timestamp: timestampOf(5) } }),
      "pba-other-stamp",
    ],
    ["without the flag P (item 1)", (world) => answer(world, { flags: 0 }), "pba-not-proxy"],
  ];
  test.each(cases)("%s is ignored and counted", (_, tell, counter) => {
    const world = unheard();
    tell(world);
    expect(listed(world)[0]).toMatchObject({ state: "registering", tries: 1 });
    expect(world.node(GATEWAY).core.view().counters).toEqual({ [counter]: 1 });
  });

  test("grants what it grants: a shorter lifetime is refreshed sooner", () => {
    const world = unheard();
    answer(world, { lifetime: 5 });
    expect(listed(world)[0]).toMatchObject({ state: "registered", lifetime: 20_000 });
    world.pass(13_400);
    expect(updates(world)).toHaveLength(1);
    world.pass(3_100);
    expect(updates(world).length).toBeGreaterThan(1);
  });

  test("that refuses is tried again much later: what was wrong may have been put right (item 11)", () => {
    const world = unheard();
    answer(world, { status: STATUS.INSUFFICIENT_RESOURCES });
    expect(listed(world)[0]).toMatchObject({ state: "refused", status: 130 });
    expect(world.node(GATEWAY).count("refused-by-anchor-130")).toBe(1);
    world.pass(28_000);
    expect(updates(world)).toHaveLength(1);
    world.pass(8_000);
    expect(updates(world).length).toBeGreaterThan(1);
    answer(world, {});
    expect(listed(world)[0]).toMatchObject({ state: "registered", status: null });
  });
});

describe("stamps that are refused", () => {
  const TOLD = (at: number) => ({ timestamp: timestampOf(stampOf(EPOCH + at)) });

  test("too low, by a home that knows another gateway: the VM is released, and sent after (§6.9.1.2 item 8)", () => {
    const world = new World(COUNT);
    world.now += 100;
    world.attach(2, "vm", subject);
    world.attach(GATEWAY, "vm", subject, { claim: EPOCH });
    expect(world.node(GATEWAY).of("released")).toEqual([{ type: "released", vm: "vm", subject, mag: address(2) }]);
    expect(world.node(GATEWAY).place(subject)).toBe(address(2));
    expect(listed(world)).toEqual([]);
  });

  test("too low, and our clock is behind the home's by far: the claim is put right by that, once", () => {
    const world = new World(COUNT);
    world.node(GATEWAY).skew = -60_000;
    world.attach(2, "vm", subject);
    world.now += 10;
    world.attach(GATEWAY, "vm", subject, { handoff: true });
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
    expect(world.node(GATEWAY).count("claim-corrected")).toBe(1);
    expect(world.node(2).of("released")).toHaveLength(1);
    expect(
      world
        .node(GATEWAY)
        .of("claimed")
        .map(({ claim }) => claim - EPOCH),
    ).toEqual([-59_990, 10]);
  });

  test("too low though we are the holder: we were restarted, and take a stamp that is a little later, of the same claim", () => {
    const world = unheard();
    answer(world, {
      status: STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED,
      options: { ...TOLD(700), magAddress: Uint8Array.fromHex(address(GATEWAY)) },
    });
    expect(stampsOf(updates(world))).toEqual([stampOf(EPOCH), stampOf(EPOCH) + 17]);
    expect(listed(world)[0]?.state).toBe("registering");
  });

  test("too high: our clock is ahead, the claim becomes the anchor's time (§5.5 item 9)", () => {
    const world = new World(COUNT);
    world.node(GATEWAY).skew = 60_000;
    world.attach(GATEWAY, "vm", subject);
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
    const [first, second] = stampsOf(updates(world));
    expect(first).toBe(stampOf(EPOCH + 60_000));
    expect(second! - stampOf(EPOCH)).toBeLessThanOrEqual(60); // a tick for each second since, by our clock
  });

  test("again and again: after three corrections it is a refusal as any", () => {
    const world = unheard();
    for (let i = 1; i <= 4; i++) answer(world, { status: STATUS.TIMESTAMP_MISMATCH, options: TOLD(-1000 * i) });
    expect(listed(world)[0]).toMatchObject({ state: "refused", status: STATUS.TIMESTAMP_MISMATCH });
  });

  test("too low, and our clock is hardly behind: claims are left as they are, or one would be corrected and others not", () => {
    const world = new World(COUNT);
    world.node(GATEWAY).skew = -40;
    world.now += 100;
    world.attach(2, "vm", subject);
    world.now += 20;
    world.attach(GATEWAY, "vm", subject, { handoff: true });
    expect(world.node(HOME).place(subject)).toBe(address(2));
    expect(world.node(GATEWAY).of("released")).toHaveLength(1);
    expect(world.node(GATEWAY).count("claim-corrected")).toBe(0);
  });

  test("of clocks that differ less are what they are: the claim of where the VM was makes ours later", () => {
    const world = new World(COUNT);
    world.node(GATEWAY).skew = -300;
    world.attach(2, "vm", subject);
    const { claim } = world.node(2).of("claimed")[0]!;
    world.now += 10;
    world.attach(GATEWAY, "vm", subject, { handoff: true, after: claim });
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
    expect(world.node(GATEWAY).core.view().counters).toEqual({});
  });
});

describe("a VM that resumes after it was held", () => {
  test("is registered once more with its claim, and its correspondents stay", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.tell(3, { type: "wanted", subject });
    world.pass(5_000);
    world.talk();
    const { claim } = world.node(GATEWAY).of("claimed")[0]!;
    world.attach(GATEWAY, "vm", subject, { claim });
    expect(world.talk()).toEqual(["PBU 1→0", "PBA 0 0→1"]);
    expect(listed(world).map(({ role }) => role)).toEqual(["home", "correspondent"]);
  });

  test("is released if it is hosted elsewhere by then", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    const { claim } = world.node(GATEWAY).of("claimed")[0]!;
    world.passes = (message) => message.type !== "revocation";
    world.now += 10;
    world.attach(2, "vm", subject, { handoff: true });
    world.attach(GATEWAY, "vm", subject, { claim });
    expect(world.node(GATEWAY).of("released")).toMatchObject([{ mag: address(2) }]);
  });
});

describe("a gateway that was restarted", () => {
  test("registers with the claim of before, is accepted, and is named its correspondents again", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.tell(3, { type: "wanted", subject });
    const { claim } = world.node(GATEWAY).of("claimed")[0]!;
    world.pass(20_000);
    world.restart(GATEWAY);
    world.talk();
    world.attach(GATEWAY, "vm", subject, { claim });
    expect(world.talk()).toEqual(["PBU 1→0", "PBA 0 0→1", "LRI 0→1", "LRA 0 1→0", "PBU 1→3", "PBA 0 3→1"]);
    expect(listed(world).map(({ role }) => role)).toEqual(["home", "correspondent"]);
  });

  test("does not call back a VM that left meanwhile", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    const { claim } = world.node(GATEWAY).of("claimed")[0]!;
    world.restart(GATEWAY);
    world.pass(1000);
    world.attach(2, "vm", subject, { handoff: true });
    world.pass(3_600_000);
    world.attach(GATEWAY, "vm", subject, { claim });
    expect(world.node(GATEWAY).of("released")).toMatchObject([{ mag: address(2) }]);
    expect(world.node(HOME).place(subject)).toBe(address(2));
  });
});

describe("correspondents, which a gateway registers at", () => {
  test("are not more than there is room for; the home is told so (RFC 6705 §10.2)", () => {
    const world = new World(COUNT, () => ({ limits: { ...DEFAULT_LIMITS, correspondents: 1 } }));
    world.attach(GATEWAY, "vm", subject);
    world.tell(2, { type: "wanted", subject });
    world.tell(3, { type: "wanted", subject });
    expect(listed(world).filter(({ role }) => role === "correspondent")).toHaveLength(1);
    expect(world.node(GATEWAY).count("correspondents-full")).toBe(1);
    expect([2, 3].map((i) => world.node(i).place(subject))).toEqual([address(GATEWAY), address(GATEWAY)]);
  });

  test("that have no use for it any more answer with no lifetime, and are forgotten", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.tell(3, { type: "wanted", subject });
    expect(listed(world)).toHaveLength(2);
    world.pass(120_000);
    expect(listed(world)).toHaveLength(1);
    expect(world.node(3).place(subject)).toBe("unknown");
    expect(world.node(3).core.deadline()).toBeUndefined();
  });

  test("that do not answer are given up after five attempts", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = (message, { destination }) => !(message.type === "binding-update" && destination === address(3));
    world.tell(3, { type: "wanted", subject });
    world.pass(40_000);
    expect(world.messages("binding-update").filter(({ destination }) => destination === address(3))).toHaveLength(5);
    expect(listed(world)).toHaveLength(1);
  });
});
