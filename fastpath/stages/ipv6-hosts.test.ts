/** IPv6 VMs' packets from VM to VM: as they came but for MAC addresses and hop limit, or an error that tells why not. */
import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { u32 } from "#base/bytes";
import { nextU32 } from "#base/random";
import { fromSeed } from "#fastpath/testing/choices";
import { generate6 } from "#fastpath/testing/generate";
import { ending, fromFabric, fromVm, icmp, ip, udp } from "#fastpath/testing/ipv6-vms";
import { build6, counting, framed, type Ip6 } from "#fastpath/testing/packet";
import {
  BLUE,
  FABRIC_ROUTER,
  GATEWAY_MAC,
  HOMES,
  hostAddress,
  NEXT_HOP_MAC,
  RED,
  RED_REMOTE_6,
  REMOTE,
  REMOTE_6,
  ROUTER_ADDRESS,
  SERVICE_MAC,
  SmallRouter,
  UPLINK_MAC,
  VM_A,
  VM_B,
  VM_D,
  VM_E,
  VM_F,
} from "#fastpath/testing/small-router";
import { withSeed } from "#fastpath/testing/with-seed";
import { networkAddress } from "#policy/homes";
import type { Rule } from "#policy/rules";
import { GSO_TCPV6 } from "#wire/virtio-net";

const D = VM_D.ipv6[0]!;
const E = VM_E.ipv6[0]!;
const F = VM_F.ipv6[0]!;

/** The IP packet with another hop limit. */
const hopped = (frame: Uint8Array, hopLimit = 63): Uint8Array => {
  const packet = frame.slice(14);
  packet[7] = hopLimit;
  return packet;
};

describe("a packet between IPv6 VMs", () => {
  for (const cacheEntries of [0, 1024]) {
    const cached = cacheEntries === 0 ? "without" : "with";
    test(`leaves for the fabric as it came, one hop on, ${cached} a flow cache (RFC 8200 §3)`, () => {
      const r = new SmallRouter({ cacheEntries });
      const frame = fromVm(VM_D, udp());
      for (let round = 0; round < 3; round++) {
        const [sent] = r.offer(VM_D.port, frame);
        expect(sent!.port).toBe(0);
        expect(sent!.octets).toEqual(framed(hopped(frame), NEXT_HOP_MAC, UPLINK_MAC));
      }
      expect(r.endings(VM_D.port)).toEqual({ "to-fabric": 3 });
    });

    test(`comes from the fabric to any of the VM's addresses, ${cached} a flow cache`, () => {
      const r = new SmallRouter({ cacheEntries });
      for (const destination of [...VM_D.ipv6, ...VM_D.ipv6]) {
        const frame = fromFabric(udp(), { destination });
        const [sent] = r.offer(0, frame);
        expect(sent!.port).toBe(VM_D.port);
        expect(sent!.octets).toEqual(framed(hopped(frame), VM_D.mac, GATEWAY_MAC));
      }
      expect(r.endings(0)).toEqual({ "to-vm": 4 });
    });

    test(`goes to the VM next door, ${cached} a flow cache`, () => {
      const r = new SmallRouter({ cacheEntries });
      const frame = fromVm(VM_D, { kind: "tcp", flags: 2, options: Uint8Array.of(2, 4, 5, 0xa0) }, { destination: E });
      for (let round = 0; round < 2; round++) {
        const [sent] = r.offer(VM_D.port, frame);
        expect([sent!.port, sent!.octets]).toEqual([VM_E.port, framed(hopped(frame), VM_E.mac, GATEWAY_MAC)]);
      }
      expect(r.endings(VM_D.port)).toEqual({ hairpin: 2 });
    });
  }

  test("keeps its extension headers and its fragments (RFC 8200 §4)", () => {
    const r = new SmallRouter();
    const options = { header: 60, body: new Uint8Array(6) };
    const fragment = { header: 44, offset: 5, more: true, identification: 77 } as const;
    for (const extensions of [[options], [fragment], [options, { ...fragment, offset: 0, more: false }]]) {
      const frame = fromVm(VM_D, udp(), { extensions });
      expect(r.offer(VM_D.port, frame)[0]!.octets.subarray(14)).toEqual(hopped(frame));
    }
  });

  test("stays a super-packet where the port takes it, and becomes segments where not", () => {
    const tcp = { kind: "tcp", data: counting(3000), checksum: "partial" } as const;
    const frame = fromVm(VM_D, tcp);
    const offload = { partial: true, csumStart: 54, csumOffset: 16, gsoType: GSO_TCPV6, gsoSize: 1400 };
    const [whole] = new SmallRouter().offer(VM_D.port, frame, offload);
    expect(whole).toMatchObject({ ...offload, port: 0 });
    expect(whole!.octets.subarray(14)).toEqual(hopped(frame));
    const cut = new SmallRouter({ offload: false }).offer(VM_D.port, frame, offload);
    expect(cut.map(({ octets }) => octets.length - 74)).toEqual([1400, 1400, 200]);
    for (const { octets } of cut) {
      const data = octets.subarray(74);
      const sequence = u32(octets, 58);
      const expected = fromVm(VM_D, { kind: "tcp", sequence, data }, { hopLimit: 63 });
      expect(octets.subarray(14)).toEqual(expected.subarray(14));
    }
  });
});

