/** The VMs' MAC addresses, learnt by ARP, neighbor discovery or from what they send: one for a port, in real tables. */
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { formatMac, parseIpv4, parseIpv6, parseMac } from "#base/address";
import { Frame } from "#fastpath/frame";
import { GroupReader, GroupWriter } from "#fastpath/tables/groups";
import { build4, build6, counting, framed } from "#fastpath/testing/packet";
import { ENDINGS, PUNT_NEIGHBOR } from "#fastpath/verdicts";
import { checkFabric } from "#router/config/fabric";
import type { Configuration } from "#router/config/model";
import { checkNode } from "#router/config/node";
import type { PortState, Ports } from "#router/ports";
import { VmNeighbors } from "#router/vm-neighbors";
import { parseSource, type Source } from "#runtime/document/source";
import * as arp from "#wire/arp";
import * as ethernet from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as nd from "#wire/nd";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
const VM_MAC = parseMac("02:00:00:00:00:0a")!;
const OTHER_MAC = parseMac("02:00:00:00:00:0b")!;
const IPV4 = parseIpv4("10.0.0.2")!;
const IPV6 = parseIpv6("2001:db8:a1:1:0:401::2")!;
const PEER = parseIpv6("2001:db8:a1:1:0:401::9")!;

function configuration(network = "", vm = "address: 10.0.0.2, "): Configuration {
  const source = (file: string, text: string): Source => {
    const result = parseSource(file, text);
    if ("errors" in result) throw new Error("bad YAML in a test");
    return result.source;
  };
  const fabric = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
tenants: {blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]${network}}}}}
`;
  const node = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
vms: [{name: web, network: blue/prod, ${vm}ipv6: 2001:db8:a1:1:0:401::2, interface: v}]
`;
  const result = checkNode(source("node.yaml", node), checkFabric(source("fabric.yaml", fabric)));
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result;
}

class Bench {
  readonly groups = new GroupWriter(1);
  readonly reader = new GroupReader(this.groups.buffer);
  /** Sent to the VM, in a few words. */
  sent: string[] = [];
  injected: Uint8Array[] = [];
  lost: string[] = [];
  readonly port: PortState;
  readonly neighbors: VmNeighbors;
  private readonly ports: Ports;

  constructor(now = configuration()) {
    const common = { index: 7, name: "web", kind: "vm", interface: "v", attachment: "packet" } as const;
    const state = { trouble: undefined, mac: GATEWAY_MAC, mtu: 1500, interfaceIndex: 1, descriptors: [] };
    this.port = { ...common, ...state, vm: now.node.vms[0]! };
    this.ports = { all: new Map([[7, this.port]]) } as Pick<Ports, "all"> as Ports;
    const io = {
      groups: this.groups,
      changed: () => {},
      inject: (frame: Frame, octets: Uint8Array) => {
        if (frame.end === octets.length && ethernet.source(octets, 0)[1] === 0x41) this.sent.push(wordsOf(octets));
        else this.injected.push(octets);
        return true;
      },
      lost: (_port: number, ending: number) => void this.lost.push(ENDINGS[ending]!.name),
    };
    this.neighbors = new VmNeighbors(io, GATEWAY_MAC);
    this.neighbors.add(this.port);
    this.neighbors.opened(this.port);
    this.refresh(now);
  }

  refresh(now: Configuration): void {
    this.port.vm = now.node.vms[0]!;
    this.neighbors.refresh(now, this.ports);
  }

  /** The VM's MAC address as forwarders have it. */
  get mac(): string {
    const adjacency = this.neighbors.adjacencyOf(7);
    if (this.reader.hasFailed(adjacency)) return "failed";
    if (!this.reader.isResolved(adjacency)) return "unresolved";
    const words = new Int32Array(3);
    this.reader.copyMacs(adjacency, words, 0);
    return formatMac(new Uint8Array(words.buffer, 0, 6));
  }

  hold(octets: Uint8Array): void {
    const frame = new Frame();
    frame.port = 3;
    this.neighbors.hold({ frame, octets, verdict: PUNT_NEIGHBOR, adjacency: this.neighbors.adjacencyOf(7) });
  }

  took(): string[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }
}

function wordsOf(octets: Uint8Array): string {
  if (ethernet.etherType(octets, 0) === ethernet.ETHERTYPE_ARP) return "arp";
  const packet = nd.readNd(octets, ethernet.SIZE, octets.length);
  if (!("message" in packet)) return "?";
  const { message } = packet;
  if (message.type === icmp6.ROUTER_ADVERTISEMENT) return `RA ${message.routerLifetime} mtu ${message.options.mtu}`;
  return message.type === icmp6.NEIGHBOR_SOLICITATION ? "NS" : "NA";
}

function announcement(mac: Uint8Array): Uint8Array {
  const message = new Uint8Array(arp.SIZE);
  const target = { targetHardware: new Uint8Array(6), targetProtocol: IPV4 };
  arp.write(message, 0, { operation: arp.REQUEST, senderHardware: mac, senderProtocol: IPV4, ...target });
  return ethernet.frame(ethernet.BROADCAST, mac, ethernet.ETHERTYPE_ARP, message);
}

