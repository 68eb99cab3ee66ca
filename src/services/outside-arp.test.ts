import { expect, test } from "bun:test";
import { formatMac, parseIpv4, parseMac } from "#base/address";
import { OutsideArp, type OutsideArpEffect, type OutsideArpSettings } from "#services/outside-arp";
import * as arp from "#wire/arp";
import { SIZE as ETHERNET, ETHERTYPE_ARP, frame } from "#wire/ethernet";

const OWN = parseMac("02:00:00:00:00:01")!;
const HOP = parseMac("02:00:00:00:00:02")!;
const ip = (text: string): Uint8Array => parseIpv4(text)!;
const SETTINGS: OutsideArpSettings = {
  mac: OWN,
  address: ip("198.51.100.2"),
  nextHop: ip("198.51.100.1"),
  answered: [{ address: ip("198.51.100.16"), length: 30 }],
};

function message(operation: number, sender: string, target: string, mac = HOP): Uint8Array {
  const payload = new Uint8Array(arp.SIZE);
  const [senderProtocol, targetProtocol] = [ip(sender), ip(target)];
  arp.write(payload, 0, { operation, senderHardware: mac, senderProtocol, targetHardware: OWN, targetProtocol });
  return frame(OWN, mac, ETHERTYPE_ARP, payload);
}

/** An effect in words: `who has 198.51.100.1`, `198.51.100.2 is at …1`, `next hop …2`. */
function words(effect: OutsideArpEffect): string {
  if (effect.type === "malformed") return "malformed";
  if (effect.type === "nextHop")
    return `next hop ${effect.mac === undefined ? "gone" : formatMac(effect.mac).slice(-2)}`;
  const b = effect.frame;
  const to = formatMac(b.slice(0, 6)).slice(-2);
  const [sender, target] = [arp.senderProtocol(b, ETHERNET).join("."), arp.targetProtocol(b, ETHERNET).join(".")];
  return arp.operation(b, ETHERNET) === arp.REQUEST
    ? `${sender} to ${to}: who has ${target}`
    : `${sender} is here, to ${to}`;
}

const attached = (): { core: OutsideArp; said: string[] } => {
  const core = new OutsideArp();
  return { core, said: core.handle({ type: "attach", settings: SETTINGS }, 0).map(words) };
};
const hear = (core: OutsideArp, octets: Uint8Array): string[] =>
  core.handle({ type: "frame", frame: octets }, 0).map(words);

test("a link that comes up announces its address (RFC 5227 §3) and asks for the next hop", () => {
  expect(attached().said).toEqual([
    "198.51.100.2 to ff: who has 198.51.100.2",
    "198.51.100.2 to ff: who has 198.51.100.1",
  ]);
});

test("the next hop is asked each second; three unanswered requests and it is gone, one answer and it is back", () => {
  const { core } = attached();
  const reply = message(arp.REPLY, "198.51.100.1", "198.51.100.2");
  expect(hear(core, reply)).toEqual(["next hop 02"]);
  expect(hear(core, reply)).toEqual([]);
  const said: string[] = [];
  for (let i = 0; i < 4; i++) said.push(...core.handle({ type: "timer" }, core.deadline()).map(words));
  const asks = "198.51.100.2 to 02: who has 198.51.100.1";
  expect(said).toEqual([asks, asks, asks, "next hop gone", "198.51.100.2 to ff: who has 198.51.100.1"]);
  expect(core.deadline()).toBe(5000);
  expect(core.handle({ type: "timer" }, 4999)).toEqual([]);
  expect(hear(core, reply)).toEqual(["next hop 02"]);
  expect(core.mac).toEqual(HOP);
});

test("it is believed where it says it is, in requests too (RFC 826), and nobody else is", () => {
  const { core } = attached();
  expect(hear(core, message(arp.REPLY, "198.51.100.9", "198.51.100.2"))).toEqual([]);
  expect(hear(core, message(arp.REQUEST, "198.51.100.1", "198.51.100.7"))).toEqual(["next hop 02"]);
});

test("it answers for its own address and those given to it, and for no others (RFC 826)", () => {
  const { core } = attached();
  const ask = (target: string): string[] => hear(core, message(arp.REQUEST, "198.51.100.9", target));
  expect(ask("198.51.100.2")).toEqual(["198.51.100.2 is here, to 02"]);
  expect(ask("198.51.100.17")).toEqual(["198.51.100.17 is here, to 02"]);
  expect(ask("198.51.100.20")).toEqual([]);
  expect(hear(core, message(arp.REQUEST, "198.51.100.17", "198.51.100.17"))).toEqual([]); // an announcement
});

test("what is no ARP message, or comes from a group's address or another than it says, is malformed", () => {
  const { core } = attached();
  const reply = message(arp.REPLY, "198.51.100.1", "198.51.100.2");
  expect(hear(core, reply.slice(0, 41))).toEqual(["malformed"]);
  const other = reply.slice();
  other[ETHERNET + arp.SENDER_HARDWARE + 5] = 9;
  expect(hear(core, other)).toEqual(["malformed"]);
  expect(hear(core, message(arp.REPLY, "198.51.100.1", "198.51.100.2", parseMac("03:00:00:00:00:02")!))).toEqual([
    "malformed",
  ]);
  expect(core.mac).toBeUndefined();
});

test("a link that goes down takes its next hop with it; other answered addresses do not", () => {
  const { core } = attached();
  hear(core, message(arp.REPLY, "198.51.100.1", "198.51.100.2"));
  expect(core.handle({ type: "attach", settings: { ...SETTINGS, answered: [] } }, 10)).toEqual([]);
  expect(core.mac).toEqual(HOP);
  expect(core.handle({ type: "detach" }, 20).map(words)).toEqual(["next hop gone"]);
  expect(core.deadline()).toBe(Number.POSITIVE_INFINITY);
  expect(hear(core, message(arp.REPLY, "198.51.100.1", "198.51.100.2"))).toEqual([]);
});