describe("an IPv6 VM reaches", () => {
  const sends = (destination: Uint8Array, options = {}) => {
    const r = new SmallRouter(options);
    const sent = r.offer(VM_D.port, fromVm(VM_D, udp(), { destination }));
    const told = sent[0]?.port === VM_D.port ? [sent[0].octets[54], sent[0].octets[55]] : undefined;
    return [Object.keys(r.endings(VM_D.port))[0], ...(told ?? [])];
  };

  test("its own network, and of others only those that it has routes to by name (§2.4)", () => {
    expect(sends(hostAddress(1, BLUE, 200))).toEqual(["to-fabric"]);
    expect(sends(RED_REMOTE_6)).toEqual(["no-network-route", 1, 0]);
    expect(sends(F)).toEqual(["no-network-route", 1, 0]);
    expect(sends(RED_REMOTE_6, { peering: true })).toEqual(["no-rule"]); // the way is there, a rule is not
  });

  test("no IPv4 VM, here or elsewhere: neither has an address by which the other could call it", () => {
    expect(sends(REMOTE)).toEqual(["no-counterpart", 1, 3]);
    expect(sends(VM_A.address)).toEqual(["no-counterpart", 1, 3]);
  });

  test("nothing outside the fabric, no router, and nobody who is not there", () => {
    expect(sends(ip("2001:4860::8888"))).toEqual(["no-network-route", 1, 0]);
    expect(sends(FABRIC_ROUTER)).toEqual(["no-network-route", 1, 0]);
    expect(sends(ROUTER_ADDRESS)).toEqual(["no-network-route", 1, 0]);
    expect(sends(hostAddress(0, BLUE, 99))).toEqual(["no-such-vm", 1, 3]);
  });
});

describe("an IPv6 VM is reached by", () => {
  const gets = (more: Partial<Ip6>) => ending(new SmallRouter(), 0, fromFabric(udp(), more));

  test("its whole address: the same host number elsewhere is another's", () => {
    expect(gets({})).toBe("to-vm");
    expect(gets({ destination: hostAddress(0, BLUE, 5) })).toBe("no-such-vm");
    expect(gets({ destination: hostAddress(0, RED, 2), source: RED_REMOTE_6 })).toBe("to-vm");
  });

  test("IPv6 VMs that rules let in, and by nobody else", () => {
    expect(gets({ source: RED_REMOTE_6 })).toBe("no-rule");
    expect(gets({ source: REMOTE })).toBe("no-counterpart");
    expect(gets({ source: REMOTE_6, destination: VM_A.address })).toBe("no-counterpart");
    expect(gets({ source: ip("2001:db8:ffff::1") })).toBe("outside-source");
    expect(gets({ source: FABRIC_ROUTER })).toBe("infrastructure-source");
  });
});

