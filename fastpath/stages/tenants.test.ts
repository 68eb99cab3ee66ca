/** Addresses that tenants brought: reached in tunnels only, each tenant's own, by the rules like any. */
import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { u32 } from "#base/bytes";
import { tenantHomeOf } from "#base/home-hash";
import { ending, fromVm, icmp, udp } from "#fastpath/testing/ipv6-vms";
import { build6, counting } from "#fastpath/testing/packet";
import {
  BLUE,
  HOMES,
  hostAddress,
  KEY,
  MAG,
  RED,
  REMOTE_6,
  ROUTER_ADDRESS,
  SmallRouter,
  type SmallRouterOptions,
  type SmallVm6,
  VM_D,
  VM_F,
} from "#fastpath/testing/small-router";
import {
  innerOf,
  labelOf,
  native,
  OTHER_MAG,
  only,
  out,
  part,
  tunnelFrame,
  tunnelled,
  ways,
} from "#fastpath/testing/tunnel-packets";
import type { Rule } from "#policy/rules";

const ip = (text: string): Uint8Array => parseIpv6(text)!;
/** An address whose home, as blue's unless told otherwise, is home 0 or 1. */
const homed = (home: number, tags = BLUE): Uint8Array => {
  for (let i = 1; ; i++) {
    const address = ip(`fd00:77::9:${i.toString(16)}`);
    if (tenantHomeOf({ key: KEY, homes: HOMES }, tags, address) === home) return address;
  }
};
const MINE = ip("fd00:77::1");
const REMOTE = homed(1);
const HERE_AT_HOME = homed(0);
const STRANGER = ip("fd00:78::1");
/** Blue's, with an address of its own beside the fabric's. */
const GUEST: SmallVm6 = {
  ...{ tags: BLUE, port: 8, mac: Uint8Array.of(2, 0, 0, 0, 1, 8) },
  ipv6: [MINE, hostAddress(0, BLUE, 99)],
};
const guest = (packet: Parameters<typeof fromVm>[1], more: Parameters<typeof fromVm>[2] = {}): Uint8Array =>
  fromVm(GUEST, packet, { destination: REMOTE, ...more });
/** Red has the very address of blue's guest. */
const RED_GUEST: SmallVm6 = { ...GUEST, tags: RED, ipv6: [MINE] };

