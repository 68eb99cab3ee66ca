/** IPv6 on a VM's link: who may speak, what is for the control thread, and what goes nowhere. */
import { describe, expect, test } from "bun:test";
import { parseMac } from "#base/address";
import { ending, fromVm, GATEWAY_6, icmp, ip, LINK_LOCAL_D, NOBODY_6, udp } from "#fastpath/testing/ipv6-vms";
import { build4, counting, fragments6, framed, type Ip6, type Upper } from "#fastpath/testing/packet";
import {
  GATEWAY_MAC,
  SmallRouter,
  type SmallRouterOptions,
  VM_A,
  VM_B,
  VM_D,
  VM_E,
  VM_F,
} from "#fastpath/testing/small-router";
import * as arp from "#wire/arp";
import { BROADCAST, ETHERTYPE_ARP, frame } from "#wire/ethernet";

const OTHER_MAC = parseMac("02:00:00:00:66:66")!;
const ALL_ROUTERS = ip("ff02::2");
const ALL_DHCP = ip("ff02::1:2");
const SERVER = { source: 546, destination: 547 } as const;
const linkLocal = { source: LINK_LOCAL_D } as const;
const toGateway = { destination: GATEWAY_6 } as const;

const of = (upper: Upper, more: Partial<Ip6> = {}, options: SmallRouterOptions = {}, mac = VM_D.mac): string =>
  ending(new SmallRouter({ dhcp: true, ...options }), VM_D.port, fromVm(VM_D, upper, more, mac));

describe("a VM's own IPv6 addresses", () => {
  test("are the configured ones, each of them, from its MAC address", () => {
    expect(VM_D.ipv6.map((source) => of(udp(), { source }))).toEqual(["to-fabric", "to-fabric"]);
    expect(of(udp(), {}, {}, OTHER_MAC)).toBe("spoofed-mac");
  });

  for (const [title, source] of [
    ["next door's", VM_E.ipv6[0]!],
    ["another tenant's", VM_F.ipv6[0]!],
    ["its own with another host number", Uint8Array.from([...VM_D.ipv6[0]!.slice(0, 15), 9])],
    ["its own at another home", Uint8Array.from([...ip("2001:db8:a1:2::").slice(0, 8), ...VM_D.ipv6[0]!.slice(8)])],
    ["an IPv4 VM's network address", VM_A.address],
    ["the router's", ip("2001:db8:a1:1::1")],
    ["anybody's", ip("2001:db8:ffff::1")],
    ["the gateway's", GATEWAY_6],
  ] as const) {
    test(`are not ${title} (§2.4)`, () => {
      expect(of(udp(), { source })).toBe("spoofed-source");
      expect(of(icmp(135, counting(20)), { source, hopLimit: 255, destination: ip("ff02::1:ff00:1") })).toBe(
        "spoofed-source",
      );
    });
  }

  test("are learnt the MAC address of by the control thread where it is not known", () => {
    const r = new SmallRouter();
    r.neighbors[VM_D.port]!.resolved = false;
    expect(ending(r, VM_D.port, fromVm(VM_D, udp()))).toBe("punt-learn");
    expect(ending(r, VM_D.port, fromVm(VM_D, icmp(135, counting(20)), toGateway))).toBe("punt-nd"); // learns by itself
  });

  test("are none where none is configured, and IPv4 is none of an IPv6 VM's", () => {
    const r = new SmallRouter();
    expect(ending(r, VM_A.port, fromVm({ ...VM_A, ipv6: [VM_A.address] }, udp()))).toBe("vm-ipv6");
    const ipv4 = (source: Uint8Array) =>
      framed(build4({ source, destination: VM_B.ipv4, upper: udp() }), GATEWAY_MAC, VM_D.mac);
    expect(ending(r, VM_D.port, ipv4(VM_A.ipv4))).toBe("vm-ipv4");
    expect(ending(r, VM_E.port, framed(ipv4(VM_E.ipv4).subarray(14), GATEWAY_MAC, VM_E.mac))).toBe("hairpin");
    const request = new Uint8Array(arp.SIZE);
    const ends = { senderProtocol: VM_A.ipv4, targetHardware: new Uint8Array(6), targetProtocol: VM_B.ipv4 };
    arp.write(request, 0, { operation: arp.REQUEST, senderHardware: VM_D.mac, ...ends });
    expect(ending(r, VM_D.port, frame(BROADCAST, VM_D.mac, ETHERTYPE_ARP, request))).toBe("vm-ipv4");
  });
});

