/** What VMs on an Ethernet segment are told by ARP, router advertisements and DHCP. */
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { formatIpv4, formatMac, parseIpv4 } from "#base/address";
import { put16 } from "#base/bytes";
import { Malformed } from "#base/reader";
import { Frame } from "#fastpath/frame";
import { PUNT_DHCP } from "#fastpath/verdicts";
import { Log } from "#router/log";
import { configuration, GATEWAY_MAC, portsOf, SEGMENT, SegmentIo } from "#router/testing/segment";
import { VmDhcp } from "#router/vm-dhcp";
import { VmNeighbors } from "#router/vm-neighbors";
import * as arp from "#wire/arp";
import * as dhcp from "#wire/dhcp4";
import * as ethernet from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as ipv4 from "#wire/ipv4";
import * as nd from "#wire/nd";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const NOBODY = parseIpv4("0.0.0.0")!;

class Bench {
  readonly io = new SegmentIo();
  now = configuration();
  readonly ports = portsOf(this.now);
  readonly neighbors = new VmNeighbors(this.io, GATEWAY_MAC);
  readonly dhcp = new VmDhcp(this.io, this.ports, new Log("error"));

  constructor() {
    for (const port of this.ports.all.values()) {
      this.neighbors.add(port);
      this.neighbors.opened(port);
    }
    this.reload(SEGMENT);
  }

  /** The configuration has new VMs then, the ports keep theirs. */
  reload(network: string): void {
    this.now = configuration(network);
    this.neighbors.refresh(this.now, this.ports);
    this.dhcp.refresh(this.now);
  }

  /** Who is said to have the address; undefined: nobody says a thing. */
  ask(port: number, target: string, sender: Uint8Array = this.vm(port).address): string | undefined {
    this.io.took();
    const message = new Uint8Array(arp.SIZE);
    const { mac } = this.vm(port);
    arp.write(message, 0, {
      ...{ operation: arp.REQUEST, senderHardware: mac, senderProtocol: sender },
      ...{ targetHardware: new Uint8Array(6), targetProtocol: parseIpv4(target)! },
    });
    const frame = ethernet.frame(ethernet.BROADCAST, mac, ethernet.ETHERTYPE_ARP, message);
    this.neighbors.arp(this.ports.all.get(port)!, frame);
    const [reply] = this.io.took();
    return reply && formatMac(arp.senderHardware(reply.octets, ethernet.SIZE));
  }

  probe(port: number, target: string): string | undefined {
    return this.ask(port, target, NOBODY);
  }

  discover(port: number) {
    this.io.took();
    const { mac: chaddr } = this.vm(port);
    const addresses = { ciaddr: NOBODY, yiaddr: NOBODY, siaddr: NOBODY, giaddr: NOBODY };
    const fields = { op: dhcp.BOOTREQUEST, hops: 0, xid: 1, secs: 0, broadcast: false, type: dhcp.DISCOVER } as const;
    const data = dhcp.writeDhcp4({ ...fields, ...addresses, chaddr, options: {} });
    const packet = new Uint8Array(28 + data.length);
    packet.set(data, 28);
    put16(packet, 20, 68);
    put16(packet, 22, 67);
    put16(packet, 24, 8 + data.length);
    const ends = { source: NOBODY, destination: parseIpv4("255.255.255.255")! };
    ipv4.write(packet, 0, { totalLength: packet.length, ttl: 64, protocol: 17, ...ends });
    const octets = ethernet.frame(ethernet.BROADCAST, chaddr, ethernet.ETHERTYPE_IPV4, packet);
    const frame = new Frame();
    frame.port = port;
    this.dhcp.take({ frame, octets, verdict: PUNT_DHCP, adjacency: 0 });
    const read = dhcp.readDhcp4(this.io.took()[0]!.octets, 42);
    if (read instanceof Malformed) throw new Error(read.error);
    const { subnetMask, mtu, routers, classlessRoutes = [] } = read.options;
    const routes = classlessRoutes.map(({ destination: { address, length }, router }) => {
      return `${formatIpv4(address)}/${length} via ${formatIpv4(router)}`;
    });
    return [formatIpv4(subnetMask!), mtu, routers?.map((router) => formatIpv4(router)).join(), ...routes];
  }

