import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "#pmip/config";
import { hexOf } from "#pmip/hex";
import type { BindingUpdate } from "#pmip/packet/message";
import { BINDING_STATUS, HANDOFF, REVOCATION_PROXY, REVOCATION_TRIGGER } from "#pmip/packet/numbers";
import { stampIn, stampOf, timestampOf } from "#pmip/stamp";
import { address, subjectAt } from "#pmip/testing/configs";
import { packet, update, updateOptions } from "#pmip/testing/messages";
import { EPOCH, World } from "#pmip/testing/world";

const COUNT = 4;
const HOME = 0;
const subject = subjectAt(HOME, COUNT);
const STATUS = BINDING_STATUS;

/** An update by hand, `at` milliseconds after the beginning. */
function tell(world: World, from: number, at: number, more: Partial<BindingUpdate> = {}): number | undefined {
  const before = world.messages("binding-ack").length;
  const options = updateOptions(subject, COUNT, EPOCH + at);
  world.deliver(packet(address(from), address(HOME), update(options, more)));
  const answers = world.messages("binding-ack").slice(before);
  world.drain();
  return answers.at(-1)?.message.status;
}

const binding = (world: World) => world.node(HOME).core.view().bindings[0];

describe("the binding cache (RFC 5213 §5.3)", () => {
  test("has who is where, for the granted lifetime, which an update extends (§5.3.2, §5.3.3)", () => {
    const world = new World(COUNT);
    expect(tell(world, 1, 0)).toBe(STATUS.ACCEPTED);
    expect(binding(world)).toMatchObject({ subject, mag: address(1), lifetime: 300_000, since: EPOCH, sequence: 7 });
    world.pass(250_000);
    expect(tell(world, 1, 250_000, { sequence: 8 })).toBe(STATUS.ACCEPTED);
    world.pass(250_000);
    expect(binding(world)).toMatchObject({ mag: address(1), since: EPOCH, sequence: 8 });
    world.pass(50_000);
    expect(binding(world)).toBeUndefined();
    expect(world.node(HOME).place(subject)).toBe("unknown");
    expect(world.node(HOME).count("binding-expired")).toBe(1);
  });

  test("moves to a gateway with a later stamp; the one before is revoked and told who has it (§5.3.4, RFC 5846 §8)", () => {
    const world = new World(COUNT);
    tell(world, 1, 0);
    expect(tell(world, 2, 100)).toBe(STATUS.ACCEPTED);
    expect(world.node(HOME).place(subject)).toBe(address(2));
    const [revocation] = world.messages("revocation");
    expect(revocation).toMatchObject({ source: address(HOME), destination: address(1) });
    const { trigger, flags, options } = revocation!.message;
    expect([trigger, flags]).toEqual([REVOCATION_TRIGGER.HANDOVER_SAME_ACCESS_TYPE, REVOCATION_PROXY]);
    expect(hexOf(options.magAddress!)).toBe(address(2));
    expect(stampIn(options.timestamp!)).toBe(stampOf(EPOCH + 100));
  });

  test("loses an entry by lifetime 0 from its gateway (§5.3.5), and then refuses what was said before", () => {
    const world = new World(COUNT);
    tell(world, 1, 0);
    expect(tell(world, 1, 50, { lifetime: 0, sequence: 8 })).toBe(STATUS.ACCEPTED);
    expect([binding(world), world.node(HOME).place(subject)]).toEqual([undefined, "unknown"]);
    expect(tell(world, 2, 20)).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    expect(tell(world, 2, 60)).toBe(STATUS.ACCEPTED);
  });

  test("ignores lifetime 0 from a gateway that does not have it (§5.3.5 item 1), and of what nobody has (§5.4.1.1 item 6)", () => {
    const world = new World(COUNT);
    tell(world, 2, 100);
    expect(tell(world, 1, 50, { lifetime: 0 })).toBeUndefined();
    expect(binding(world)?.mag).toBe(address(2));
    expect(world.node(HOME).count("pbu-ends-nothing")).toBe(1);
  });

  test("takes the end of a later attachment, of whose beginning it had not heard, for the end of the earlier one", () => {
    const world = new World(COUNT);
    tell(world, 1, 0);
    expect(tell(world, 2, 100, { lifetime: 0 })).toBe(STATUS.ACCEPTED);
    expect(binding(world)).toBeUndefined();
    expect(world.messages("revocation").map(({ destination }) => destination)).toEqual([address(1)]);
    expect(tell(world, 1, 50)).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
  });

  test("remembers the last stamp as long as a gateway may speak of what was, and no longer", () => {
    const world = new World(COUNT);
    tell(world, 1, 0);
    tell(world, 1, 50, { lifetime: 0, sequence: 8 });
    world.pass(300_000);
    expect(world.node(HOME).core.instance.bindings.size).toBe(0);
    expect(world.node(HOME).core.deadline()).toBeUndefined();
  });

  test("has room for so many, and says so (status 130)", () => {
    const world = new World(COUNT, () => ({ limits: { ...DEFAULT_LIMITS, bindings: 1 } }));
    tell(world, 1, 0);
    const other = updateOptions(subjectAt(HOME, COUNT, 1), COUNT, EPOCH);
    world.deliver(packet(address(1), address(HOME), update(other)));
    expect(world.messages("binding-ack").at(-1)!.message.status).toBe(STATUS.INSUFFICIENT_RESOURCES);
    expect(world.node(HOME).count("bindings-full")).toBe(1);
    expect(tell(world, 1, 10, { sequence: 8 })).toBe(STATUS.ACCEPTED);
  });
});