describe("a link-local source", () => {
  test("may ask what is of its link: neighbors, routers, DHCPv6, a ping of the gateway", () => {
    expect(of(icmp(133, counting(0)), { ...linkLocal, destination: ALL_ROUTERS })).toBe("punt-nd");
    expect(of(icmp(135, counting(20)), { ...linkLocal, ...toGateway })).toBe("punt-nd");
    expect(of(udp(SERVER), { ...linkLocal, destination: ALL_DHCP })).toBe("punt-dhcp");
    expect(of(icmp(128), { ...linkLocal, ...toGateway })).toBe("punt-local");
  });

  test("may not speak to anybody else, nor to the gateway of anything else (RFC 4291 §2.5.6)", () => {
    expect(of(udp(), linkLocal)).toBe("link-local");
    expect(of(icmp(128), linkLocal)).toBe("link-local");
    expect(of(udp(), { ...linkLocal, ...toGateway })).toBe("link-local");
    expect(of(icmp(128), { ...linkLocal, destination: ip("fe80::2") })).toBe("link-local");
    expect(of(udp(SERVER), linkLocal)).toBe("link-local");
  });

  test("is no MAC address's but the VM's where that is configured", () => {
    const sends = (mac: Uint8Array) =>
      of(icmp(133, counting(0)), { ...linkLocal, destination: ALL_ROUTERS }, { macIsFixed: true }, mac);
    expect([sends(VM_D.mac), sends(OTHER_MAC)]).toEqual(["punt-nd", "spoofed-mac"]);
  });
});

describe("from no address", () => {
  test("a VM asks for duplicates and routers (RFC 4862 §5.4.2), and what is for other groups ends in silence", () => {
    const nobody = { source: NOBODY_6 } as const;
    expect(of(icmp(135, counting(20)), { ...nobody, destination: ip("ff02::1:ff00:2") })).toBe("punt-nd");
    expect(of(icmp(133, counting(0)), { ...nobody, destination: ALL_ROUTERS })).toBe("punt-nd");
    const alert = [{ header: 0, body: Uint8Array.of(5, 2, 0, 0, 1, 0) }];
    expect(of(icmp(143), { ...nobody, destination: ip("ff02::16"), extensions: alert })).toBe("vm-broadcast");
    expect(of(icmp(128), { ...nobody, ...toGateway })).toBe("bad-source");
    expect(of(udp(), nobody)).toBe("bad-source");
  });
});

describe("what only a router or a DHCPv6 server says", () => {
  for (const [title, destination] of [
    ["to all", ip("ff02::1")],
    ["to the VM next door", VM_E.ipv6[0]!],
    ["into the fabric", ip("2001:db8:a1:2:0:401::2")],
    ["to the gateway", GATEWAY_6],
  ] as const) {
    test(`goes nowhere from a VM: ${title} (RFC 6105, RFC 7610)`, () => {
      for (const source of [LINK_LOCAL_D, VM_D.ipv6[0]!]) {
        expect(of(icmp(134, counting(8)), { source, destination, hopLimit: 255 })).toBe("rogue-ra");
        expect(of(icmp(137, counting(32)), { source, destination, hopLimit: 255 })).toBe("rogue-ra");
      }
      expect(of(udp({ source: 547, destination: 546 }), { destination })).toBe("rogue-dhcp");
    });
  }

  test("does not get past in fragments, or behind extension headers (RFC 6980 §5, RFC 7113 §2)", () => {
    const message = { source: VM_D.ipv6[0]!, destination: VM_E.ipv6[0]!, upper: icmp(134, counting(64)) };
    const pieces = fragments6(message, 24, 7).map((p) => framed(p, GATEWAY_MAC, VM_D.mac));
    expect(ending(new SmallRouter(), VM_D.port, pieces[0]!)).toBe("rogue-ra");
    const options = { header: 60, body: new Uint8Array(6) };
    expect(of(icmp(134, counting(8)), { destination: VM_E.ipv6[0]!, extensions: [options, options] })).toBe("rogue-ra");
    // A first fragment that does not show what it is (RFC 7112 §5).
    const header = { header: 44, offset: 0, more: true, identification: 9 } as const;
    const hidden = { kind: "raw", protocol: 60, data: Uint8Array.of(58, 1, 1, 12, 0, 0, 0, 0) } as const;
    expect(of(hidden, { destination: VM_E.ipv6[0]!, extensions: [header] })).toBe("bad-extension");
  });
});

describe("the gateway", () => {
  test("listens on no port, and is asked for an address at its own or the servers' group (RFC 8415 §18.4)", () => {
    expect(of(udp(SERVER), toGateway)).toBe("punt-dhcp");
    expect(of(udp(SERVER), { destination: ALL_DHCP }, { dhcp: false })).toBe("vm-broadcast");
    expect(of(udp(), toGateway)).toBe("no-listener");
    expect(of({ kind: "tcp" }, toGateway)).toBe("no-listener");
    expect(of(udp(), { destination: ip("ff02::fb") })).toBe("vm-broadcast");
  });

  test("is at its own MAC address only", () => {
    const r = new SmallRouter();
    const other = fromVm(VM_D, udp());
    other.set(OTHER_MAC, 0);
    expect(ending(r, VM_D.port, other)).toBe("wrong-mac");
  });
});
