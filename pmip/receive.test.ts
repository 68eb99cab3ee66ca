import { describe, expect, test } from "bun:test";
import { nextBelow, nextOctets, seeded } from "#base/random";
import type { MobilityConfig } from "#pmip/config";
import { octetsOf } from "#pmip/hex";
import * as header from "#pmip/packet/header";
import type { MobilityMessage } from "#pmip/packet/message";
import { BINDING_STATUS } from "#pmip/packet/numbers";
import { freshnessAt } from "#pmip/replay";
import { address, SECRETS, subjectAt } from "#pmip/testing/configs";
import { packet, signedPacket, update, updateOptions } from "#pmip/testing/messages";
import { EPOCH, messageIn, type Send, World } from "#pmip/testing/world";

const COUNT = 3;
const HOME = 0;
const GATEWAY = 1;
const subject = subjectAt(HOME, COUNT);
const good = update(updateOptions(subject, COUNT, EPOCH));
const [FIRST, SECOND] = SECRETS as [(typeof SECRETS)[0], (typeof SECRETS)[0]];
const SIGNED: Partial<MobilityConfig> = { authentication: { send: FIRST.spi, keys: SECRETS } };

/** What became of it, and that nothing else did. */
function countersAfter(world: World, send: Send): Record<string, number> {
  world.deliver(send);
  world.drain();
  expect(world.node(HOME).core.view().bindings).toEqual([]);
  return { ...world.node(HOME).core.view().counters };
}

describe("a packet that is not for us, or not from the fabric", () => {
  const path: [string, string, string, string][] = [
    ["from outside the fabric", "20010db9000000020000000000000001", address(HOME), "not-from-a-router"],
    ["from a VM's address", `${address(GATEWAY).slice(0, 16)}000004010a000001`, address(HOME), "not-from-a-router"],
    ["from our own address", address(HOME), address(HOME), "from-ourselves"],
  ];
  test.each(path)("%s is dropped and counted", (_, source, destination, counter) => {
    const world = new World(COUNT);
    expect(countersAfter(world, packet(source, destination, good))).toEqual({ [counter]: 1 });
    expect(world.sent).toEqual([]);
  });

  test("to an address that is none of ours is dropped and counted", () => {
    const world = new World(COUNT);
    const { octets } = packet(address(GATEWAY), address(2), good);
    const node = world.node(HOME);
    node.core.handle({ type: "received", source: address(GATEWAY), destination: address(2), octets }, EPOCH);
    expect(node.core.view().counters).toEqual({ misaddressed: 1 });
  });
});

describe("octets that are no message (RFC 6275 §9.2)", () => {
  test("every truncation is counted by name, and harmless", () => {
    const world = new World(COUNT);
    const whole = packet(address(GATEWAY), address(HOME), good);
    for (let length = 0; length < whole.octets.length; length++) {
      const counters = countersAfter(world, { ...whole, octets: whole.octets.slice(0, length) });
      expect(Object.values(counters).reduce((sum, n) => sum + n, 0)).toBe(length + 1);
    }
    expect(Object.keys(world.node(HOME).core.view().counters).every((name) => name.startsWith("malformed-"))).toBe(
      true,
    );
    expect(world.sent).toEqual([]);
  });

  test("a wrong checksum is counted", () => {
    const made = packet(address(GATEWAY), address(HOME), good);
    made.octets[9]! ^= 1;
    expect(countersAfter(new World(COUNT), made)).toEqual({ "malformed-checksum": 1 });
  });

  test("an unknown type is answered by a Binding Error of status 2, unless messages are signed", () => {
    for (const signed of [false, true]) {
      const world = new World(COUNT, () => (signed ? SIGNED : {}));
      const made = packet(address(GATEWAY), address(HOME), good);
      made.octets[2] = 200;
      header.writeChecksum(made.octets, octetsOf(made.source), octetsOf(made.destination));
      expect(countersAfter(world, made)).toEqual({ "malformed-unknown-type": 1 });
      expect(world.messages("binding-error").map(({ message }) => message.status)).toEqual(signed ? [] : [2]);
    }
  });

  test("a Binding Error is counted and never answered", () => {
    const world = new World(COUNT);
    const error = { type: "binding-error", status: 2, homeAddress: new Uint8Array(16), options: {} } as const;
    expect(countersAfter(world, packet(address(GATEWAY), address(HOME), error))).toEqual({ "binding-error-2": 1 });
    expect(world.sent).toEqual([]);
  });

  test("whatever octets come, and whatever is done to messages, nothing is thrown", () => {
    const random = seeded(20261126);
    const world = new World(COUNT);
    world.attach(GATEWAY, "vm", subject);
    world.tell(2, { type: "wanted", subject });
    world.now += 5;
    world.attach(2, "vm", subject, { handoff: true });
    const real = world.sent.slice();
    for (let i = 0; i < 4000; i++) {
      const { source, destination, octets } = real[nextBelow(random, real.length)]!;
      const changed = nextBelow(random, 4) === 0 ? nextOctets(random, nextBelow(random, 120)) : octets.slice();
      for (let j = nextBelow(random, 4); j > 0 && changed.length > 6; j--) {
        changed[6 + nextBelow(random, changed.length - 6)] = nextBelow(random, 256);
      }
      if (changed.length >= 8) header.writeChecksum(changed, octetsOf(source), octetsOf(destination));
      world.deliver({ type: "send", source, destination, octets: changed });
      world.drain();
    }
  });
});

