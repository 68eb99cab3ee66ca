import { describe, expect, test } from "bun:test";
import { formatIpv6, linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import { toHex } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import { NEVER } from "#base/time";
import { Dhcp6Server } from "#services/dhcp6";
import type { Dhcp6Counters, Dhcp6Effect, Dhcp6Settings } from "#services/dhcp6/events";
import * as dhcp from "#wire/dhcp6";
import { type Association, type Dhcp6Options, INFINITY } from "#wire/dhcp6-options";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

const ip = (text: string) => parseIpv6(text)!;
const PORT = 3;
const [ONE, TWO, OTHER] = ["2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::99"].map(ip) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const VM_MAC = parseMac("02:00:00:00:00:02")!;
const CLIENT = linkLocalFromMac(VM_MAC);
const GATEWAY = ip("fe80::1");
const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
const GROUP = dhcp.ALL_DHCP_RELAY_AGENTS_AND_SERVERS;
const DUID = Uint8Array.of(0, 4, 1, 2, 3, 4);
const SERVER = Uint8Array.of(0, 3, 0, 1, ...GATEWAY_MAC);
/** DNS, search list, NTP, both limits, refresh time. */
const ALL_OPTIONS = [23, 24, 56, 82, 83, 32];

const settings: Dhcp6Settings = {
  addresses: [ONE, TWO],
  gateway: GATEWAY,
  gatewayMac: GATEWAY_MAC,
  leaseTime: 3600,
  dnsServers: [ip("2001:db8::53")],
  domains: ["prod.blue.example"],
  ntpServers: [ip("2001:db8::123")],
};

const serving = (more: Partial<Dhcp6Settings> = {}): Dhcp6Server => {
  const core = new Dhcp6Server();
  core.handle({ type: "serve", port: PORT, settings: { ...settings, ...more } }, 0);
  return core;
};

interface Spoken extends Dhcp6Options {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
}

/** A whole frame of the client's; `clientId` is its own unless told otherwise. */
function spoken(type: number, { from = CLIENT, to = GROUP, ...options }: Spoken = {}): Uint8Array {
  const data = dhcp.writeDhcp6({ type, transactionId: 0xabcdef, options: { clientId: DUID, ...options } });
  return datagram(data, from, to);
}

function datagram(data: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const length = udp.SIZE + data.length;
  const packet = new Uint8Array(ipv6.SIZE + length);
  packet.set(data, 48);
  ipv6.write(packet, 0, { payloadLength: length, nextHeader: 17, hopLimit: 1, source: from, destination: to });
  udp.setSourcePort(packet, 40, 546);
  udp.setDestinationPort(packet, 40, 547);
  udp.setLength(packet, 40, length);
  udp.setChecksum(packet, 40, finish(sum(packet, 40, length, ipv6.pseudoHeader(packet, 0, 17, length))));
  return ethernet.frame(ethernet.multicastMac6(GROUP), VM_MAC, ethernet.ETHERTYPE_IPV6, packet);
}

const tell = (core: Dhcp6Server, frame: Uint8Array, now = 0, unfinished = false): Dhcp6Effect[] =>
  core.handle({ type: "frame", port: PORT, frame, unfinished }, now);
const says = (core: Dhcp6Server, type: number, more: Spoken = {}, now = 0): Dhcp6Effect[] =>
  tell(core, spoken(type, more), now);

const ia = (iaid: number, ...addresses: Uint8Array[]): Association => ({
  iaid,
  t1: 0,
  t2: 0,
  addresses: addresses.map((address) => ({ address, preferredLifetime: 0, validLifetime: 0 })),
});
const leased = (iaid: number, ...addresses: Uint8Array[]): Association => ({
  iaid,
  t1: 1800,
  t2: 2880,
  addresses: addresses.map((address) => ({ address, preferredLifetime: 3600, validLifetime: 3600 })),
});
const ignored: Dhcp6Effect[] = [{ type: "lost", port: PORT, reason: "ignored" }];

/** The first effect's answer, read as a client reads it. */
function answerIn(effects: Dhcp6Effect[]): dhcp.Dhcp6Message {
  const [effect] = effects;
  if (effect?.type !== "send") throw new Error(`no answer: ${JSON.stringify(effects)}`);
  const { frame } = effect;
  expect(ethernet.source(frame, 0)).toEqual(GATEWAY_MAC);
  expect(ethernet.destination(frame, 0)).toEqual(VM_MAC);
  expect(ipv6.fits(frame, 14, frame.length) && ipv6.payloadLength(frame, 14) === frame.length - 54).toBe(true);
  expect(frame.length - 14).toBeLessThanOrEqual(1280);
  expect(formatIpv6(ipv6.source(frame, 14))).toBe("fe80::1");
  const length = udp.length(frame, 54);
  expect([length, udp.sourcePort(frame, 54), udp.destinationPort(frame, 54)]).toEqual([frame.length - 54, 547, 546]);
  expect(fold(sum(frame, 54, length, ipv6.pseudoHeader(frame, 14, PROTOCOL_UDP, length)))).toBe(0xffff);
  const message = dhcp.readDhcp6(frame, 62);
  if (message instanceof Malformed) throw new Error(message.error);
  expect(message).toMatchObject({ transactionId: 0xabcdef, options: { serverId: SERVER } });
  return message;
}

/** Type and options of the answer, without the identifiers. */
function answered(effects: Dhcp6Effect[]): [number, Dhcp6Options] {
  const { type, options } = answerIn(effects);
  const { serverId, clientId, ...others } = options;
  expect(clientId).toEqual(DUID);
  expect(serverId).toEqual(SERVER);
  return [type, others];
}

const statesOf = (core: Dhcp6Server): string[] =>
  [...core.clients()].flatMap(({ leases }) => leases.map((l) => l.state));
const counted = (core: Dhcp6Server): Partial<Dhcp6Counters> =>
  Object.fromEntries(Object.entries(core.counters).filter(([, count]) => count > 0));

describe("a Solicit (RFC 8415 §18.3.1, §18.3.9)", () => {
  test("is advertised all of the VM's addresses in its one association, and what it asks for", () => {
    const core = serving();
    const effects = says(core, dhcp.SOLICIT, { iaNa: [ia(7)], requested: ALL_OPTIONS });
    expect(answered(effects)).toEqual([
      dhcp.ADVERTISE,
      {
        iaNa: [leased(7, ONE, TWO)],
        dnsServers: settings.dnsServers,
        domains: settings.domains,
        ntpServers: settings.ntpServers,
        solMaxRt: 60,
        infMaxRt: 60,
      },
    ]);
    expect(statesOf(core)).toEqual(["offered", "offered"]);
    expect(core.deadline()).toBe(NEVER);
  });

  test("that asks for no options is told none (§21.7)", () => {
    expect(answered(says(serving(), dhcp.SOLICIT, { iaNa: [ia(7)] }))[1]).toEqual({ iaNa: [leased(7, ONE, TWO)] });
  });

  test("is answered from the address and to the address of RFC 8415 §18.3.10, the server named by DUID-LL (§11.4)", () => {
    const [effect] = says(serving(), dhcp.SOLICIT, { iaNa: [ia(7)] });
    if (effect?.type !== "send") throw new Error("no answer");
    expect(formatIpv6(ipv6.destination(effect.frame, 14))).toBe(formatIpv6(CLIENT));
    expect(toHex(SERVER)).toBe("000300010241494e0001");
  });

  test("with several associations gets an address in each, as it had them, and NoAddrsAvail where none is left", () => {
    const iaNa = [ia(1), ia(2), ia(3)];
    const [, { iaNa: dealt }] = answered(says(serving(), dhcp.SOLICIT, { iaNa }));
    expect(dealt).toMatchObject([leased(1, ONE), leased(2, TWO), { iaid: 3, addresses: [], status: { code: 2 } }]);
    const [, { iaNa: kept }] = answered(says(serving(), dhcp.SOLICIT, { iaNa: [ia(1, TWO), ia(2, ONE)] }));
    expect(kept).toEqual([leased(1, TWO), leased(2, ONE)]);
    const [, { iaNa: both }] = answered(says(serving(), dhcp.SOLICIT, { iaNa: [ia(1, TWO), ia(2, TWO)] }));
    expect(both).toEqual([leased(1, TWO), leased(2, ONE)]);
  });

  test("has its hints of other addresses passed over (§18.3.9)", () => {
    const [, { iaNa }] = answered(says(serving(), dhcp.SOLICIT, { iaNa: [ia(7, OTHER)] }));
    expect(iaNa).toEqual([leased(7, ONE, TWO)]);
  });

  test("for prefixes or temporary addresses is told that there are none (§18.3.9)", () => {
    const [, options] = answered(says(serving(), dhcp.SOLICIT, { iaPd: [ia(1)], iaTa: [ia(2)] }));
    expect(options).toMatchObject({
      iaPd: [{ iaid: 1, status: { code: 6 } }],
      iaTa: [{ iaid: 2, status: { code: 2 } }],
    });
  });

  test("with Rapid Commit is committed at once (§21.14), but with wrong hints only advertised", () => {
    const core = serving();
    const [type, options] = answered(says(core, dhcp.SOLICIT, { iaNa: [ia(7)], rapidCommit: true }));
    expect([type, options]).toEqual([dhcp.REPLY, { iaNa: [leased(7, ONE, TWO)], rapidCommit: true }]);
    expect(statesOf(core)).toEqual(["bound", "bound"]);
    const [wrong] = answered(says(core, dhcp.SOLICIT, { iaNa: [ia(7, OTHER)], rapidCommit: true }));
    expect(wrong).toBe(dhcp.ADVERTISE);
  });

  test("is told the operator's preference (§21.8)", () => {
    const [, options] = answered(says(serving({ preference: 255 }), dhcp.SOLICIT, { iaNa: [ia(7)] }));
    expect(options.preference).toBe(255);
  });
});

describe("a Request (RFC 8415 §18.3.2)", () => {
  const request = (iaNa: Association[]): Spoken => ({ serverId: SERVER, iaNa });

  test("binds what was advertised until the lease ends", () => {
    const core = serving();
    const [type, options] = answered(says(core, dhcp.REQUEST, request([ia(7, ONE, TWO)]), 500));
    expect([type, options]).toEqual([dhcp.REPLY, { iaNa: [leased(7, ONE, TWO)] }]);
    expect(statesOf(core)).toEqual(["bound", "bound"]);
    expect(core.deadline()).toBe(3_600_500);
    core.handle({ type: "timer" }, 3_600_500);
    expect([statesOf(core), core.counters.expired, core.deadline()]).toEqual([["expired", "expired"], 2, NEVER]);
  });

  test("for an address that is not the VM's is NotOnLink, the other associations get theirs", () => {
    const [, { iaNa }] = answered(says(serving(), dhcp.REQUEST, request([ia(1, OTHER), ia(2)])));
    expect(iaNa).toMatchObject([{ iaid: 1, addresses: [], status: { code: 4 } }, leased(2, ONE, TWO)]);
  });

  test("for another server is not ours to answer, one for none is invalid (§16.4)", () => {
    const core = serving();
    expect(says(core, dhcp.REQUEST, { serverId: DUID, iaNa: [ia(7)] })).toEqual(ignored);
    expect(says(core, dhcp.REQUEST, { iaNa: [ia(7)] })).toEqual(ignored);
    expect(counted(core)).toEqual({ otherServer: 1, malformed: 1 });
  });

  test("of a lease without an end has times without an end (§7.7, §21.4)", () => {
    const core = serving({ leaseTime: INFINITY });
    const [, { iaNa }] = answered(says(core, dhcp.REQUEST, request([ia(7, ONE)])));
    expect(iaNa?.[0]).toMatchObject({ t1: INFINITY, t2: INFINITY, addresses: [{ validLifetime: INFINITY }, {}] });
    expect(core.deadline()).toBe(NEVER);
  });
});

describe("a Confirm (RFC 8415 §18.3.3)", () => {
  test("of the VM's addresses succeeds, of any other is NotOnLink, of none is not answered", () => {
    const core = serving();
    expect(answered(says(core, dhcp.CONFIRM, { iaNa: [ia(7, ONE)] }))[1]).toEqual({ status: { code: 0, message: "" } });
    const [, mixed] = answered(says(core, dhcp.CONFIRM, { iaNa: [ia(7, ONE), ia(8, OTHER)] }));
    expect(mixed).toMatchObject({ status: { code: 4 } });
    expect(says(core, dhcp.CONFIRM, { iaNa: [ia(7)] })).toEqual(ignored);
  });
});

describe("a Renew or a Rebind (RFC 8415 §18.3.4, §18.3.5)", () => {
  test("extends the lease, also after a restart of the server that has forgotten it", () => {
    for (const [type, more] of [[dhcp.RENEW, { serverId: SERVER }] as const, [dhcp.REBIND, {}] as const]) {
      const core = serving();
      const effects = says(core, type, { ...more, iaNa: [ia(7, TWO, ONE)], requested: [23] }, 1000);
      expect(answered(effects)).toEqual([dhcp.REPLY, { iaNa: [leased(7, ONE, TWO)], dnsServers: settings.dnsServers }]);
      expect(core.deadline()).toBe(3_601_000);
    }
  });

  test("of addresses that are the VM's no longer ends them, and brings the new one", () => {
    const core = serving();
    says(core, dhcp.REQUEST, { serverId: SERVER, iaNa: [ia(7, ONE, TWO)] });
    core.handle({ type: "serve", port: PORT, settings: { ...settings, addresses: [TWO, OTHER] } }, 10);
    expect(statesOf(core)).toEqual(["bound", "none"]);
    const [, { iaNa }] = answered(says(core, dhcp.RENEW, { serverId: SERVER, iaNa: [ia(7, ONE, TWO)] }, 20));
    expect(iaNa).toEqual([{ ...leased(7), addresses: [...leased(7, TWO, OTHER).addresses, ...ia(7, ONE).addresses] }]);
  });

  test("with more associations than addresses is told so", () => {
    const core = serving({ addresses: [ONE] });
    const [, { iaNa }] = answered(says(core, dhcp.REBIND, { iaNa: [ia(1, ONE), ia(2), ia(3, OTHER)] }));
    expect(iaNa).toMatchObject([
      leased(1, ONE),
      { iaid: 2, status: { code: 2 } },
      { addresses: ia(3, OTHER).addresses },
    ]);
  });
});

describe("a Release or a Decline (RFC 8415 §18.3.7, §18.3.8)", () => {
  const iaNa = [ia(7, ONE), ia(8, OTHER)];

  test("is confirmed, with NoBinding for associations without an address of the VM's", () => {
    for (const [type, state] of [[dhcp.RELEASE, "released"] as const, [dhcp.DECLINE, "declined"] as const]) {
      const core = serving();
      says(core, dhcp.REQUEST, { serverId: SERVER, iaNa: [ia(7, ONE, TWO)] });
      const [, options] = answered(says(core, type, { serverId: SERVER, iaNa, iaPd: [ia(1)] }));
      expect(options).toEqual({
        status: { code: 0, message: "" },
        iaNa: [{ ...ia(8), status: { code: 3, message: "" } }],
        iaPd: [{ ...ia(1), status: { code: 3, message: "" } }],
      });
      expect(statesOf(core)).toEqual([state, "bound"]);
    }
  });

  test("of a declined address is told to the operator, and the address kept back for ten seconds", () => {
    const core = serving();
    const effects = says(core, dhcp.DECLINE, { serverId: SERVER, iaNa: [ia(7, ONE)] }, 0);
    expect(effects.slice(1)).toEqual([{ type: "declined", port: PORT, address: ONE }]);
    expect(core.deadline()).toBe(10_000);
    const offered = (now: number) => answered(says(core, dhcp.SOLICIT, { iaNa: [ia(7, ONE)] }, now))[1].iaNa;
    expect(offered(9999)).toEqual([leased(7, TWO)]);
    core.handle({ type: "timer" }, 10_000);
    expect(core.deadline()).toBe(NEVER);
    expect(offered(10_000)).toEqual([leased(7, ONE, TWO)]);
  });
});

describe("an Information-request (RFC 8415 §18.3.6)", () => {
  test("is told what it asks for and how long that holds, with or without a client identifier", () => {
    const core = serving();
    const named = answered(says(core, dhcp.INFORMATION_REQUEST, { requested: ALL_OPTIONS }));
    expect(named).toMatchObject([dhcp.REPLY, { dnsServers: settings.dnsServers, informationRefreshTime: 3600 }]);
    expect(statesOf(core)).toEqual(["told", "told"]);
    const data = dhcp.writeDhcp6({ type: 11, transactionId: 0xabcdef, options: { requested: [23] } });
    const { options } = answerIn(tell(core, datagram(data, CLIENT, GROUP)));
    expect(options).toEqual({ serverId: SERVER, dnsServers: settings.dnsServers });
    const [, short] = answered(says(serving({ leaseTime: 60 }), dhcp.INFORMATION_REQUEST, { requested: [32] }));
    expect(short).toEqual({ informationRefreshTime: 600 }); // §7.6
  });

  test("with an association, or for another server, is discarded (§16.12)", () => {
    const core = serving();
    expect(says(core, dhcp.INFORMATION_REQUEST, { iaNa: [ia(7)] })).toEqual(ignored);
    expect(says(core, dhcp.INFORMATION_REQUEST, { serverId: DUID })).toEqual(ignored);
    expect(counted(core)).toEqual({ malformed: 1, otherServer: 1 });
    expect(says(core, dhcp.INFORMATION_REQUEST, { serverId: SERVER })).not.toEqual(ignored);
  });
});

describe("what is discarded (RFC 8415 §16)", () => {
  const reasonFor = (frame: Uint8Array): Partial<Dhcp6Counters> => {
    const core = serving();
    expect(tell(core, frame)).toEqual(ignored);
    return counted(core);
  };

  test("messages of servers, of relay agents and of unknown types", () => {
    for (const type of [dhcp.ADVERTISE, dhcp.REPLY, dhcp.RECONFIGURE])
      expect(reasonFor(spoken(type, { serverId: SERVER }))).toEqual({ malformed: 1 });
    for (const type of [0, 14, 255])
      expect(reasonFor(datagram(Uint8Array.of(type, 1, 2, 3), CLIENT, GROUP))).toEqual({ malformed: 1 });
    for (const type of [12, 13])
      expect(reasonFor(datagram(Uint8Array.of(type, 0), CLIENT, GROUP))).toEqual({ relayed: 1 });
  });

  test("messages to all servers that name one, and those of nobody", () => {
    for (const type of [dhcp.SOLICIT, dhcp.CONFIRM, dhcp.REBIND]) {
      expect(reasonFor(spoken(type, { serverId: SERVER, iaNa: [ia(7, ONE)] }))).toEqual({ malformed: 1 });
      const nobody = dhcp.writeDhcp6({ type, transactionId: 1, options: { iaNa: [ia(7, ONE)] } });
      expect(reasonFor(datagram(nobody, CLIENT, GROUP))).toEqual({ malformed: 1 });
    }
  });

  test("unicast messages: some in silence, the others are told to use the group (§18.4)", () => {
    for (const type of [dhcp.SOLICIT, dhcp.CONFIRM, dhcp.REBIND, dhcp.INFORMATION_REQUEST])
      expect(reasonFor(spoken(type, { to: GATEWAY }))).toEqual({ unicast: 1 });
    for (const type of [dhcp.REQUEST, dhcp.RENEW, dhcp.RELEASE, dhcp.DECLINE]) {
      const core = serving();
      const [reply, options] = answered(says(core, type, { to: GATEWAY, serverId: SERVER, iaNa: [ia(7, ONE)] }));
      expect([reply, options]).toEqual([dhcp.REPLY, { status: { code: 5, message: "ask ff02::1:2" } }]);
      expect(statesOf(core)).toEqual(["none", "none"]);
    }
  });

  test("requests from where no answer would reach the VM", () => {
    for (const from of [OTHER, GATEWAY, ip("::"), GROUP])
      expect(reasonFor(spoken(1, { from }))).toEqual({ foreignClient: 1 });
    expect(answered(says(serving(), dhcp.SOLICIT, { from: ONE, iaNa: [ia(7)] }))[0]).toBe(dhcp.ADVERTISE);
    expect(reasonFor(spoken(1, { to: ip("ff02::1") }))).toEqual({ malformed: 1 });
  });

  test("damaged datagrams; an unfinished checksum is nobody's fault (RFC 8200 §8.1)", () => {
    const good = spoken(dhcp.SOLICIT, { iaNa: [ia(7)] });
    const changed = (at: number, ...values: number[]): Uint8Array => {
      const frame = good.slice();
      frame.set(values, at);
      return frame;
    };
    for (const bad of [changed(60, 0xff), changed(60, 0, 0), changed(20, 58), changed(57, 99), changed(12, 8, 0)])
      expect(reasonFor(bad)).toEqual({ malformed: 1 });
    for (let end = 0; end < good.length; end++) expect(reasonFor(good.subarray(0, end))).toEqual({ malformed: 1 });
    expect(tell(serving(), changed(60, 0xff), 0, true)).not.toEqual(ignored);
  });

  test("requests with more associations than any client has", () => {
    const many = Array.from({ length: 9 }, (_, i) => ia(i));
    expect(reasonFor(spoken(dhcp.SOLICIT, { iaNa: many }))).toEqual({ malformed: 1 });
  });

  test("frames of ports that are not served", () => {
    const core = serving();
    core.handle({ type: "end", port: PORT }, 0);
    expect(says(core, dhcp.SOLICIT)).toEqual(ignored);
    expect([...core.clients()]).toEqual([]);
  });
});

test("a VM gets a burst of answers, then two a second", () => {
  const core = serving();
  const answers = (now: number, asked: number) =>
    Array.from({ length: asked }, () => says(core, dhcp.SOLICIT, {}, now)[0]?.type).filter((type) => type === "send")
      .length;
  expect([answers(0, 30), answers(1000, 10), core.counters.limited]).toEqual([20, 2, 18]);
});

test("the largest answer fits one packet that every link carries (RFC 8200 §5), settings are left out first", () => {
  const many = Array.from({ length: 16 }, (_, i) => ip(`2001:db8:2::${i + 1}`));
  const core = serving({ addresses: many, dnsServers: many, ntpServers: many, domains: ["a".repeat(60)] });
  const foreign = Array.from({ length: 20 }, (_, i) => ip(`2001:db8:3::${i + 1}`));
  const iaNa = [ia(1, ...many), ...[2, 3, 4, 5, 6, 7].map((iaid) => ia(iaid)), ia(8, ...foreign)];
  const clientId = new Uint8Array(130);
  const { options } = answerIn(says(core, dhcp.RENEW, { clientId, serverId: SERVER, iaNa, requested: ALL_OPTIONS }));
  expect(options.iaNa?.map(({ addresses }) => addresses.length)).toEqual([16, 0, 0, 0, 0, 0, 0, 8]);
  expect(options.dnsServers).toBeUndefined();
});

test("what is known of a client is what it said last", () => {
  const core = serving();
  says(core, dhcp.SOLICIT, { requested: [23, 24] }, 5);
  says(core, dhcp.CONFIRM, { clientId: SERVER, iaNa: [ia(7, ONE)] }, 9);
  expect([...core.clients()]).toMatchObject([
    { port: PORT, lastSeen: 9, duid: SERVER, mac: VM_MAC, requested: [23, 24] },
  ]);
});

test("no octets make it throw, and every frame is answered, counted or limited", () => {
  const seed = 8415;
  const random = seeded(seed);
  const types = [1, 3, 4, 5, 6, 8, 9, 11];
  for (let round = 0; round < 3000; round++) {
    const core = serving();
    const iaNa = [ia(round, ONE), ia(round + 1, OTHER)];
    const good = spoken(types[round % types.length]!, { serverId: SERVER, iaNa, requested: ALL_OPTIONS });
    const frame = round % 5 === 0 ? nextOctets(random, nextBelow(random, 200)) : good;
    for (let change = nextBelow(random, 4); change > 0; change--)
      frame[nextBelow(random, frame.length)] = nextBelow(random, 256);
    const effects = tell(core, frame, 0, true);
    const answers = effects.filter(({ type }) => type === "send");
    const faults = Object.values(counted(core)).reduce((all, count) => all + count, 0);
    expect([seed, round, effects.length > 0 && (answers.length === 1 || faults > 0)]).toEqual([seed, round, true]);
  }
});
