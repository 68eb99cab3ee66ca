/** A VM's DHCP, as far as the forwarder sees it: what goes to the control thread, and what never may. */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseMac } from "#base/address";
import { build4, fragments4, framed, type Ip4 } from "#fastpath/testing/packet";
import { GATEWAY, GATEWAY_MAC, REMOTE_IPV4, SmallRouter, VM_A, VM_B } from "#fastpath/testing/small-router";
import { BROADCAST } from "#wire/ethernet";

const NOBODY = new Uint8Array(4);
const ALL = parseIpv4("255.255.255.255")!;
const GROUP_MAC = parseMac("01:00:5e:00:00:09")!;

interface Sent {
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
  readonly from?: number;
  readonly to?: number;
  readonly mac?: Uint8Array;
  readonly sender?: Uint8Array;
  readonly more?: Partial<Ip4>;
}

/** By default what a client without an address sends. */
const frame = (sent: Sent): Uint8Array => {
  const { source = NOBODY, destination = ALL, from = 68, to = 67, mac = BROADCAST, sender = VM_A.mac } = sent;
  const upper = { kind: "udp", source: from, destination: to, data: new Uint8Array(300) } as const;
  return framed(build4({ source, destination, upper, ...sent.more }), mac, sender);
};

const endingsOf = (octets: Uint8Array, options: { dhcp?: boolean; macIsFixed?: boolean } = {}): string[] => {
  const router = new SmallRouter({ dhcp: true, ...options });
  router.offer(1, octets);
  return Object.keys(router.endings(1));
};
const own = { source: VM_A.ipv4 };
const toGateway = { ...own, destination: GATEWAY, mac: GATEWAY_MAC };

describe("a VM's DHCP request is for the control thread", () => {
  for (const [title, sent] of [
    ["from nobody to all (RFC 2131 §4.1)", {}],
    ["from nobody to all, in a frame for the gateway", { mac: GATEWAY_MAC }],
    ["from its own address to the gateway, to renew (§4.3.2)", toGateway],
    ["from another port than a client's, to the gateway", { ...toGateway, from: 40000 }],
    ["from its own address to all, to rebind (§4.3.2)", own],
  ] as const) {
    test(title, () => {
      expect(endingsOf(frame(sent))).toEqual(["punt-dhcp"]);
    });
  }

  test("from another network card, unless the VM's MAC address is configured", () => {
    const octets = frame({ sender: VM_B.mac });
    expect([endingsOf(octets), endingsOf(octets, { macIsFixed: true })]).toEqual([["punt-dhcp"], ["spoofed-mac"]]);
  });
});

describe("nothing else comes from nobody, and nothing else goes to all", () => {
  for (const [title, sent, ending] of [
    ["from nobody to another port", { to: 68 }, "bad-source"],
    ["from nobody's other port", { from: 67 }, "bad-source"],
    ["from nobody to the gateway", { destination: GATEWAY, mac: GATEWAY_MAC }, "bad-source"],
    ["from nobody to another VM", { destination: VM_B.ipv4, mac: GATEWAY_MAC }, "bad-source"],
    ["from nobody, in a fragment", { more: { moreFragments: true } }, "bad-source"],
    ["from nobody in a multicast frame", { mac: GROUP_MAC }, "vm-broadcast"],
    ["from nobody to another's MAC address", { mac: VM_B.mac }, "wrong-mac"],
    ["from 0.0.0.1", { source: parseIpv4("0.0.0.1")! }, "bad-source"],
    ["from another VM's address", { source: VM_B.ipv4 }, "spoofed-source"],
    ["to all at another port", { ...own, to: 69 }, "vm-broadcast"],
    ["to all in a multicast frame", { ...own, mac: GROUP_MAC }, "vm-broadcast"],
    ["to the gateway's other port", { ...toGateway, to: 69 }, "no-listener"],
  ] as const) {
    test(`${title}: ${ending}`, () => {
      expect(endingsOf(frame(sent))).toEqual([ending]);
    });
  }

  test("and nothing at all where the router is not the VM's DHCP server", () => {
    const off = (sent: Sent) => endingsOf(frame(sent), { dhcp: false });
    expect([off({}), off(toGateway), off(own)]).toEqual([["bad-source"], ["no-listener"], ["vm-broadcast"]]);
  });
});

describe("a VM is no DHCP server", () => {
  const remote = { ...own, destination: REMOTE_IPV4, mac: GATEWAY_MAC, to: 68 };
  for (const [title, sent] of [
    ["to all", { ...own, from: 67, to: 68 }],
    ["to a VM next door", { ...remote, destination: VM_B.ipv4, from: 67 }],
    ["to a VM elsewhere", { ...remote, from: 67 }],
    ["from whatever port", { ...remote, from: 5000 }],
  ] as const) {
    test(`whose answers ${title} end here`, () => {
      expect(endingsOf(frame(sent))).toEqual(["rogue-dhcp"]);
      expect(endingsOf(frame(sent), { dhcp: false })).toEqual(["rogue-dhcp"]);
    });
  }

  test("by way of fragments: without the first, which ends here, the others are of no use", () => {
    const upper = { kind: "udp", source: 67, destination: 68, data: new Uint8Array(300) } as const;
    const [first] = fragments4({ source: VM_A.ipv4, destination: REMOTE_IPV4, upper }, 160);
    expect(endingsOf(framed(first!, GATEWAY_MAC, VM_A.mac))).toEqual(["rogue-dhcp"]);
  });

  test("and asks other servers like anybody: no packet of the fabric's is another VM's business", () => {
    expect(endingsOf(frame({ ...remote, to: 67 }))).toEqual(["to-fabric"]);
  });
});