test("the metadata service, which has an IPv4 address, is nobody to an IPv6 host, here or asked for by its address", () => {
  const r = new SmallRouter({ metadata: true });
  const service = networkAddress(HOMES[0]!, 0, Uint8Array.of(169, 254, 169, 254));
  const answer = framed(build6({ source: service, destination: D, upper: udp() }), GATEWAY_MAC, SERVICE_MAC);
  expect(ending(r, 4, answer)).toBe("no-counterpart");
  expect(ending(r, VM_D.port, fromVm(VM_D, udp(), { destination: service }))).toBe("no-network-route");
});

describe("an ICMPv6 error", () => {
  test("to a VM comes from the router's own address (RFC 4443 §2.2), whole and right, and quotes the packet", () => {
    const r = new SmallRouter();
    const frame = fromVm(VM_D, udp(), { hopLimit: 1 });
    const [sent] = r.offer(VM_D.port, frame);
    const body = frame.subarray(14);
    const upper = icmp(3, body);
    expect(sent!.octets).toEqual(
      framed(build6({ source: ROUTER_ADDRESS, destination: D, upper }), VM_D.mac, GATEWAY_MAC),
    );
    expect(r.endings(VM_D.port)).toEqual({ "hop-limit": 1 });
  });

  test("tells the MTU of the way out, and never less than IPv6's least (RFC 8201 §4)", () => {
    const told = (options: object, destination: Uint8Array): number => {
      const [sent] = new SmallRouter(options).offer(
        VM_D.port,
        fromVm(VM_D, udp({ data: counting(1452) }), { destination }),
      );
      expect([sent!.port, sent!.octets[54], sent!.octets.length <= 14 + 1280]).toEqual([VM_D.port, 2, true]);
      return u32(sent!.octets, 58);
    };
    expect(told({ uplinkMtu: 1400 }, REMOTE_6)).toBe(1400);
    expect(told({ vmMtu: 1300 }, E)).toBe(1300);
    expect(told({ vmMtu: 1000 }, E)).toBe(1280);
  });

  test("about a packet of its own reaches the VM, from VMs and from the fabric's routers", () => {
    const quoted = fromVm(VM_D, udp()).subarray(14);
    const gets = (more: Partial<Ip6>, body = quoted) => ending(new SmallRouter(), 0, fromFabric(icmp(1, body), more));
    expect([gets({}), gets({ source: FABRIC_ROUTER })]).toEqual(["to-vm", "to-vm"]);
    const ofRed = fromVm(VM_D, udp(), { destination: RED_REMOTE_6 }).subarray(14);
    expect(gets({ source: FABRIC_ROUTER }, ofRed)).toBe("bad-embedded");
    const ofE = fromVm(VM_E, udp()).subarray(14);
    expect(gets({ source: FABRIC_ROUTER }, ofE)).toBe("bad-embedded");
    expect(gets({}, counting(8))).toBe("bad-embedded");
  });

  test("from a VM is about a packet that it was sent, to who sent it (RFC 4443 §2.2)", () => {
    const about = (packet: Partial<Ip6>, destination = REMOTE_6) => {
      const body = fromFabric(udp(), packet).subarray(14);
      return ending(new SmallRouter(), VM_D.port, fromVm(VM_D, icmp(1, body), { destination }));
    };
    expect(about({})).toBe("to-fabric");
    expect(about({ source: E }, E)).toBe("hairpin");
    expect(about({ source: E })).toBe("bad-embedded");
    expect(about({ destination: E })).toBe("bad-embedded");
    expect(about({ destination: VM_D.ipv6[1]! })).toBe("bad-embedded");
  });

  test("is not sent about an error, a group, or to a link-local address (RFC 4443 §2.4(e))", () => {
    const r = new SmallRouter();
    const body = fromFabric(udp()).subarray(14);
    r.offer(VM_D.port, fromVm(VM_D, icmp(1, body), { hopLimit: 1 }));
    r.offer(VM_D.port, fromVm(VM_D, udp(), { destination: parseIpv6("ff0e::1")! }));
    expect(r.sent).toEqual([]);
  });
});