describe("message ordering (RFC 5213 §5.5)", () => {
  test("a stamp that is not greater than the last is refused, with our time and the name of the holder (item 8)", () => {
    const world = new World(COUNT);
    world.pass(500);
    tell(world, 2, 100);
    expect(tell(world, 1, 99)).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    const { options } = world.messages("binding-ack").at(-1)!.message;
    expect(options.timestamp).toEqual(timestampOf(stampOf(EPOCH + 500)));
    expect(hexOf(options.magAddress!)).toBe(address(2));
    expect(tell(world, 3, 100)).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    expect(binding(world)?.mag).toBe(address(2));
    expect(world.node(HOME).count("pbu-out-of-order")).toBe(2);
  });

  test("the sequence number does not order (item 5): a lower one with a later stamp is accepted", () => {
    const world = new World(COUNT);
    tell(world, 1, 0, { sequence: 500 });
    expect(tell(world, 1, 1, { sequence: 3 })).toBe(STATUS.ACCEPTED);
  });

  test("an attachment of long ago is none the worse for it: stamps are the attachment's (MobileNodeGeneratedTimestampInUse)", () => {
    const world = new World(COUNT);
    expect(tell(world, 1, -86_400_000)).toBe(STATUS.ACCEPTED);
  });

  test("one that is further ahead of our clock than clocks may differ is refused with our time (item 9)", () => {
    const world = new World(COUNT);
    expect(tell(world, 1, 501)).toBe(STATUS.TIMESTAMP_MISMATCH);
    expect(world.messages("binding-ack").at(-1)!.message.options.timestamp).toEqual(timestampOf(stampOf(EPOCH)));
    expect(tell(world, 1, 500)).toBe(STATUS.ACCEPTED);
  });

  test("an update that the network doubled is answered as it was, and done once", () => {
    const world = new World(COUNT);
    tell(world, 1, 0);
    tell(world, 2, 10);
    const revoked = world.messages("revocation").length;
    expect(tell(world, 2, 10)).toBe(STATUS.ACCEPTED);
    expect(world.messages("revocation").length).toBe(revoked);
    expect(tell(world, 2, 20, { lifetime: 0, sequence: 9 })).toBe(STATUS.ACCEPTED);
    expect(tell(world, 2, 20, { lifetime: 0, sequence: 9 })).toBe(STATUS.ACCEPTED);
    expect(binding(world)).toBeUndefined();
  });

  test("an update from the gateway that left, overtaken by the one of the gateway that has it, changes nothing", () => {
    const world = new World(COUNT);
    world.passes = () => false;
    world.attach(1, "vm", subject);
    const late = world.messages("binding-update")[0]!;
    world.now += 10;
    world.passes = () => true;
    world.attach(2, "vm", subject, { handoff: true });
    world.deliver(late);
    world.drain();
    expect(binding(world)?.mag).toBe(address(2));
    expect(world.node(1).of("released")).toMatchObject([{ vm: "vm", subject, mag: address(2) }]);
  });
});

