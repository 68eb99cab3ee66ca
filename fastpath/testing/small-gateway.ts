/**
 * A small gateway for tests: an engine over plain memory whose ports keep what is sent. Port 0 is an uplink into the
 * fabric, port 1 the outside link. Blue and red are as in small-router.ts; blue also has public addresses and a floating one.
 */
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import { C_ENDINGS, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { Engine, type Punts } from "#fastpath/engine";
import { FlowCache } from "#fastpath/flow-cache";
import { Frame, HEADROOM } from "#fastpath/frame";
import { MOST_PER_FRAME, Scratch } from "#fastpath/scratch";
import { Bindings, createBindingTable, PLACE_TUNNEL } from "#fastpath/tables/bindings";
import { FibReader } from "#fastpath/tables/fib-reader";
import { FibWriter } from "#fastpath/tables/fib-writer";
import { createFragmentTable, Fragments } from "#fastpath/tables/fragments";
import { buildGateway } from "#fastpath/tables/gateway-tables";
import { GROUP_FIRST, GROUP_LOCAL, type Snapshot } from "#fastpath/tables/layout";
import type { NatPlan } from "#fastpath/tables/nat-layout";
import { raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { buildSnapshot } from "#fastpath/tables/snapshot";
import { Tables } from "#fastpath/tables/tables";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import { type NatBuffers, natOf, newNatBuffers } from "#fastpath/testing/nat-world";
import { framed, together } from "#fastpath/testing/packet";
import {
  BLUE,
  FixedAdjacencies,
  HOMES,
  KEY,
  KeepingPort,
  MAG,
  NEXT_HOP_MAC,
  type Neighbor,
  OUTSIDE_PREFIX,
  type Sent,
  UPLINK_MAC,
} from "#fastpath/testing/small-router";
import { ENDINGS, type Verdict } from "#fastpath/verdicts";
import { homeOf, networkAddress } from "#policy/homes";

export const OUTSIDE_MAC = parseMac("02:00:00:00:00:50")!;
export const OUTSIDE_HOP_MAC = parseMac("02:00:00:00:00:60")!;
/** The IPv6 router's there. */
export const OUTSIDE_HOP_MAC_6 = parseMac("02:00:00:00:00:61")!;
export const OWN_6 = parseIpv6("2001:db8:ffff::2")!;
export const OWN_LINK_LOCAL = parseIpv6("fe80::50")!;
export const OWN = parseIpv4("198.51.100.2")!;
export const GATEWAY_ADDRESS = parseIpv6("2001:db8:a1:ff::9")!;
/** The first of the NAT's addresses (nat-world.ts). */
export const POOL = parseIpv4("203.0.113.0")!;
export const FLOATING = parseIpv4("198.18.0.10")!;
/** Blue's, whom it stands for. */
export const FLOATING_HOST = parseIpv4("10.0.0.77")!;
export const PUBLIC = parseIpv4("198.18.1.5")!;

/** An outside host as the fabric knows it. */
export const outside = (ipv4: Uint8Array): Uint8Array =>
  together(OUTSIDE_PREFIX.slice(0, 8), Uint8Array.of(0, 0, 0, 1), ipv4);
/** An inside host's network address. */
export const inside = (tags: number, ipv4: Uint8Array): Uint8Array =>
  networkAddress(HOMES[homeOf({ key: KEY, homes: HOMES }, tags, ipv4)]!, tags, ipv4);

export interface SmallGatewayOptions {
  /** Flow cache entries; 0: none. Default 1024. */
  readonly cacheEntries?: number;
  readonly uplinkMtu?: number;
  readonly outsideMtu?: number;
  /** Of the NAT, by network. Default: the first for all. */
  readonly shares?: readonly { readonly tags: number; readonly share: number }[];
  /** True: IPv6 too on the outside link. Default false. */
  readonly speaksIpv6?: boolean;
  /** Default: two addresses. Undefined: no NAT. */
  readonly nat?:
    | (Partial<NatPlan> & { readonly pool?: number; readonly sessions?: number; readonly sessionsEach?: number })
    | undefined;
}

export class SmallGateway {
  readonly engine: Engine;
  readonly sent: Sent[] = [];
  readonly punted: Verdict[] = [];
  /** 0: the uplink's, 1: the outside link's. */
  readonly neighbors: readonly Neighbor[];
  readonly cache: FlowCache | undefined;
  /** The memory of what forwarders would share; it tracks no connections but the NAT's. */
  readonly shared = {
    fib: new FibWriter({ capacityOctets: 1 << 20 }),
    fragments: createFragmentTable(64, Int32Array.of(1, 2)),
    bindings: createBindingTable({ entries: 64, key: Int32Array.of(3, 4) }),
    tunnels: createTunnelTable(16),
  };
  /** Undefined: no NAT. */
  readonly natBuffers: NatBuffers | undefined;
  readonly snapshot: Snapshot;
  readonly bindings = new Bindings(this.shared.bindings);
  readonly tunnels = new Tunnels(this.shared.tunnels);
  private readonly bytes: Uint8Array;
  private readonly frames: Frame[] = [];
  private readonly counters = new Float64Array(COUNTERS_OCTETS / 8);

  constructor(options: SmallGatewayOptions = {}) {
    const { cacheEntries = 1024, uplinkMtu = 1500, outsideMtu = 1500, speaksIpv6 = false } = options;
    const { shares = [] } = options;
    const arena = new ArrayBuffer(4 * MOST_PER_FRAME);
    this.bytes = new Uint8Array(arena);
    const { fib } = this.shared;
    fib.insert(OUTSIDE_PREFIX, 64, GROUP_LOCAL);
    fib.insert(parseIpv6("::")!, 0, GROUP_FIRST);
    fib.insert(parseIpv6("2000::")!, 3, GROUP_LOCAL);
    fib.insert(parseIpv6("2001:db8:a1::")!, 48, GROUP_FIRST);
    const adjacencies = new FixedAdjacencies([
      { port: 0, mac: NEXT_HOP_MAC, own: UPLINK_MAC, mtu: uplinkMtu, resolved: true },
      { port: 1, mac: OUTSIDE_HOP_MAC, own: OUTSIDE_MAC, mtu: outsideMtu, resolved: true },
      { port: 1, mac: OUTSIDE_HOP_MAC_6, own: OUTSIDE_MAC, mtu: outsideMtu, resolved: true },
    ]);
    this.neighbors = adjacencies.all;
    const hasNat = !("nat" in options) || options.nat !== undefined;
    this.natBuffers = hasNat ? newNatBuffers(options.nat ?? {}) : undefined;
    const tables = new Tables(
      { bytes: this.bytes, words: new Int32Array(arena) },
      new FibReader(fib.buffer),
      adjacencies,
      {
        cacheEntries,
        fragments: new Fragments(this.shared.fragments),
        bindings: this.bindings,
        tunnels: this.tunnels,
        nat: this.natBuffers && natOf(this.natBuffers, { filtering: "address-and-port-dependent" }),
      },
    );
    this.snapshot = buildSnapshot(plan({ uplinkMtu, outsideMtu, speaksIpv6, shares }));
    tables.adopt(this.snapshot);
    tables.generation++;
    tables.now = 100;
    const punts: Punts = {
      punt: (_, verdict) => {
        this.punted.push(verdict);
        return verdict;
      },
      note: () => {},
      ask: () => {},
      drop: () => {},
      flow: () => {},
    };
    this.cache = cacheEntries > 0 ? new FlowCache(tables, cacheEntries, 12345, 0) : undefined;
    const scratch = new Scratch(MOST_PER_FRAME, 3 * MOST_PER_FRAME);
    this.engine = new Engine(tables, this.counters, scratch, {
      punts,
      ...(this.cache !== undefined && { cache: this.cache }),
    });
    for (const i of [0, 1]) this.engine.ports[i] = new KeepingPort(i, true, this.bytes, this.sent);
  }

  /** The gateway's clock, in ticks of a tenth of a second. */
  pass(ticks: number): void {
    this.engine.tables.now += ticks;
  }

  /** What has expired goes: the control thread's work, all at once. */
  sweep(): void {
    const { nat, now } = this.engine.tables;
    nat?.sweep(now, 1 << 20);
  }

  /** An inside host has moved, to where SmallRouter's move to. */
  bind(tags: number, host: Uint8Array): void {
    if (host.length === 4) this.bindings.aboutIpv4(rawOf(tags), raw(host));
    else this.bindings.aboutIpv6(rawOf(tags), rawWords(host), 0);
    this.bindings.put(PLACE_TUNNEL + this.tunnels.add(MAG), 0);
  }

  /** A packet out of the fabric for this router. Returns the packets that were sent because of it, by port. */
  fromFabric(packet: Uint8Array): { port: number; packet: Uint8Array }[] {
    return this.offer(0, framed(packet, UPLINK_MAC, NEXT_HOP_MAC));
  }

  /** A packet from the outside router. */
  fromOutside(packet: Uint8Array): { port: number; packet: Uint8Array }[] {
    return this.offer(1, framed(packet, OUTSIDE_MAC, OUTSIDE_HOP_MAC));
  }

  offer(port: number, octets: Uint8Array): { port: number; packet: Uint8Array }[] {
    return this.offerBurst(port, [octets]);
  }

  /** The same with several frames that came at once, of 1600 octets at most, as a forwarder does. */
  offerBurst(port: number, burst: readonly Uint8Array[]): { port: number; packet: Uint8Array }[] {
    const before = this.sent.length;
    while (this.frames.length < burst.length) this.frames.push(new Frame());
    burst.forEach((octets, i) => {
      const f = this.frames[i]!;
      f.at = (i + 1) * 2048 + HEADROOM + 2;
      this.bytes.set(octets, f.at);
      f.end = f.at + octets.length;
      f.port = port;
      f.partial = false;
      f.gsoType = 0;
      f.headerLength = 0;
    });
    this.engine.readAhead(this.frames, burst.length);
    for (let i = 0; i < burst.length; i++) this.engine.receive(this.frames[i]!);
    this.engine.flush();
    this.engine.scratch.reset();
    return this.sent.slice(before).map((sent) => ({ port: sent.port, packet: sent.octets.slice(14) }));
  }

  /** How the frames of a port ended so far: name → count, those of zero left out. */
  endings(port: number): Record<string, number> {
    const at = portCounters(port) + C_ENDINGS;
    return Object.fromEntries(
      ENDINGS.map(({ name }, i) => [name, this.counters[at + i]!] as const).filter(([, count]) => count > 0),
    );
  }
}

interface Sides {
  readonly uplinkMtu: number;
  readonly outsideMtu: number;
  readonly speaksIpv6: boolean;
  readonly shares: NonNullable<SmallGatewayOptions["shares"]>;
}

/** What blue has brought: public addresses, and private ones. */
export const BROUGHT_PUBLIC = { address: parseIpv6("2001:db8:70::")!, length: 48 };
export const BROUGHT_PRIVATE = { address: parseIpv6("2001:db8:71::")!, length: 48 };

const plan = ({ uplinkMtu, outsideMtu, speaksIpv6, shares }: Sides): Parameters<typeof buildSnapshot>[0] => ({
  ports: [
    { index: 0, kind: "uplink", mac: UPLINK_MAC, mtu: uplinkMtu, offload: true },
    { index: 1, kind: "outside", mac: OUTSIDE_MAC, mtu: outsideMtu, offload: true },
  ],
  vms: [],
  networks: [],
  homes: HOMES,
  key: KEY,
  own: [GATEWAY_ADDRESS],
  fabric: [{ address: parseIpv6("2001:db8:a1::")!, length: 48 }],
  routerAddress: GATEWAY_ADDRESS,
  rules: { out: new Int32Array(1), in: new Int32Array(1), outHits: new Int32Array(0), inHits: new Int32Array(0) },
  outsidePrefix: OUTSIDE_PREFIX,
  gateway: buildGateway({
    own: OWN,
    adjacency: 1,
    inside: ["10.0.0.0/24", "198.18.1.0/24", "198.18.0.10/32", "203.0.113.0/31", "169.254.0.0/16"].map(prefixOf),
    publics: [{ prefix: prefixOf("198.18.1.0/24"), tags: BLUE }],
    floating: [{ outside: FLOATING, tags: BLUE, host: FLOATING_HOST }],
    shares,
    ...(speaksIpv6 && {
      straight: {
        own: [OWN_6, OWN_LINK_LOCAL],
        adjacency: 2,
        inside: [BROUGHT_PUBLIC, BROUGHT_PRIVATE],
        tenants: [{ prefix: BROUGHT_PUBLIC, tags: BLUE }],
        publics: [BLUE],
      },
    }),
  }),
  ...(speaksIpv6 && { outside6: [{ address: parseIpv6("2000::")!, length: 3 }] }),
});

function prefixOf(text: string): { address: Uint8Array; length: number } {
  const [address, length] = text.split("/");
  return { address: parseIpv4(address!)!, length: Number(length) };
}