describe("what rules could not see past", () => {
  const of = (more: Partial<Ip6>, upper: Ip6["upper"] = udp()): [string, string] => [
    ending(new SmallRouter(), VM_D.port, fromVm(VM_D, upper, more)),
    ending(new SmallRouter(), 0, fromFabric(upper, more)),
  ];

  test("is refused on the way out and in: headers too many, out of order, cut off (RFC 7112 §5, RFC 8200 §4.1)", () => {
    const options = { header: 60, body: new Uint8Array(6) };
    const hopByHop = { header: 0, body: new Uint8Array(6) };
    const bad = ["bad-extension", "bad-extension"];
    expect(of({ extensions: new Array(9).fill(options) })).toEqual(bad as [string, string]);
    expect(of({ extensions: [options, hopByHop] })).toEqual(bad as [string, string]);
    expect(of({ extensions: [{ ...options, length: 200 }] })).toEqual(bad as [string, string]);
    const first = { header: 44, offset: 0, more: true, identification: 1 } as const;
    expect(of({ extensions: [first, options] })).toEqual(bad as [string, string]);
    const cut = { kind: "raw", protocol: 6, data: counting(8) } as const;
    expect(of({ extensions: [first] }, cut)).toEqual(["bad-transport", "bad-transport"]);
  });

  test("of a routing header with segments left is refused, and the sender told where it is (RFC 5095 §3)", () => {
    const routing = { header: 43, body: Uint8Array.of(4, 1, 0, 0, 0, 0) };
    expect(of({ extensions: [routing] })).toEqual(["source-routed", "untranslatable-header"]);
    const [sent] = new SmallRouter().offer(VM_D.port, fromVm(VM_D, udp(), { extensions: [routing] }));
    expect([sent!.octets[54], u32(sent!.octets, 58)]).toEqual([4, 43]);
    const done = { header: 43, body: Uint8Array.of(4, 0, 0, 0, 0, 0) };
    expect(of({ extensions: [done] })).toEqual(["to-fabric", "to-vm"]);
  });
});

const every = (tags: number) => [{ tags, host: 0, length: 32 }];
const BETWEEN_TENANTS: Rule = {
  ...{ name: "ask", priority: 10, action: "allow", stateful: true, log: false },
  ...{ source: every(BLUE), destination: every(RED) },
};

test("the flow cache changes nothing, whatever comes and goes (from a seed)", () => {
  withSeed((random) => {
    const c = fromSeed(nextU32(random));
    const rules = [{ rule: BETWEEN_TENANTS, owner: undefined }];
    const [cached, plain] = [1024, 0].map(
      (cacheEntries) => new SmallRouter({ cacheEntries, peering: true, rules }),
    ) as [SmallRouter, SmallRouter];
    const hosts = (vm6: Uint8Array) => ({
      ...{ vm4: VM_A.ipv4, vm6, wrong4: [VM_B.ipv4], routers6: [FABRIC_ROUTER] },
      peers: [D, E, F, REMOTE_6, RED_REMOTE_6].map((ipv6) => ({ ipv4: VM_B.ipv4, ipv6 })),
      wrong6: [REMOTE, VM_A.address, ip("ff02::1"), ip("fe80::1"), ip("2001:db8::1"), hostAddress(0, BLUE, 77)],
    });
    for (let round = 0; round < 3000; round++) {
      // generate6 makes packets for a host: the sender of those is whichever peer it drew.
      const packet = generate6(c, { hosts: hosts([REMOTE_6, D, E, F][c.below(4)]!), mtu: 1500, broken: 10 });
      const port = [0, VM_D.port, VM_E.port, VM_F.port][c.below(4)]!;
      const [to, from] = port === 0 ? [UPLINK_MAC, NEXT_HOP_MAC] : [GATEWAY_MAC, [VM_D, VM_E, VM_F][port - 5]!.mac];
      const frame = framed(packet, to, from);
      for (let twice = 0; twice < 2; twice++) expect(cached.offer(port, frame)).toEqual(plain.offer(port, frame));
    }
    for (const port of [0, 5, 6, 7]) expect(cached.endings(port)).toEqual(plain.endings(port));
    expect(Object.keys(cached.endings(VM_D.port))).toContain("to-fabric");
    expect(Object.keys(cached.endings(0))).toContain("to-vm");
  });
});
