import { describe, expect, test } from "bun:test";
import { octetsOf } from "#pmip/hex";
import type { MobilityOptions, Revocation } from "#pmip/packet/message";
import { REVOCATION_GLOBAL, REVOCATION_PROXY, REVOCATION_STATUS, REVOCATION_TRIGGER } from "#pmip/packet/numbers";
import { stampOf, timestampOf } from "#pmip/stamp";
import { address, subjectAt } from "#pmip/testing/configs";
import { packet, updateOptions, without } from "#pmip/testing/messages";
import { EPOCH, World } from "#pmip/testing/world";

const COUNT = 4;
const HOME = 0;
const GATEWAY = 1;
const NEXT = 2;
const subject = subjectAt(HOME, COUNT);
const STATUS = REVOCATION_STATUS;
const { mobileNode, homeNetworkPrefixes } = updateOptions(subject, COUNT, EPOCH);

const named = (at: number): MobilityOptions => ({
  ...{ mobileNode: mobileNode!, homeNetworkPrefixes: homeNetworkPrefixes! },
  timestamp: timestampOf(stampOf(EPOCH + at)),
  magAddress: octetsOf(address(NEXT)),
});

const indication = (options: MobilityOptions, more: Partial<Revocation> = {}): Revocation => ({
  ...{
    type: "revocation",
    trigger: REVOCATION_TRIGGER.HANDOVER_SAME_ACCESS_TYPE,
    sequence: 3,
    flags: REVOCATION_PROXY,
  },
  ...{ options, ...more },
});

/** The VM is at the gateway since the beginning; a tenth of a second later somebody revokes it. */
function hosted(): World {
  const world = new World(COUNT);
  world.attach(GATEWAY, "vm", subject);
  world.pass(200);
  world.talk();
  return world;
}

function revoke(world: World, message: Revocation, source = address(HOME)): number | undefined {
  world.deliver(packet(source, address(GATEWAY), message));
  return world.messages("revocation-ack").at(-1)?.message.status;
}

describe("a Binding Revocation Indication that a gateway gets (RFC 5846 §9.1)", () => {
  test("from the home, about a later attachment, releases the VM; what comes late is sent on for the grace time", () => {
    const world = hosted();
    expect(revoke(world, indication(named(100)))).toBe(STATUS.SUCCESS);
    const node = world.node(GATEWAY);
    expect(node.of("released")).toEqual([{ type: "released", vm: "vm", subject, mag: address(NEXT) }]);
    expect(node.of("whereabouts").at(-1)).toMatchObject({ place: { mag: address(NEXT) }, role: "former" });
    expect(node.core.view()).toMatchObject({ attached: [], updateList: [], peers: [] });
    world.pass(9_999);
    expect(node.place(subject)).toBe(address(NEXT));
    world.pass(1);
    expect(node.place(subject)).toBe("unknown");
    expect(node.core.deadline()).toBeUndefined();
  });

  test("is in force while packets come, up to the longest time", () => {
    const world = hosted();
    revoke(world, indication(named(100)));
    for (let second = 0; second < 59; second++) {
      world.pass(1000);
      world.tell(GATEWAY, { type: "used", subjects: [subject] });
    }
    expect(world.node(GATEWAY).place(subject)).toBe(address(NEXT));
    world.pass(1000);
    expect(world.node(GATEWAY).place(subject)).toBe("unknown");
  });

  const cases: [string, Revocation, number, string | undefined][] = [
    [
      "about an attachment that is not later than ours is refused: the VM came back",
      indication(named(0)),
      STATUS.MOBILE_NODE_IS_ATTACHED,
      "bri-out-of-order",
    ],
    [
      "without stamp is refused: it could be of any time",
      indication(without(named(100), "timestamp")),
      STATUS.MOBILE_NODE_IS_ATTACHED,
      "bri-out-of-order",
    ],
    [
      "that names ourselves is refused",
      indication({ ...named(100), magAddress: octetsOf(address(GATEWAY)) }),
      STATUS.MOBILE_NODE_IS_ATTACHED,
      "bri-out-of-order",
    ],
    [
      "of all bindings is not authorized (§9.1, flag G)",
      indication({}, { flags: REVOCATION_PROXY | REVOCATION_GLOBAL, trigger: REVOCATION_TRIGGER.PER_PEER_POLICY }),
      STATUS.GLOBAL_REVOCATION_NOT_AUTHORIZED,
      "bri-global",
    ],
    [
      "without identifier is refused",
      indication(without(named(100), "mobileNode")),
      STATUS.REVOKED_MOBILE_NODES_IDENTITY_REQUIRED,
      "bri-without-identifier",
    ],
    [
      "with another one's prefix is refused",
      indication({
        ...named(100),
        homeNetworkPrefixes: updateOptions(subjectAt(HOME, COUNT, 1), COUNT, EPOCH).homeNetworkPrefixes!,
      }),
      STATUS.BINDING_DOES_NOT_EXIST,
      "bri-prefix-not-the-subjects",
    ],
  ];
  test.each(cases)("%s", (_, message, status, counter) => {
    const world = hosted();
    expect(revoke(world, message)).toBe(status);
    expect(world.node(GATEWAY).of("released")).toEqual([]);
    expect(world.node(GATEWAY).core.view().counters).toEqual({ [counter!]: 1 });
  });

  test("of what is not attached here is answered so; once more, after the answer was lost, as the first time", () => {
    const world = new World(COUNT);
    expect(revoke(world, indication(named(100)))).toBe(STATUS.BINDING_DOES_NOT_EXIST);
    const other = hosted();
    revoke(other, indication(named(100)));
    expect(revoke(other, indication(named(100)))).toBe(STATUS.SUCCESS);
    expect(other.node(GATEWAY).of("released")).toHaveLength(1);
  });

  test("from anybody but the subject's home is dropped in silence", () => {
    const world = hosted();
    expect(revoke(world, indication(named(100)), address(3))).toBeUndefined();
    expect(world.node(GATEWAY).count("bri-not-from-home")).toBe(1);
  });

  test("without the flag P is dropped in silence: it is not about a proxy's binding", () => {
    const world = hosted();
    expect(revoke(world, indication(named(100), { flags: 0 }))).toBeUndefined();
    expect(world.node(GATEWAY).count("bri-not-proxy")).toBe(1);
  });

  test("about a yet later attachment turns what is sent on to there", () => {
    const world = hosted();
    revoke(world, indication(named(100)));
    revoke(world, indication({ ...named(150), magAddress: octetsOf(address(3)) }));
    expect(world.node(GATEWAY).place(subject)).toBe(address(3));
    revoke(world, indication(named(120)));
    expect(world.node(GATEWAY).place(subject)).toBe(address(3));
  });

  test("is over when the VM comes back within the grace time, and begins anew when it leaves again", () => {
    const world = hosted();
    revoke(world, indication(named(100)));
    world.pass(5_000);
    world.attach(GATEWAY, "vm", subject, { handoff: true });
    expect(world.node(GATEWAY).place(subject)).toBe("unknown");
    expect(world.node(GATEWAY).core.view().formers).toEqual([]);
    world.pass(1_000);
    revoke(world, indication(named(7_000)));
    world.pass(9_000);
    expect(world.node(GATEWAY).place(subject)).toBe(address(NEXT));
  });

  test("counts for more than what its home says of an earlier attachment", () => {
    const world = hosted();
    revoke(world, indication(named(100)));
    world.passes = (message) => message.type !== "localized-routing-initiation";
    world.tell(GATEWAY, { type: "wanted", subject });
    const { sequence, mobileNodes } = world.messages("localized-routing-initiation").at(-1)!.message;
    const options = { timestamp: timestampOf(stampOf(EPOCH + 50)), magAddress: octetsOf(address(3)) };
    const fields = { sequence, unsolicited: false, status: 0, lifetime: 60, mobileNodes, options };
    world.deliver(packet(address(HOME), address(GATEWAY), { type: "localized-routing-ack", ...fields }));
    expect(world.node(GATEWAY).core.view().correspondents).toMatchObject([{ mag: address(3) }]);
    expect(world.node(GATEWAY).place(subject)).toBe(address(NEXT));
    world.pass(10_000);
    expect(world.node(GATEWAY).place(subject)).toBe(address(3));
  });

  test("without a new gateway releases the VM, and nothing is sent on", () => {
    const world = hosted();
    expect(revoke(world, indication(without(named(100), "magAddress")))).toBe(STATUS.SUCCESS);
    expect(world.node(GATEWAY).of("released")).toEqual([{ type: "released", vm: "vm", subject }]);
    expect(world.node(GATEWAY).place(subject)).toBe("unknown");
  });
});