describe("messages are signed (RFC 4285 §5) and fresh (§6) where a key is configured", () => {
  const fresh = (at: number): MobilityMessage => ({
    ...good,
    options: { ...good.options, others: [freshnessAt(EPOCH + at)] },
  });
  const signed = (at: number, secret = FIRST): Send => signedPacket(address(GATEWAY), address(HOME), fresh(at), secret);

  test("and then all goes as without", () => {
    const world = new World(COUNT, (i) => ({ authentication: { send: SECRETS[i % 2]!.spi, keys: SECRETS } }));
    world.attach(GATEWAY, "vm", subject);
    world.tell(2, { type: "wanted", subject });
    world.now += 5;
    world.attach(2, "vm", subject, { handoff: true });
    expect(world.node(HOME).place(subject)).toBe(address(2));
    for (const node of world.nodes) expect(node.core.view().counters).toEqual({});
    expect(new Set(world.sent.map(({ message }) => message.options.authentication!.spi))).toEqual(new Set([256, 257]));
  });

  test.each([
    ["without a signature", packet(address(GATEWAY), address(HOME), fresh(0)), "no-authentication"],
    ["signed with a key that we do not have", signed(0, { spi: 999, secret: FIRST.secret }), "unknown-spi"],
    ["signed with another key", signed(0, { spi: FIRST.spi, secret: SECOND.secret }), "wrong-authenticator"],
    ["without its time", signedPacket(address(GATEWAY), address(HOME), good, FIRST), "without-freshness"],
  ])("an update %s is dropped in silence, and counted", (_, send, counter) => {
    const world = new World(COUNT, () => SIGNED);
    expect(countersAfter(world, send)).toEqual({ [counter]: 1 });
    expect(world.sent).toEqual([]);
  });

  test("an update of which one bit is another is none", () => {
    for (let at = 6; at < 60; at++) {
      const world = new World(COUNT, () => SIGNED);
      const made = signed(0);
      made.octets[at]! ^= 4;
      header.writeChecksum(made.octets, octetsOf(made.source), octetsOf(made.destination));
      expect(Object.values(countersAfter(world, made))).toEqual([1]);
    }
  });

  test("a gateway that lies about its source: the signature is of another address", () => {
    const world = new World(COUNT, () => SIGNED);
    const { octets } = signed(0);
    header.writeChecksum(octets, octetsOf(address(2)), octetsOf(address(HOME)));
    const lie: Send = { type: "send", source: address(2), destination: address(HOME), octets };
    expect(countersAfter(world, lie)).toEqual({ "wrong-authenticator": 1 });
  });

  test("a message to another anchor is none to us: the signature has where it goes", () => {
    const world = new World(COUNT, (i) => (i === HOME ? { ...SIGNED, own: [HOME, 2] } : SIGNED));
    const { octets } = signed(0);
    header.writeChecksum(octets, octetsOf(address(GATEWAY)), octetsOf(address(2)));
    const turned: Send = { type: "send", source: address(GATEWAY), destination: address(2), octets };
    world.deliver(turned);
    expect(world.node(HOME).core.view().counters).toEqual({ "wrong-authenticator": 1 });
  });

  test("a replay within the window is answered as the first time, and changes nothing", () => {
    const world = new World(COUNT, () => SIGNED);
    world.deliver(signed(0));
    world.now += 10;
    world.attach(2, "vm", subject, { handoff: true });
    world.deliver(signed(0));
    expect(world.node(HOME).place(subject)).toBe(address(2));
    expect(world.node(HOME).count("pbu-out-of-order")).toBe(1);
  });

  test("a replay after the window is refused for its time (status 144), though nobody remembers what it was about", () => {
    const world = new World(COUNT, () => SIGNED);
    world.now += 7_001;
    expect(countersAfter(world, signed(0))).toEqual({ "not-fresh": 1 });
    const answer = world.messages("binding-ack")[0]!.message;
    expect(answer.status).toBe(BINDING_STATUS.MIPV6_ID_MISMATCH);
    world.now -= 1;
    world.deliver(signed(0));
    expect(world.node(HOME).core.view().bindings).toHaveLength(1);
  });

  test("replays of all else after the window are dropped in silence", () => {
    const world = new World(COUNT, () => SIGNED);
    world.attach(GATEWAY, "vm", subject);
    world.tell(2, { type: "wanted", subject });
    world.now += 5;
    world.attach(2, "vm", subject, { handoff: true });
    const real = world.sent.splice(0).filter(({ message }) => message.type !== "binding-update");
    world.now += 8_000;
    const places = world.nodes.map((node) => node.place(subject));
    for (const send of real) world.deliver(send);
    expect(world.nodes.map((node) => node.place(subject))).toEqual(places);
    const dropped = world.nodes.reduce((sum, node) => sum + node.count("not-fresh"), 0);
    expect([dropped, world.talk()]).toEqual([real.length, []]);
  });

  test("a gateway whose clock is wrong learns the anchor's (§6), and is believed from then on", () => {
    const world = new World(COUNT, () => SIGNED);
    world.node(GATEWAY).skew = 3_600_000;
    world.attach(GATEWAY, "vm", subject);
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
    expect(world.node(GATEWAY).count("clock-corrected")).toBe(1);
    world.pass(600_000);
    expect(world.node(HOME).core.view().bindings).toHaveLength(1);
    expect(world.node(GATEWAY).core.view().peers[0]!.answers).toBe(true);
  });

  test("keys can be changed one router after the other: all are accepted, each sends its own", () => {
    const world = new World(COUNT, () => SIGNED);
    world.deliver(signed(0, SECOND));
    expect(world.node(HOME).core.view().bindings).toHaveLength(1);
    expect(messageIn(world.messages("binding-ack")[0]!).options.authentication!.spi).toBe(FIRST.spi);
  });
});

describe("what goes in and out", () => {
  test("is plain data that a line of JSON can hold, octets apart", () => {
    const world = new World(COUNT, () => SIGNED);
    world.attach(GATEWAY, "vm", subject);
    world.tell(2, { type: "wanted", subject });
    world.now += 5;
    world.attach(2, "vm", subject, { handoff: true });
    for (const { effects, core } of world.nodes) {
      for (const effect of effects) {
        const plain = effect.type === "send" ? { ...effect, octets: [...effect.octets] } : effect;
        expect(JSON.parse(JSON.stringify(plain))).toEqual(plain);
      }
      expect(JSON.parse(JSON.stringify(core.view()))).toEqual(core.view());
      const { plan: _, ...state } = core.instance;
      expect(structuredClone(state)).toEqual(state);
    }
  });

  test("repeats itself: the same events at the same times make the same effects", () => {
    const run = (): unknown => {
      const world = new World(COUNT, () => SIGNED);
      world.attach(GATEWAY, "vm", subject);
      world.tell(2, { type: "wanted", subject });
      world.pass(400_000);
      return world.nodes.map(({ effects }) => effects);
    };
    expect(run()).toEqual(run());
  });
});