describe.each([
  ["with a flow cache", 1024],
  ["without a flow cache", 0],
])("%s", (_, cacheEntries) => {
  const router = (options: SmallRouterOptions = {}): SmallRouter =>
    new SmallRouter({ cacheEntries, guest: GUEST, tenants: true, ...options });
  const wrapped = (source: Uint8Array, destination: Uint8Array, to: Uint8Array, sent: Uint8Array): Uint8Array =>
    out(
      tunnelled(build6({ source, destination, upper: udp(), hopLimit: 63 }), {
        ...{ key: BLUE, destination: to, flowLabel: labelOf(sent) },
      }),
    );

  test("a destination that nobody has heard of is reached by its home, in a tunnel (docs/wire.md), and asked for once", () => {
    const r = router();
    for (let i = 0; i < 3; i++) {
      const sent = only(r.offer(8, guest(udp())));
      expect(sent).toEqual(wrapped(MINE, REMOTE, ip("2001:db8:a1:2::1"), sent));
    }
    const [entry, ...more] = [...r.bindings.entries()];
    expect([r.wanted.length, more.length, entry!.packets, entry!.key[0]]).toEqual([1, 0, 3, 0x0104_0000]);
    expect(ways(r)).toEqual({ tunnelled: 3 });
  });

  test("one that is bound by its binding, from the next packet on", () => {
    const r = router();
    only(r.offer(8, guest(udp())));
    r.bind(BLUE, REMOTE, MAG);
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(8, guest(udp())));
      expect(sent).toEqual(wrapped(MINE, REMOTE, MAG, sent));
    }
    r.bind(BLUE, REMOTE, OTHER_MAG);
    expect(part(only(r.offer(8, guest(udp()))), 38, 54)).toEqual(OTHER_MAG);
  });

  test("from a tenant's own address to one of the fabric's, and back, too: no route leads to the former", () => {
    const r = router();
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(8, guest(udp(), { destination: REMOTE_6 })));
      expect(sent).toEqual(wrapped(MINE, REMOTE_6, ip("2001:db8:a1:2::1"), sent));
      const other = only(r.offer(5, fromVm(VM_D, udp(), { destination: REMOTE })));
      expect(other).toEqual(wrapped(VM_D.ipv6[0]!, REMOTE, ip("2001:db8:a1:2::1"), other));
    }
    r.bind(BLUE, REMOTE_6, MAG);
    expect(part(only(r.offer(8, guest(udp(), { destination: REMOTE_6 }))), 38, 54)).toEqual(MAG);
  });

  test("what has its home here and is nowhere is nobody's", () => {
    expect(ending(router(), 8, guest(udp(), { destination: HERE_AT_HOME }))).toBe("no-such-vm");
  });

  test("a VM sends from its own only, and to what its network knows", () => {
    const r = router();
    expect(ending(r, 8, guest(udp(), { source: ip("fd00:77::2") }))).toBe("spoofed-source");
    expect(ending(r, 8, guest(udp(), { destination: STRANGER }))).toBe("no-network-route");
    expect(ending(r, 7, fromVm(VM_F, udp(), { destination: homed(1, RED) }))).toBe("to-fabric");
    const outside = ip("2001:db8:a1:fe:0:1:c000:209");
    expect(ending(r, 8, guest(udp(), { destination: outside }))).toBe("no-network-route");
    expect(ending(router({ tenants: false }), 5, fromVm(VM_D, udp(), { destination: REMOTE }))).toBe(
      "no-network-route",
    );
  });

  test("VMs of one router reach one another, those of another network with the same address do not", () => {
    const r = router();
    for (let i = 0; i < 2; i++) expect(ending(r, 5, fromVm(VM_D, udp(), { destination: MINE }))).toBe("hairpin");
    expect(ending(r, 8, guest(udp(), { destination: VM_D.ipv6[0]! }))).toBe("hairpin");
    const red = router({ guest: RED_GUEST });
    expect(part(only(red.offer(5, fromVm(VM_D, udp(), { destination: MINE }))), 20, 21)).toEqual(Uint8Array.of(47));
    expect(ending(red, 7, fromVm(VM_F, udp(), { destination: MINE }))).toBe("hairpin");
  });

  test("out of a tunnel with its network's key a packet comes to the VM, and with no other", () => {
    const r = router();
    const frame = (key: number, source: Uint8Array, destination = MINE): Uint8Array =>
      tunnelFrame(build6({ source, destination, upper: udp() }), { key });
    for (let i = 0; i < 2; i++)
      for (const source of [REMOTE, REMOTE_6]) {
        const sent = only(r.offer(0, frame(BLUE, source)));
        expect(sent.slice(0, 6)).toEqual(Uint8Array.from(GUEST.mac));
        expect(part(sent, 14)).toEqual(build6({ source, destination: MINE, upper: udp(), hopLimit: 63 }));
      }
    expect(ending(r, 0, frame(RED, REMOTE))).not.toBe("to-vm");
    expect(ending(r, 0, frame(0, REMOTE))).toBe("tunnel-key");
    expect(ending(r, 0, frame(1, REMOTE))).toBe("tunnel-key");
    expect(ending(r, 0, frame(BLUE, STRANGER))).toBe("outside-source");
    expect(ending(r, 0, frame(BLUE, hostAddress(1, RED, 2)))).toBe("no-rule");
    expect(ending(r, 0, frame(BLUE, MAG))).toBe("infrastructure-source");
    expect(ending(r, 0, frame(BLUE, REMOTE, VM_D.ipv6[0]!))).toBe("to-vm");
    expect(ending(r, 0, frame(BLUE, STRANGER, VM_D.ipv6[0]!))).toBe("outside-source");
  });

  test("natively neither one comes nor one from there", () => {
    const r = router();
    expect(ending(r, 0, native(build6({ source: REMOTE_6, destination: MINE, upper: udp() })))).not.toBe("to-vm");
    expect(ending(r, 0, native(build6({ source: REMOTE, destination: VM_D.ipv6[0]!, upper: udp() })))).toBe(
      "outside-source",
    );
  });

  test("the home, and where it was, send on by the binding, and otherwise nowhere", () => {
    const r = router();
    const inner = { source: REMOTE_6, destination: HERE_AT_HOME, upper: udp() };
    const frame = tunnelFrame(build6(inner), { key: BLUE });
    expect(ending(r, 0, frame)).toBe("no-such-vm");
    r.bind(BLUE, HERE_AT_HOME, OTHER_MAG);
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(0, frame));
      expect([part(sent, 38, 54), innerOf(sent)]).toEqual([OTHER_MAG, build6({ ...inner, hopLimit: 63 })]);
    }
    expect(ending(r, 0, tunnelFrame(build6(inner), { key: RED }))).toBe("no-rule"); // red's of that name is not bound
  });

  test("too big: told what fits the tunnel to the home, and to where it is (RFC 8201 §4)", () => {
    const r = router();
    const told = (): number => {
      const sent = only(r.offer(8, guest(udp({ data: counting(1453 - 48) }))));
      expect([sent[20], sent[54]]).toEqual([58, 2]);
      return u32(sent, 58);
    };
    expect(told()).toBe(1452);
    r.bind(BLUE, REMOTE, MAG);
    r.tunnels.setMtu(r.tunnels.find(MAG), 1400);
    r.engine.tables.generation++;
    expect(told()).toBe(1352);
  });

  test("an error about what came from such an address goes to its home, or to where it is, in a tunnel; those for a VM arrive", () => {
    const r = router();
    const packet = build6({ source: REMOTE, destination: MINE, upper: udp() });
    const late = build6({ source: REMOTE, destination: MINE, upper: udp(), hopLimit: 1 });
    for (const to of [ip("2001:db8:a1:2::1"), MAG]) {
      if (to === MAG) r.bind(BLUE, REMOTE, MAG);
      expect(ending(r, 0, tunnelFrame(packet, { key: BLUE }))).toBe("to-vm"); // the flow may be remembered
      const told = only(r.offer(0, tunnelFrame(late, { key: BLUE })));
      expect([part(told, 22, 38), part(told, 38, 54), u32(told, 58)]).toEqual([ROUTER_ADDRESS, to, BLUE]);
      const error = innerOf(told);
      expect([error[40], part(error, 8, 24), part(error, 24, 40)]).toEqual([3, ROUTER_ADDRESS, REMOTE]);
      expect(part(error, 48)).toEqual(late);
    }
    const unknown = build6({ source: STRANGER, destination: MINE, upper: udp(), hopLimit: 1 });
    expect(r.offer(0, tunnelFrame(unknown, { key: BLUE }))).toEqual([]);
    const quoted = build6({ source: MINE, destination: REMOTE, upper: udp() });
    const error = build6({ source: REMOTE, destination: MINE, upper: icmp(1, quoted, { code: 4 }) });
    expect(ending(r, 0, tunnelFrame(error, { key: BLUE }))).toBe("to-vm");
    const byRouter = build6({ source: ROUTER_ADDRESS, destination: MINE, upper: icmp(3, quoted) });
    expect(ending(r, 0, tunnelFrame(byRouter, { key: BLUE }))).toBe("to-vm");
    const foreign = build6({
      source: REMOTE,
      destination: MINE,
      upper: icmp(1, build6({ source: MINE, destination: STRANGER, upper: udp() })),
    });
    expect(ending(r, 0, tunnelFrame(foreign, { key: BLUE }))).toBe("bad-embedded");
    expect(ending(r, 8, guest(icmp(1, build6({ source: REMOTE, destination: MINE, upper: udp() }))))).toBe("to-fabric");
  });

  test("prepared and held VMs are so under these addresses too", () => {
    const frame = tunnelFrame(build6({ source: REMOTE, destination: MINE, upper: udp() }), { key: BLUE });
    expect(ending(router({ states: { 8: "prepared" } }), 0, frame)).toBe("no-such-vm");
    const held = router({ states: { 8: "held" } });
    expect(ending(held, 0, frame)).toBe("punt-held");
    expect(held.punted[0]!.octets).toEqual(frame);
  });
});