describe("an anchor that revokes (RFC 5846 §7.1, §11)", () => {
  test("repeats it, with one sequence number, until it is acknowledged", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = (message) => message.type !== "revocation";
    world.now += 10;
    world.attach(NEXT, "vm", subject, { handoff: true });
    world.pass(7_500);
    const sent = world.messages("revocation");
    expect(sent).toHaveLength(4); // at 0, 1, 3 and 7 s
    expect(new Set(sent.map(({ message }) => message.sequence)).size).toBe(1);
    world.passes = () => true;
    world.pass(8_000);
    expect(world.node(GATEWAY).of("released")).toHaveLength(1);
    world.pass(60_000);
    expect(world.messages("revocation")).toHaveLength(5);
  });

  test("gives up after eight attempts, and counts it", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = (message) => message.type !== "revocation";
    world.attach(NEXT, "vm", subject, { handoff: true, after: EPOCH });
    world.pass(130_000);
    expect(world.messages("revocation").length).toBe(8);
    expect(world.node(HOME).count("revoke-unanswered")).toBe(1);
    expect(world.node(HOME).core.instance.requests.size).toBe(0);
  });

  test("takes it back when the VM comes back there before it was heard", () => {
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.passes = (message) => message.type !== "revocation";
    world.now += 10;
    world.attach(NEXT, "vm", subject, { handoff: true });
    world.now += 10;
    world.attach(GATEWAY, "vm", subject, { handoff: true });
    world.passes = () => true;
    world.pass(60_000);
    const toGateway = world.messages("revocation").filter(({ destination }) => destination === address(GATEWAY));
    expect(toGateway).toHaveLength(1);
    expect(world.node(GATEWAY).of("released")).toEqual([]);
    expect(world.node(NEXT).of("released")).toHaveLength(1);
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
  });

  test("does not care for acknowledgements of what it has not sent", () => {
    const world = hosted();
    const options = { mobileNode: mobileNode! };
    const fields = { status: 0, sequence: 9, flags: REVOCATION_PROXY, options };
    world.deliver(packet(address(GATEWAY), address(HOME), { type: "revocation-ack", ...fields }));
    expect(world.node(HOME).count("bra-unmatched")).toBe(1);
  });
});