function advertisement(mac: Uint8Array, target = IPV6): Uint8Array {
  const flags = { router: false, solicited: false, override: true };
  const message = { type: icmp6.NEIGHBOR_ADVERTISEMENT, ...flags, target, options: { targetLinkLayer: mac } } as const;
  const packet = nd.writeNd({ source: target, destination: nd.ALL_NODES, message });
  return ethernet.frame(ethernet.multicastMac6(nd.ALL_NODES), mac, ethernet.ETHERTYPE_IPV6, packet);
}

const udp = { kind: "udp", data: counting(8) } as const;
const sent6 = (mac: Uint8Array) => framed(build6({ source: IPV6, destination: PEER, upper: udp }), GATEWAY_MAC, mac);
const sent4 = (mac: Uint8Array) => framed(build4({ source: IPV4, destination: IPV4, upper: udp }), GATEWAY_MAC, mac);
/** What waits for the VM: from next door, or as the fabric has it. */
const toIpv6 = framed(build6({ source: PEER, destination: IPV6, upper: udp }), GATEWAY_MAC, OTHER_MAC);

describe("a dual-stack VM's MAC address", () => {
  for (const [title, learn] of [
    ["by ARP", (b: Bench, mac: Uint8Array) => b.neighbors.arp(b.port, announcement(mac))],
    ["by neighbor discovery", (b: Bench, mac: Uint8Array) => b.neighbors.nd(b.port, advertisement(mac))],
    ["from an IPv4 packet", (b: Bench, mac: Uint8Array) => b.neighbors.learn(b.port, sent4(mac))],
    ["from an IPv6 packet", (b: Bench, mac: Uint8Array) => b.neighbors.learn(b.port, sent6(mac))],
  ] as const) {
    test(`learnt ${title} is that of both kinds of addresses, and so is another one after it`, () => {
      const b = new Bench();
      expect([b.mac, b.neighbors.view().map(({ state }) => state)]).toEqual(["unresolved", ["unknown", "unknown"]]);
      for (const mac of [VM_MAC, OTHER_MAC, VM_MAC]) {
        learn(b, mac);
        expect(b.mac).toBe(formatMac(mac));
        expect(b.neighbors.view()).toEqual(
          ["10.0.0.2", "2001:db8:a1:1:0:401:0:2"].map((address) => ({
            ...{ port: "web", address, mac: formatMac(mac), state: "learnt" },
          })),
        );
      }
      b.took();
      b.hold(toIpv6);
      expect([b.injected, b.took()]).toEqual([[toIpv6], []]); // nobody is asked for what is known
    });
  }

  test("is forgotten with the port", () => {
    const b = new Bench();
    b.neighbors.arp(b.port, announcement(VM_MAC));
    b.neighbors.closed(b.port);
    expect(b.mac).toBe("unresolved");
    b.neighbors.opened(b.port);
    b.refresh(configuration());
    expect([b.mac, b.neighbors.macOf(7)]).toEqual(["unresolved", undefined]);
  });
});

test("a packet for an IPv6 address waits for neighbor discovery's answer; the VM's own, by any protocol, will do", () => {
  const b = new Bench(configuration("", ""));
  expect(b.took()).toEqual(["RA 1800 mtu 1500"]);
  b.hold(toIpv6);
  expect([b.took(), b.injected]).toEqual([["NS"], []]);
  b.neighbors.learn(b.port, sent6(VM_MAC));
  expect(b.injected).toEqual([toIpv6]);
});

test("what must not come from a VM is counted as what it is, and learns nothing", () => {
  const b = new Bench();
  b.neighbors.nd(b.port, advertisement(VM_MAC, PEER));
  const advertised = advertisement(VM_MAC);
  advertised[54] = icmp6.ROUTER_ADVERTISEMENT; // whose checksum is wrong now
  b.neighbors.nd(b.port, advertised);
  expect([b.lost, b.mac]).toEqual([["spoofed-source", "control-ignored"], "unresolved"]);
});

describe("router advertisements", () => {
  test("begin with the port, and begin anew with what they say, not with every reload (RFC 4861 §6.2.4)", () => {
    const b = new Bench();
    expect(b.took()).toEqual(["arp", "RA 1800 mtu 1500"]);
    b.refresh(configuration());
    expect(b.took()).toEqual([]);
    b.refresh(configuration(", dhcp: {mtu: 1400}"));
    jest.advanceTimersByTime(3000);
    expect(b.took().filter((each) => each !== "arp")).toEqual(["RA 1800 mtu 1400"]);
    b.refresh(configuration(", dhcp: {mtu: 600}"));
    jest.advanceTimersByTime(3000);
    expect(b.took().filter((each) => each !== "arp")).toEqual(["RA 1800 mtu 1280"]); // RFC 8200 §5
  });

  test("end where the network says so, or the VM goes, and only there (§6.2.5)", () => {
    const b = new Bench();
    b.took();
    b.refresh(configuration(", ra: false"));
    expect(b.took()).toEqual(["RA 0 mtu 1500"]);
    b.refresh(configuration());
    jest.advanceTimersByTime(3000);
    b.took();
    expect(b.neighbors.cease(b.port)).toBe(true);
    expect(b.took()).toEqual(["RA 0 mtu 1500"]);
    expect(b.neighbors.cease(b.port)).toBe(false);
    const closed = new Bench();
    closed.took();
    closed.neighbors.closed(closed.port);
    expect(closed.took()).toEqual([]);
  });
});
