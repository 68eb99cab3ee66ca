import { describe, expect, test } from "bun:test";
import { formatIpv4, parseIpv4, parseMac } from "#base/address";
import { put16 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import { NEVER } from "#base/time";
import { Dhcp4Server } from "#services/dhcp4";
import type { Dhcp4Effect, Dhcp4Settings } from "#services/dhcp4/events";
import * as dhcp from "#wire/dhcp4";
import type { Dhcp4Options } from "#wire/dhcp4-options";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

const ip = (text: string) => parseIpv4(text)!;
const PORT = 3;
const ZERO = ip("0.0.0.0");
const ALL = ip("255.255.255.255");
const VM = ip("10.0.0.2");
const OTHER = ip("10.0.0.3");
const VM_MAC = parseMac("02:00:00:00:00:02")!;
const OTHER_MAC = parseMac("02:00:00:00:00:99")!;
const GATEWAY = ip("169.254.1.1");
const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;

const settings: Dhcp4Settings = {
  address: VM,
  gateway: GATEWAY,
  gatewayMac: GATEWAY_MAC,
  leaseTime: 3600,
  mtu: 1480,
  hostName: "web1",
  domainName: "prod.blue.example",
  dnsServers: [ip("10.0.0.53"), ip("10.0.0.54")],
  ntpServers: [ip("10.0.0.123")],
};

const serving = (more: Partial<Dhcp4Settings> = {}): Dhcp4Server => {
  const core = new Dhcp4Server();
  core.handle({ type: "serve", port: PORT, settings: { ...settings, ...more } }, 0);
  return core;
};

interface Spoken extends Partial<Omit<dhcp.Dhcp4Message, "type">> {
  readonly from?: Uint8Array;
  readonly mac?: Uint8Array;
  readonly to?: Uint8Array;
}

/** A whole frame of the client's. */
function spoken(type: number, { from = ZERO, to = ALL, mac = VM_MAC, ...more }: Spoken = {}): Uint8Array {
  const addresses = { ciaddr: ZERO, yiaddr: ZERO, siaddr: ZERO, giaddr: ZERO };
  const data = dhcp.writeDhcp4({
    ...{ op: dhcp.BOOTREQUEST, hops: 0, xid: 0xabcd1234, secs: 1, broadcast: false, chaddr: mac, options: {} },
    ...{ ...addresses, type, ...more },
  });
  const packet = new Uint8Array(28 + data.length);
  packet.set(data, 28);
  put16(packet, 20, 68);
  put16(packet, 22, 67);
  put16(packet, 24, 8 + data.length);
  ipv4.write(packet, 0, { totalLength: packet.length, ttl: 64, protocol: 17, source: from, destination: to });
  put16(packet, 26, finish(sum(packet, 20, 8 + data.length, ipv4.pseudoHeader(packet, 0, 17, 8 + data.length))));
  return ethernet.frame(ethernet.BROADCAST, mac, ethernet.ETHERTYPE_IPV4, packet);
}

const tell = (core: Dhcp4Server, frame: Uint8Array, now = 0, unfinished = false): Dhcp4Effect[] =>
  core.handle({ type: "frame", port: PORT, frame, unfinished }, now);

const says = (core: Dhcp4Server, type: number, more: Spoken = {}, now = 0): Dhcp4Effect[] =>
  tell(core, spoken(type, more), now);

const discover = (options: Dhcp4Options = {}): Spoken => ({ options });
const selecting = (address: Uint8Array, server = GATEWAY): Spoken => ({
  options: { requestedAddress: address, serverIdentifier: server },
});
const rebooting = (address: Uint8Array): Spoken => ({ options: { requestedAddress: address } });
const renewing = (address: Uint8Array): Spoken => ({ ciaddr: address, from: address, to: GATEWAY });
const ignored: Dhcp4Effect[] = [{ type: "lost", port: PORT, reason: "ignored" }];

/** The one reply, read as a client reads it, with what its frame says. */
function replyIn(effects: Dhcp4Effect[]) {
  expect(effects.map(({ type }) => type)).toEqual(["send"]);
  const { frame, port } = effects[0] as Extract<Dhcp4Effect, { type: "send" }>;
  expect(port).toBe(PORT);
  expect(ethernet.source(frame, 0)).toEqual(GATEWAY_MAC);
  expect(ipv4.fits(frame, 14, frame.length) && ipv4.checksumHolds(frame, 14)).toBe(true);
  expect(formatIpv4(frame.slice(26, 30))).toBe(formatIpv4(GATEWAY));
  const length = udp.length(frame, 34);
  expect(length).toBe(frame.length - 34);
  expect([udp.sourcePort(frame, 34), udp.destinationPort(frame, 34)]).toEqual([67, 68]);
  expect(fold(sum(frame, 34, length, ipv4.pseudoHeader(frame, 14, PROTOCOL_UDP, length)))).toBe(0xffff);
  const message = dhcp.readDhcp4(frame, 42);
  if (message instanceof Malformed) throw new Error(message.error);
  expect(message).toMatchObject({ op: dhcp.BOOTREPLY, hops: 0, xid: 0xabcd1234, secs: 0, giaddr: ZERO });
  const mac: Uint8Array = ethernet.destination(frame, 0);
  const to: Uint8Array = frame.slice(30, 34);
  return { message, mac, to, size: frame.length - 14 };
}

const stateOf = (core: Dhcp4Server): string => [...core.leases()][0]!.state;

describe("a discovery (RFC 2131 §4.3.1)", () => {
  test("is offered the VM's own address and all its settings, by unicast", () => {
    const core = serving();
    const { message, mac, to } = replyIn(says(core, dhcp.DISCOVER));
    expect(message).toMatchObject({ type: dhcp.OFFER, yiaddr: VM, ciaddr: ZERO, chaddr: VM_MAC });
    expect(message.options).toEqual({
      serverIdentifier: GATEWAY,
      leaseTime: 3600,
      renewalTime: 1800,
      rebindingTime: 3150,
      subnetMask: ALL,
      classlessRoutes: [
        { destination: { address: GATEWAY, length: 32 }, router: ZERO },
        { destination: { address: ZERO, length: 0 }, router: GATEWAY },
      ],
      routers: [GATEWAY],
      mtu: 1480,
      hostName: "web1",
      domainName: "prod.blue.example",
      dnsServers: settings.dnsServers,
      ntpServers: settings.ntpServers,
    });
    expect([mac, to]).toEqual([VM_MAC, VM]);
    expect(stateOf(core)).toBe("offered");
  });

  test("with the broadcast flag is answered to everybody (§4.1)", () => {
    const { mac, to } = replyIn(says(serving(), dhcp.DISCOVER, { broadcast: true }));
    expect([mac, to]).toEqual([ethernet.BROADCAST, ALL]);
  });

  test("by a client that asks for classless routes gets no routers as well (RFC 3442)", () => {
    const asks = (requested: number[]) =>
      replyIn(says(serving(), dhcp.DISCOVER, discover({ requested }))).message.options;
    expect(asks([1, 121, 3, 6]).routers).toBeUndefined();
    expect(asks([1, 3, 6]).routers).toEqual([GATEWAY]);
    expect(asks([1, 3, 6]).classlessRoutes).toHaveLength(2);
  });

  test("on an Ethernet segment is offered the prefix's mask, its broadcast address and an ordinary router (RFC 2132 §3.3, §5.3)", () => {
    const prefix = { address: ip("10.0.0.0"), length: 22 };
    const gateway = ip("10.0.3.1");
    const asks = (behindGateway: Uint8Array[], requested: number[]) => {
      const core = serving({ gateway, segment: { prefix, behindGateway } });
      const [effect] = says(core, dhcp.DISCOVER, discover({ requested }));
      const message = effect?.type === "send" ? dhcp.readDhcp4(effect.frame, 42) : undefined;
      if (message === undefined || message instanceof Malformed) throw new Error("no answer");
      const { subnetMask, broadcastAddress, routers, classlessRoutes } = message.options;
      return { subnetMask, broadcastAddress, routers, classlessRoutes };
    };
    const addressing = { subnetMask: ip("255.255.252.0"), broadcastAddress: ip("10.0.3.255") };
    for (const requested of [
      [1, 3],
      [1, 121, 3],
    ]) {
      expect(asks([], requested)).toEqual({ ...addressing, routers: [gateway], classlessRoutes: undefined });
    }
    const classlessRoutes = [
      { destination: { address: ip("169.254.169.254"), length: 32 }, router: gateway },
      { destination: { address: ZERO, length: 0 }, router: gateway },
    ];
    const metadata = [ip("169.254.169.254")];
    expect(asks(metadata, [1, 3])).toEqual({ ...addressing, routers: [gateway], classlessRoutes });
    expect(asks(metadata, [1, 121, 3])).toEqual({ ...addressing, routers: undefined, classlessRoutes });
  });

  test("for another address, or with another lease time in mind, is offered the same", () => {
    const wish = discover({ requestedAddress: OTHER, leaseTime: 5 });
    const { message } = replyIn(says(serving(), dhcp.DISCOVER, wish));
    expect(message).toMatchObject({ yiaddr: VM, options: { leaseTime: 3600 } });
  });

  test("gets its client identifier back, whatever its form (RFC 6842 §3, RFC 4361 §6.1)", () => {
    const clientIdentifier = Uint8Array.of(255, 0, 0, 0, 1, 0, 4, 9, 9);
    const { message } = replyIn(says(serving(), dhcp.DISCOVER, discover({ clientIdentifier })));
    expect(message.options.clientIdentifier).toEqual(clientIdentifier);
  });

  test("by a client that takes 576 octets gets what fits, the addresses rather than the names", () => {
    const many = Array.from({ length: 16 }, (_, i) => Uint8Array.of(10, 0, 0, i));
    const core = serving({ domainName: "d".repeat(250), hostName: "h".repeat(63), dnsServers: many, ntpServers: many });
    const least = replyIn(says(core, dhcp.DISCOVER));
    expect(least.size).toBeLessThanOrEqual(576);
    expect(least.message.options).toMatchObject({ dnsServers: many, leaseTime: 3600, mtu: 1480 });
    expect(least.message.options.domainName).toBeUndefined();
    const large = replyIn(says(core, dhcp.DISCOVER, discover({ maximumMessageSize: 1500 })));
    expect(large.message.options).toMatchObject({ domainName: "d".repeat(250), ntpServers: many });
    expect(replyIn(says(core, dhcp.DISCOVER, discover({ maximumMessageSize: 1 }))).size).toBe(least.size);
  });
});

describe("a request (RFC 2131 §4.3.2)", () => {
  for (const [state, words] of [
    ["selecting", selecting],
    ["rebooting", rebooting],
  ] as const) {
    test(`of a ${state} client for its own address binds it`, () => {
      const core = serving();
      const { message, mac, to } = replyIn(says(core, dhcp.REQUEST, words(VM), 1000));
      expect(message).toMatchObject({ type: dhcp.ACK, yiaddr: VM, ciaddr: ZERO, options: { leaseTime: 3600 } });
      expect([mac, to]).toEqual([VM_MAC, VM]);
      expect([stateOf(core), core.deadline()]).toEqual(["bound", 3_601_000]);
    });

    test(`of a ${state} client for another address is refused, to everybody (Table 3)`, () => {
      const core = serving();
      const { message, mac, to } = replyIn(says(core, dhcp.REQUEST, words(OTHER)));
      expect(message).toMatchObject({ type: dhcp.NAK, yiaddr: ZERO, ciaddr: ZERO });
      expect(message.options).toEqual({ serverIdentifier: GATEWAY, message: "this VM has another address" });
      expect([mac, to]).toEqual([ethernet.BROADCAST, ALL]);
      expect(stateOf(core)).toBe("none");
    });
  }

  test("of a renewing client is answered where it is, and its lease begins anew", () => {
    const core = serving();
    says(core, dhcp.REQUEST, selecting(VM));
    const { message, mac, to } = replyIn(says(core, dhcp.REQUEST, renewing(VM), 1_800_000));
    expect(message).toMatchObject({ type: dhcp.ACK, yiaddr: VM, ciaddr: VM });
    expect([mac, to]).toEqual([VM_MAC, VM]);
    expect(core.deadline()).toBe(5_400_000);
  });

  test("of a rebinding client, to everybody and with the broadcast flag, is answered where it is (§4.1)", () => {
    const rebinding: Spoken = { ...renewing(VM), to: ALL, broadcast: true };
    const { message, mac, to } = replyIn(says(serving(), dhcp.REQUEST, rebinding));
    expect({ type: message.type, mac, to }).toEqual({ type: dhcp.ACK, mac: VM_MAC, to: VM });
  });

  test("of a client that renews another address is refused, to everybody", () => {
    const { message, to } = replyIn(says(serving(), dhcp.REQUEST, renewing(OTHER)));
    expect({ type: message.type, to }).toEqual({ type: dhcp.NAK, to: ALL });
  });

  test("for another server is none of ours", () => {
    const core = serving();
    says(core, dhcp.DISCOVER);
    expect(says(core, dhcp.REQUEST, selecting(VM, OTHER))).toEqual(ignored);
    expect([stateOf(core), core.counters.otherServer]).toEqual(["offered", 1]);
  });

  test("for no address at all is malformed", () => {
    const core = serving();
    expect(says(core, dhcp.REQUEST)).toEqual(ignored);
    expect(core.counters.malformed).toBe(1);
  });
});

describe("a lease", () => {
  test("that nobody renews expires, and is offered again", () => {
    const core = serving();
    says(core, dhcp.REQUEST, selecting(VM));
    expect(core.handle({ type: "timer" }, 3_599_999)).toEqual([]);
    expect(stateOf(core)).toBe("bound");
    core.handle({ type: "timer" }, 3_600_000);
    expect([stateOf(core), core.deadline(), core.counters.expired]).toEqual(["expired", NEVER, 1]);
    replyIn(says(core, dhcp.DISCOVER, {}, 3_600_001));
  });

  test("that is released is free at once, and without an answer (§4.3.4)", () => {
    const core = serving();
    says(core, dhcp.REQUEST, selecting(VM));
    const server = { options: { serverIdentifier: GATEWAY } };
    expect(says(core, dhcp.RELEASE, { ...renewing(OTHER), ...server })).toEqual(ignored);
    expect(stateOf(core)).toBe("bound");
    expect(says(core, dhcp.RELEASE, { ...renewing(VM), ...server })).toEqual([]);
    expect([stateOf(core), core.deadline()]).toEqual(["released", NEVER]);
  });

  test("that is declined is told to the operator and not offered while the client waits (§4.3.3, §3.1)", () => {
    const core = serving();
    says(core, dhcp.DISCOVER);
    expect(says(core, dhcp.DECLINE, selecting(OTHER), 1000)).toEqual(ignored);
    expect(says(core, dhcp.DECLINE, selecting(VM), 1000)).toEqual([{ type: "declined", port: PORT }]);
    expect(says(core, dhcp.DISCOVER, {}, 10_999)).toEqual(ignored);
    expect(says(core, dhcp.REQUEST, rebooting(VM), 10_999)).toEqual(ignored);
    expect([stateOf(core), core.deadline(), core.counters.declined]).toEqual(["declined", 11_000, 2]);
    core.handle({ type: "timer" }, 11_000);
    expect(core.deadline()).toBe(NEVER);
    replyIn(says(core, dhcp.DISCOVER, {}, 11_000));
  });

  test("remembers what the client says of itself, fit for a terminal", () => {
    const core = serving();
    const options = { hostName: "e\u001b[2Jvil", requested: [1, 3, 121] };
    says(core, dhcp.DISCOVER, discover(options), 5);
    says(core, dhcp.REQUEST, selecting(VM), 7);
    const [lease] = [...core.leases()];
    expect(lease).toMatchObject({ hostName: "e?[2Jvil", requested: [1, 3, 121], mac: VM_MAC, lastSeen: 7 });
  });

  test("stays when settings change, and begins anew with another address", () => {
    const core = serving();
    says(core, dhcp.REQUEST, selecting(VM));
    core.handle({ type: "serve", port: PORT, settings: { ...settings, mtu: 1400 } }, 1);
    expect(stateOf(core)).toBe("bound");
    expect(replyIn(says(core, dhcp.REQUEST, renewing(VM))).message.options.mtu).toBe(1400);
    core.handle({ type: "serve", port: PORT, settings: { ...settings, address: OTHER } }, 2);
    expect([stateOf(core), core.deadline()]).toEqual(["none", NEVER]);
  });

  test("ends with its port", () => {
    const core = serving();
    core.handle({ type: "end", port: PORT }, 1);
    expect([says(core, dhcp.DISCOVER), [...core.leases()]]).toEqual([ignored, []]);
  });
});

describe("a client that asks for settings only (§4.3.5)", () => {
  test("is told them at its own address, without a lease", () => {
    const core = serving();
    const { message, mac, to } = replyIn(says(core, dhcp.INFORM, renewing(VM)));
    expect(message).toMatchObject({ type: dhcp.ACK, yiaddr: ZERO, ciaddr: VM });
    const { leaseTime, renewalTime, rebindingTime, mtu } = message.options;
    expect([leaseTime, renewalTime, rebindingTime, mtu]).toEqual([undefined, undefined, undefined, 1480]);
    expect({ mac, to, state: stateOf(core) }).toEqual({ mac: VM_MAC, to: VM, state: "told" });
  });

  test("and has another's address is none of ours", () => {
    expect(says(serving(), dhcp.INFORM, renewing(OTHER))).toEqual(ignored);
  });
});

describe("what is no request of the VM's", () => {
  const cases: [string, Uint8Array, string][] = [
    ["by a relay agent (§4.1)", spoken(dhcp.DISCOVER, { giaddr: GATEWAY }), "relayed"],
    ["for a client elsewhere", spoken(dhcp.DISCOVER, { chaddr: OTHER_MAC }), "foreignClient"],
    ["of a server", spoken(dhcp.OFFER), "malformed"],
    ["of a server, as a reply", spoken(dhcp.OFFER, { op: dhcp.BOOTREPLY }), "malformed"],
    ["cut short", spoken(dhcp.DISCOVER).subarray(0, 290), "malformed"],
  ];
  const good = spoken(dhcp.DISCOVER);
  const withOctet = (at: number, value: number): Uint8Array => {
    const other = good.slice();
    other[at] = value;
    return other;
  };
  cases.push(["with a wrong UDP checksum", withOctet(50, 0x77), "malformed"]);
  cases.push(["for another port", withOctet(37, 66), "malformed"]);
  cases.push(["over TCP", withOctet(23, 6), "malformed"]);
  cases.push(["in a fragment", withOctet(20, 0x20), "malformed"]);
  for (const [title, frame, counter] of cases) {
    test(`${title} is ignored and counted`, () => {
      const core = serving();
      expect(tell(core, frame)).toEqual(ignored);
      expect(Object.entries(core.counters).filter(([, count]) => count > 0)).toEqual([[counter, 1]]);
    });
  }

  test("with a checksum that a network card would finish is right, and one without too (RFC 768)", () => {
    const unfinished = withOctet(40, 0x12);
    expect(tell(serving(), unfinished)).toEqual(ignored);
    expect(replyIn(tell(serving(), unfinished, 0, true)).message.type).toBe(dhcp.OFFER);
    const none = good.slice();
    none.fill(0, 40, 42);
    expect(replyIn(tell(serving(), none)).message.type).toBe(dhcp.OFFER);
  });

  test("can be anything: nothing throws, and answers go out of the port it came in by", () => {
    const seed = Number(process.env.SEED ?? 20261125);
    const random = seeded(seed);
    const core = serving();
    for (let i = 0; i < 2000; i++) {
      const frame = good.slice(0, nextBelow(random, 2) === 0 ? good.length : nextBelow(random, good.length + 1));
      const at = nextBelow(random, frame.length + 1);
      frame.set(nextOctets(random, Math.min(3, frame.length - at)), at);
      for (const effect of tell(core, frame, i * 1000, true)) expect([seed, effect.port]).toEqual([seed, PORT]);
    }
  });
});

test("a VM that asks without end is answered twice a second after twenty times at once, another as ever", () => {
  const core = serving();
  core.handle({ type: "serve", port: 9, settings }, 0);
  const answered = (now: number): number =>
    Array.from({ length: 50 }, () => says(core, dhcp.DISCOVER, {}, now)).filter(([e]) => e?.type === "send").length;
  expect(answered(0)).toBe(20);
  expect(says(core, dhcp.DISCOVER)).toEqual([{ type: "lost", port: PORT, reason: "limited" }]);
  expect(answered(1000)).toBe(2);
  expect(answered(60_000)).toBe(20);
  const other = core.handle({ type: "frame", port: 9, frame: spoken(dhcp.DISCOVER), unfinished: false }, 0);
  expect(other.map((e) => e.type)).toEqual(["send"]);
  expect(core.counters.limited).toBe(30 + 1 + 48 + 30);
});