  private vm(port: number) {
    const { ipv4: own, mac } = this.ports.all.get(port)!.vm!;
    return { address: own!.address.bytes, mac: mac!.bytes };
  }
}

const [A, B, C, D] = [1, 2, 3, 4];
const ROUTER = formatMac(GATEWAY_MAC);

describe("by ARP", () => {
  test("VMs are told that everybody is at the router, but for addresses that are nobody's", () => {
    const b = new Bench();
    for (const target of ["10.0.0.1", "10.0.0.3", "10.0.0.99", "10.0.1.4", "8.8.8.8"])
      expect([target, b.ask(A, target)]).toEqual([target, ROUTER]);
    for (const target of ["10.0.0.0", "10.0.0.255", "10.0.0.2"])
      expect([target, b.ask(A, target)]).toEqual([target, undefined]);
    expect([b.ask(C, "10.0.0.255"), b.ask(D, "10.0.0.255")]).toEqual([ROUTER, ROUTER]); // not on the segment
  });

  test("who probes for an address hears whether a VM of the network has it, here or elsewhere (RFC 5227 §2.1.1)", () => {
    const b = new Bench();
    expect([b.probe(A, "10.0.0.3"), b.probe(A, "10.0.0.1")]).toEqual([ROUTER, ROUTER]);
    expect([b.probe(A, "10.0.0.2"), b.probe(A, "10.0.0.5"), b.probe(A, "10.0.0.9")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const asked: string[] = [];
    b.neighbors.isElsewhere = ({ name }, address) => {
      asked.push(`${name} ${formatIpv4(address)}`);
      return formatIpv4(address) === "10.0.0.9";
    };
    expect([b.probe(A, "10.0.0.9"), b.probe(A, "10.0.0.8")]).toEqual([ROUTER, undefined]);
    expect(asked).toEqual(["blue/prod 10.0.0.9", "blue/prod 10.0.0.8"]);
    b.neighbors.closed(b.ports.all.get(B)!);
    b.neighbors.isElsewhere = () => false;
    expect([b.probe(A, "10.0.0.3"), b.probe(C, "10.0.0.2")]).toEqual([undefined, undefined]);
  });

  test("a reload counts at once", () => {
    const b = new Bench();
    b.reload(SEGMENT.replace("/24}", "/24, arp: flood}"));
    expect([b.ask(A, "10.0.0.3"), b.ask(A, "10.0.0.1"), b.ask(A, "10.0.1.4")]).toEqual([undefined, ROUTER, ROUTER]);
    b.reload(", gateway: 10.0.0.1");
    expect([b.ask(A, "10.0.0.3"), b.ask(A, "10.0.0.255")]).toEqual([ROUTER, ROUTER]);
  });
});

test("by DHCP VMs on a segment are told its mask and what fits into a frame for all, others as ever", () => {
  const b = new Bench();
  const metadata = "169.254.169.254/32 via 10.0.0.1";
  expect(b.discover(A)).toEqual(["255.255.255.0", 1438, "10.0.0.1", metadata, "0.0.0.0/0 via 10.0.0.1"]);
  const alone = ["255.255.255.255", 1480, "10.0.0.1", "10.0.0.1/32 via 0.0.0.0", "0.0.0.0/0 via 10.0.0.1"];
  expect(b.discover(C)).toEqual(alone);
  b.reload(`${SEGMENT}, metadata: false, dhcp: {mtu: 1400}`);
  expect(b.discover(A)).toEqual(["255.255.255.0", 1400, "10.0.0.1"]);
  b.reload(", gateway: 10.0.0.1");
  expect(b.discover(A)).toEqual(alone);
});

test("by router advertisements they are told of that size too", () => {
  const b = new Bench();
  b.io.took();
  const advertised = (): (number | undefined)[] =>
    b.io.took().flatMap(({ octets }) => {
      const packet = nd.readNd(octets, ethernet.SIZE, octets.length);
      if (packet instanceof Malformed || packet.message.type !== icmp6.ROUTER_ADVERTISEMENT) return [];
      return [packet.message.options.mtu];
    });
  b.reload(", gateway: 10.0.0.1");
  jest.advanceTimersByTime(3000);
  expect(advertised()).toEqual([1500]);
  b.reload(SEGMENT);
  jest.advanceTimersByTime(3000);
  expect(advertised()).toEqual([1438]);
});