test("a stateful rule between two networks: answers come back, to the very address that asked", () => {
  const network = (tags: number) => ({ tags, host: 0, length: 32 });
  const rule: Rule = {
    ...{ name: "web", priority: 10, action: "allow", stateful: true, log: false, protocol: 17 },
    ...{ source: [network(BLUE)], destination: [network(RED)], destinationPorts: [{ first: 6, last: 6 }] },
  };
  const other = ip("fd00:77::2");
  const peer = hostAddress(1, RED, 2);
  for (const cacheEntries of [0, 1024]) {
    const r = new SmallRouter({
      ...{ cacheEntries, guest: { ...GUEST, ipv6: [MINE, other] }, tenants: true, peering: true },
      rules: [{ rule, owner: undefined }],
    });
    const gets = (destination: Uint8Array, more = {}): string => {
      const upper = udp({ source: 6, destination: 5, ...more });
      return ending(r, 0, tunnelFrame(build6({ source: peer, destination, upper }), { key: BLUE }));
    };
    expect(gets(MINE)).toBe("no-rule");
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(8, guest(udp({ source: 5, destination: 6 }), { destination: peer })));
      expect([u32(sent, 58), part(sent, 38, 54)]).toEqual([RED, ip("2001:db8:a1:2::1")]);
      expect([gets(MINE), gets(other), gets(MINE, { destination: 7 })]).toEqual(["to-vm", "no-rule", "no-rule"]);
    }
    const quoted = build6({ source: MINE, destination: peer, upper: udp({ source: 5, destination: 6 }) });
    const error = build6({ source: peer, destination: MINE, upper: icmp(1, quoted, { code: 4 }) });
    expect(ending(r, 0, tunnelFrame(error, { key: BLUE }))).toBe("to-vm");
    expect(ending(r, 8, guest(udp({ source: 5, destination: 7 }), { destination: peer }))).toBe("no-rule");
  }
});
