import { expect, test } from "bun:test";
import { formatIpv6, formatMac, parseIpv6, parseMac } from "#base/address";
import { Malformed } from "#base/reader";
import { advertise, advertiseToAll, frameOf, probeForDuplicate, solicit } from "#services/neighbors/messages";
import { OutsideNd, type OutsideNdEffect, type OutsideNdSettings } from "#services/outside-nd";
import { SIZE as ETHERNET } from "#wire/ethernet";
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, ROUTER_ADVERTISEMENT } from "#wire/icmp6";
import { ALL_NODES, type RouterAdvertisement, readNd } from "#wire/nd";

const OWN = parseMac("02:00:00:00:00:01")!;
const HOP = parseMac("02:00:00:00:00:02")!;
const ip = (text: string): Uint8Array => parseIpv6(text)!;
const SETTINGS: OutsideNdSettings = {
  mac: OWN,
  address: ip("2001:db8:ffff::2"),
  linkLocal: ip("fe80::1"),
  nextHop: ip("fe80::9"),
  answered: [{ address: ip("2001:db8:ffff::8000"), length: 113 }],
  nonce: Uint8Array.of(1, 2, 3, 4, 5, 6),
};
const NEIGHBOR = { mac: HOP, address: SETTINGS.nextHop };

/** An effect in words: `who has fe80::9`, `fe80::1 is here, override`, `next hop …2`. */
function words(effect: OutsideNdEffect): string {
  if (effect.type === "malformed") return "malformed";
  if (effect.type === "duplicate") return `duplicate ${effect.address}`;
  if (effect.type === "nextHop")
    return `next hop ${effect.mac === undefined ? "gone" : formatMac(effect.mac).slice(-2)}`;
  const packet = readNd(effect.frame, ETHERNET, effect.frame.length);
  if (packet instanceof Malformed) throw new Error("malformed");
  const { source, message } = packet;
  const to = formatMac(effect.frame.slice(0, 6));
  if (message.type === NEIGHBOR_SOLICITATION)
    return `${formatIpv6(source)} to ${to}: who has ${formatIpv6(message.target)}`;
  if (message.type !== NEIGHBOR_ADVERTISEMENT) throw new Error("neither of the two");
  return `${formatIpv6(message.target)} is here${message.override ? "" : ", if nobody else says so"}, to ${to}`;
}

function speaking(): { core: OutsideNd; said: string[] } {
  const core = new OutsideNd();
  core.handle({ type: "attach", settings: SETTINGS }, 0);
  return { core, said: core.handle({ type: "timer" }, 1000).map(words) };
}
const hear = (core: OutsideNd, frame: Uint8Array): string[] => core.handle({ type: "frame", frame }, 1500).map(words);

test("a link that comes up tests its addresses first (RFC 4862 §5.4), then says that they are there and asks", () => {
  const core = new OutsideNd();
  expect(core.handle({ type: "attach", settings: SETTINGS }, 0).map(words)).toEqual([
    ":: to 33:33:ff:00:00:01: who has fe80::1",
    ":: to 33:33:ff:00:00:02: who has 2001:db8:ffff::2",
  ]);
  expect(hear(core, solicit(NEIGHBOR, SETTINGS.address))).toEqual([]); // not its own yet
  expect(hear(core, probeForDuplicate({ mac: HOP, address: SETTINGS.address }, SETTINGS.nonce))).toEqual([]); // an echo
  expect(core.handle({ type: "timer" }, 999)).toEqual([]);
  expect(core.handle({ type: "timer" }, 1000).map(words)).toEqual([
    "fe80::1 is here, to 33:33:00:00:00:01",
    "2001:db8:ffff::2 is here, to 33:33:00:00:00:01",
    "fe80::1 to 33:33:ff:00:00:09: who has fe80::9",
  ]);
});