describe("a VM at home", () => {
  test("needs no messages", () => {
    const world = new World(COUNT);
    world.attach(HOME, "vm", subject);
    expect(world.sent).toEqual([]);
    expect(world.node(HOME).core.deadline()).toBeUndefined();
  });

  test("that is registered from elsewhere is released, and bound there", () => {
    const world = new World(COUNT);
    world.attach(HOME, "vm", subject);
    world.now += 5;
    world.attach(1, "vm", subject, { handoff: true });
    expect(world.node(HOME).of("released")).toEqual([{ type: "released", vm: "vm", subject, mag: address(1) }]);
    const kinds = world.node(HOME).effects.map(({ type }) => type);
    expect(kinds.indexOf("whereabouts")).toBeLessThan(kinds.indexOf("released"));
    expect(world.node(HOME).place(subject)).toBe(address(1));
    expect(world.messages("revocation")).toEqual([]);
  });

  test("that had been elsewhere since, and is gone from there, is released", () => {
    const world = new World(COUNT);
    world.attach(HOME, "vm", subject);
    expect(tell(world, 1, 10, { lifetime: 0 })).toBe(STATUS.ACCEPTED);
    expect(world.node(HOME).of("released")).toEqual([{ type: "released", vm: "vm", subject }]);
  });

  test("is not called away by an attachment before its own", () => {
    const world = new World(COUNT);
    world.now += 5;
    world.attach(HOME, "vm", subject);
    expect(tell(world, 1, 4)).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    expect(world.node(HOME).of("released")).toEqual([]);
  });

  test("that comes home ends its binding; its gateway is revoked, and sends on to the home", () => {
    const world = new World(COUNT);
    world.attach(1, "vm", subject);
    world.now += 5;
    world.attach(HOME, "vm", subject, { handoff: true });
    expect([binding(world), world.node(HOME).place(subject)]).toEqual([undefined, "unknown"]);
    expect(world.node(1).of("released")).toMatchObject([{ vm: "vm", mag: address(HOME) }]);
    expect(world.node(1).place(subject)).toBe(address(HOME));
  });

  test("that came is later than its binding even if our clock is behind", () => {
    const world = new World(COUNT);
    tell(world, 1, 400);
    world.attach(HOME, "vm", subject, { handoff: true });
    expect(binding(world)).toBeUndefined();
    expect(tell(world, 1, 400, { sequence: 8 })).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
  });

  test("that was here before the router slept is not called back from where it is now", () => {
    const world = new World(COUNT);
    world.now += 5;
    tell(world, 1, 5);
    world.attach(HOME, "vm", subject, { claim: EPOCH });
    expect(world.node(HOME).of("released")).toMatchObject([{ vm: "vm", mag: address(1) }]);
    expect(binding(world)?.mag).toBe(address(1));
  });

  test("that resumes after it was held stays", () => {
    const world = new World(COUNT);
    tell(world, 1, -10);
    world.attach(HOME, "vm", subject, { handoff: true });
    const [claimed] = world.node(HOME).of("claimed");
    world.now += 100;
    world.attach(HOME, "vm", subject, { claim: claimed!.claim });
    expect(world.node(HOME).of("released")).toEqual([]);
  });

  test("that is gone leaves its stamp: what was said before is not believed after", () => {
    const world = new World(COUNT);
    world.now += 5;
    world.attach(HOME, "vm", subject);
    world.tell(HOME, { type: "detached", vm: "vm" });
    expect(tell(world, 1, 4)).toBe(STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    expect(tell(world, 1, 6)).toBe(STATUS.ACCEPTED);
  });
});

describe("an anchor that was restarted", () => {
  test("believes the latest attachment, whichever gateway registers first", () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      const world = new World(COUNT);
      for (const from of order)
        tell(world, from, from * 100, {
          options: { ...updateOptions(subject, COUNT, EPOCH + from * 100), handoff: HANDOFF.NOT_CHANGED },
        });
      expect([order, binding(world)?.mag]).toEqual([order, address(2)]);
    }
  });
});
