/** Multicast over a fabric of AIN switches in memory: two leaves and two spines, hypervisors at both leaves. */
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import type { Frame } from "#fastpath/frame";
import { GroupWriter } from "#fastpath/tables/groups";
import { FabricMulticast } from "#router/broadcast/fabric-multicast";
import type { PortState } from "#router/ports";
import type { ServicesIo } from "#router/services-io";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const GROUP = "ff380000000000000000000080000401";

class Router {
  readonly name: string;
  readonly ports = new Map<number, PortState>();
  readonly multicast: FabricMulticast;
  /** By port: who is at the other end, and at which of its ports. */
  readonly peers = new Map<number, { readonly router: Router; readonly port: number }>();
  lost: string[] = [];
  isDead = false;

  constructor(name: string, isSwitch: boolean, fabric: Fabric) {
    this.name = name;
    const io: ServicesIo = {
      groups: new GroupWriter(1),
      changed: () => undefined,
      inject: (frame: Frame, octets: Uint8Array) => fabric.carry(() => this.#send(frame.port, octets)),
      lost: (port) => void this.lost.push(`${port}`),
    };
    this.multicast = new FabricMulticast({
      ...{ io, ports: { all: this.ports }, isRouter: () => isSwitch, changed: () => undefined },
      ...{ groups: [], address: parseIpv6("2001:db8:a1::1")! },
      hasCarrier: (port) => port.mtu > 0,
      portTo: (address) => fabric.portTo(this, address.toHex()),
    });
  }

  #send(port: number, octets: Uint8Array): void {
    const peer = this.peers.get(port);
    const to = peer?.router.ports.get(peer.port);
    const isLost = this.isDead || peer?.router.isDead;
    if (!isLost && peer !== undefined && to !== undefined && to.mtu > 0) peer.router.multicast.take(to, octets);
  }
}

class Fabric {
  readonly routers: Router[] = [];
  readonly #wire: (() => void)[] = [];

  /** What is sent arrives later. */
  carry(arrive: () => void): boolean {
    this.#wire.push(arrive);
    return true;
  }