test("an address that another has, or tries at the same time, is not used (RFC 4862 §5.4.3, §5.4.4)", () => {
  for (const [frame, address] of [
    [advertiseToAll({ mac: HOP, address: SETTINGS.address }), "2001:db8:ffff::2"],
    [probeForDuplicate({ mac: HOP, address: SETTINGS.linkLocal }, new Uint8Array(6)), "fe80::1"],
  ] as const) {
    const core = new OutsideNd();
    core.handle({ type: "attach", settings: SETTINGS }, 0);
    expect(hear(core, frame)).toEqual([`duplicate ${address}`]);
    expect(core.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(hear(core, solicit(NEIGHBOR, SETTINGS.address))).toEqual([]);
    core.handle({ type: "detach" }, 2000);
    expect(core.handle({ type: "attach", settings: SETTINGS }, 2000)).toHaveLength(2);
  }
});

test("the next hop is asked each second; three unanswered and it is gone, one answer and it is back (RFC 4861 §7.3)", () => {
  const { core } = speaking();
  const answer = advertise(NEIGHBOR, SETTINGS.linkLocal, OWN);
  expect(hear(core, answer)).toEqual(["next hop 02"]);
  expect(hear(core, answer)).toEqual([]);
  const message = { type: NEIGHBOR_ADVERTISEMENT, router: true, solicited: true, override: false } as const;
  const bare = { ...message, target: SETTINGS.nextHop, options: {} };
  const packet = { source: SETTINGS.nextHop, destination: SETTINGS.linkLocal, message: bare };
  core.handle({ type: "timer" }, core.deadline());
  expect(hear(core, frameOf(HOP, packet, OWN))).toEqual([]); // without its MAC address, as it was asked there (§4.4)
  const said: string[] = [];
  for (let i = 0; i < 4; i++) said.push(...core.handle({ type: "timer" }, core.deadline()).map(words));
  const ask = "fe80::1 to 02:00:00:00:00:02: who has fe80::9";
  expect(said).toEqual([ask, ask, ask, "next hop gone", "fe80::1 to 33:33:ff:00:00:09: who has fe80::9"]);
  expect(hear(core, solicit(NEIGHBOR, SETTINGS.address))).toEqual([
    "next hop 02",
    "2001:db8:ffff::2 is here, to 02:00:00:00:00:02",
  ]);
  expect(hear(core, advertise({ ...NEIGHBOR, address: ip("fe80::8") }, SETTINGS.linkLocal, OWN))).toEqual([]);
});

test("it answers for its own addresses, and by proxy for those inside (RFC 4861 §7.2.8), who tries one is told so", () => {
  const { core } = speaking();
  const asker = { mac: HOP, address: ip("2001:db8:ffff::7") };
  const ask = (target: string): string[] => hear(core, solicit(asker, ip(target)));
  expect(ask("fe80::1")).toEqual(["fe80::1 is here, to 02:00:00:00:00:02"]);
  expect(ask("2001:db8:ffff::8001")).toEqual([
    "2001:db8:ffff::8001 is here, if nobody else says so, to 02:00:00:00:00:02",
  ]);
  expect(ask("2001:db8:ffff::7001")).toEqual([]);
  const tries = probeForDuplicate({ mac: HOP, address: ip("2001:db8:ffff::8001") }, new Uint8Array(6));
  expect(hear(core, tries)).toEqual(["2001:db8:ffff::8001 is here, if nobody else says so, to 33:33:00:00:00:01"]);
});

test("router advertisements are not obeyed, what is no message is malformed, its own come back unheard", () => {
  const { core } = speaking();
  const message: RouterAdvertisement = {
    type: ROUTER_ADVERTISEMENT,
    ...{ curHopLimit: 64, managed: false, otherConfig: false, routerLifetime: 1800 },
    ...{ reachableTime: 0, retransTimer: 0, options: { sourceLinkLayer: HOP } },
  };
  expect(hear(core, frameOf(HOP, { source: SETTINGS.nextHop, destination: ALL_NODES, message }))).toEqual([]);
  expect(core.mac).toBeUndefined();
  expect(hear(core, advertise(NEIGHBOR, SETTINGS.linkLocal, OWN).slice(0, 50))).toEqual(["malformed"]);
  expect(hear(core, advertise({ ...NEIGHBOR, mac: OWN }, SETTINGS.linkLocal, OWN))).toEqual([]);
});

test("a link that goes down takes its next hop with it; other answered addresses do not", () => {
  const { core } = speaking();
  hear(core, advertise(NEIGHBOR, SETTINGS.linkLocal, OWN));
  expect(core.handle({ type: "attach", settings: { ...SETTINGS, answered: [] } }, 2000)).toEqual([]);
  expect(core.mac).toEqual(HOP);
  expect(core.handle({ type: "detach" }, 3000).map(words)).toEqual(["next hop gone"]);
  expect(hear(core, advertise(NEIGHBOR, SETTINGS.linkLocal, OWN))).toEqual([]);
});