  deliver(): void {
    for (let arrive = this.#wire.shift(); arrive !== undefined; arrive = this.#wire.shift()) arrive();
  }

  /** Of virtual time, a second at a time. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      jest.advanceTimersByTime(1000);
      this.deliver();
    }
  }

  add(name: string, isSwitch: boolean): Router {
    const router = new Router(name, isSwitch, this);
    this.routers.push(router);
    return router;
  }

  link(a: Router, b: Router): void {
    const [at, to] = [a.ports.size + 1, b.ports.size + 1];
    for (const [router, port, peer] of [
      [a, at, { router: b, port: to }],
      [b, to, { router: a, port: at }],
    ] as const) {
      const mac = Uint8Array.of(2, this.routers.indexOf(router), 0, 0, 0, port);
      const common = {
        kind: "uplink",
        attachment: "packet",
        trouble: undefined,
        interface: "",
        descriptors: [],
      } as const;
      router.ports.set(port, { ...common, index: port, name: `${port}`, mac, mtu: 1500, interfaceIndex: port });
      router.peers.set(port, peer);
    }
  }

  /** The address of hypervisor n is n, and then zeros. */
  addressOf = (router: Router): string => this.routers.indexOf(router).toString(16).padStart(32, "0");

  /** Shortest way, and of several the one whose number follows from the address. */
  portTo(from: Router, address: string): number | undefined {
    const to = this.routers[Number.parseInt(address, 16)]!;
    const distance = new Map<Router, number>([[to, 0]]);
    for (const router of distance.keys()) {
      if (router !== to && !isSwitch(router.name)) continue; // hypervisors are no way to anybody else
      for (const [port, peer] of router.peers) {
        if (this.#isUp(router, port) && !distance.has(peer.router))
          distance.set(peer.router, distance.get(router)! + 1);
      }
    }
    const best = distance.get(from);
    if (best === undefined || best === 0) return undefined;
    const ways = [...from.peers].filter(
      ([port, { router }]) =>
        this.#isUp(from, port) && distance.get(router) === best - 1 && (router === to || isSwitch(router.name)),
    );
    return ways[Number.parseInt(address, 16) % ways.length]![0];
  }

  #isUp(router: Router, port: number): boolean {
    const peer = router.peers.get(port)!;
    return router.ports.get(port)!.mtu > 0 && peer.router.ports.get(peer.port)!.mtu > 0;
  }

  cut(router: Router, port: number): void {
    const peer = router.peers.get(port)!;
    router.ports.get(port)!.mtu = 0;
    peer.router.ports.get(peer.port)!.mtu = 0;
  }

  look(): void {
    for (const { multicast } of this.routers) multicast.look();
    this.deliver();
  }

  /** Copies that each router gets of a packet which leaves the source by all of its uplinks. */
  send(source: Router): Map<string, number> {
    const copies = new Map<string, number>();
    const queue = source.multicast.uplinks.map((port) => ({ router: source, port }));
    for (let hop = queue.shift(); hop !== undefined; hop = queue.shift()) {
      const { router, port } = hop.router.peers.get(hop.port)!;
      copies.set(router.name, (copies.get(router.name) ?? 0) + 1);
      for (const route of router.multicast.routes) {
        const isIt = route.source.toHex() === this.addressOf(source) && route.group.toHex() === GROUP;
        if (isIt && route.from === port) for (const out of route.to) queue.push({ router, port: out });
      }
    }
    return copies;
  }
}

/** Two leaves, two spines, two hypervisors at leaf 1, two at leaf 2, and one at both leaves. */
function clos() {
  const fabric = new Fabric();
  const [leaf1, leaf2, spine1, spine2] = ["leaf1", "leaf2", "spine1", "spine2"].map((name) => fabric.add(name, true));
  for (const leaf of [leaf1!, leaf2!]) for (const spine of [spine1!, spine2!]) fabric.link(leaf, spine);
  const hosts = ["a", "b", "c", "d", "both"].map((name) => fabric.add(name, false));
  hosts.forEach((host, i) => {
    if (i !== 2 && i !== 3) fabric.link(host, leaf1!);
    if (i >= 2) fabric.link(host, leaf2!);
  });
  fabric.look();
  return { fabric, leaf1: leaf1!, leaf2: leaf2!, spine1: spine1!, spine2: spine2!, hosts };
}

/** Each of them listens to all others. */
function join(fabric: Fabric, members: readonly Router[], hosts: readonly Router[]): void {
  for (const host of hosts) {
    const others = members.filter((member) => members.includes(host) && member !== host);
    host.multicast.want(others.map((member) => ({ source: fabric.addressOf(member), group: GROUP })));
  }
  fabric.deliver();
}

const isSwitch = (name: string): boolean => name.startsWith("leaf") || name.startsWith("spine");
const atHosts = (copies: Map<string, number>): Record<string, number> =>
  Object.fromEntries([...copies].filter(([name]) => !isSwitch(name)).sort(([a], [b]) => (a < b ? -1 : 1)));

test("Every member gets one copy, who is none gets none, and the sender does not get its own", () => {
  const { fabric, hosts } = clos();
  const members = hosts.filter(({ name }) => name !== "b");
  join(fabric, members, hosts);
  for (const sender of members) {
    const wanted = Object.fromEntries(members.filter((one) => one !== sender).map(({ name }) => [name, 1]));
    expect([sender.name, atHosts(fabric.send(sender))]).toEqual([sender.name, wanted]);
  }
  expect(atHosts(fabric.send(hosts[1]!))).toEqual({});
  for (const { name, lost } of fabric.routers) expect([name, lost]).toEqual([name, []]);
});

test("A packet goes over each link of its tree once: by one spine, and by none to nobody", () => {
  const { fabric, hosts } = clos();
  const [a, b, c] = hosts;
  join(fabric, [a!, c!], hosts);
  const copies = fabric.send(a!);
  expect((copies.get("spine1") ?? 0) + (copies.get("spine2") ?? 0)).toBe(1);
  expect(copies.get("leaf2")).toBe(1);
  join(fabric, [a!, b!], hosts);
  const near = fabric.send(a!);
  expect(atHosts(near)).toEqual({ b: 1 });
  expect([near.get("spine1"), near.get("spine2")]).toEqual([undefined, undefined]);
});

test("When members leave, nothing of them stays, in a fabric with loops too", () => {
  const { fabric, hosts } = clos();
  join(fabric, hosts, hosts);
  join(fabric, [], hosts);
  for (const { multicast } of fabric.routers) expect(multicast.routes).toEqual([]);
});

test("Another way is taken when a link is lost, and everybody still gets one copy", () => {
  const { fabric, leaf1, spine1, hosts } = clos();
  join(fabric, hosts, hosts);
  const port = [...leaf1.peers].find(([, { router }]) => router === spine1)![0];
  fabric.cut(leaf1, port);
  fabric.look();
  for (const sender of hosts) {
    const wanted = Object.fromEntries(
      hosts
        .filter((one) => one !== sender)
        .map(({ name }) => [name, 1] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    expect([sender.name, atHosts(fabric.send(sender))]).toEqual([sender.name, wanted]);
  }
});

test("A hypervisor that dies is forgotten after 260 seconds (RFC 3810 §9.4)", () => {
  const { fabric, leaf2, hosts } = clos();
  const [a, , c] = hosts;
  join(fabric, [a!, c!], hosts);
  c!.isDead = true;
  const toC = () => leaf2.multicast.routes.filter(({ source }) => source.toHex() === fabric.addressOf(a!));
  fabric.pass(200);
  expect(toC()).toHaveLength(1);
  fabric.pass(61);
  expect(toC()).toHaveLength(0);
  expect(fabric.send(a!).get("leaf2")).toBeUndefined();
});

test("Hypervisors know whether multicast routers are at all of their uplinks", () => {
  const { fabric, hosts } = clos();
  fabric.pass(32); // whose first query came too early was asked again
  for (const { multicast } of hosts) expect(multicast.isRouted).toBe(true);
  const alone = fabric.add("alone", false);
  alone.multicast.look();
  expect(alone.multicast.isRouted).toBe(false);
  fabric.link(alone, fabric.add("host", false));
  fabric.look();
  expect(alone.multicast.isRouted).toBe(false);
});
