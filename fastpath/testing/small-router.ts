/**
 * A small hypervisor for tests and micro benchmarks: an engine over plain memory whose ports keep what is sent.
 *
 * Ports: 0 an uplink, 1 VM a (blue), 2 VM b (blue), 3 VM c (red, with VM a's address), 4 the metadata service; with IPv6
 * addresses 5 VM d (blue, two of them), 6 VM e (blue, and an IPv4 address), 7 VM f (red); 8 VM g (blue), which has its home
 * elsewhere. Both homes are in the fabric's list; home 0 is this router's. Routes: its own home is local, everything else
 * leaves by the uplink.
 */
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import { fromHex } from "#base/bytes";
import { C_ENDINGS, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { Engine, type Punts } from "#fastpath/engine";
import { FlowCache } from "#fastpath/flow-cache";
import { type FlowAbout, readFlow } from "#fastpath/flow-samples";
import { Frame, HEADROOM, MAX_FRAME } from "#fastpath/frame";
import type { Port } from "#fastpath/ports/port";
import { MOST_PER_FRAME, Scratch } from "#fastpath/scratch";
import type { AdjacencyReader } from "#fastpath/tables/adjacencies";
import { Bindings, createBindingTable, PLACE_TUNNEL } from "#fastpath/tables/bindings";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { Connections } from "#fastpath/tables/connections";
import { FibReader } from "#fastpath/tables/fib-reader";
import { FibWriter } from "#fastpath/tables/fib-writer";
import { createFragmentTable, Fragments } from "#fastpath/tables/fragments";
import { GROUP_FIRST, GROUP_LOCAL, type Snapshot } from "#fastpath/tables/layout";
import { RuleCompiler } from "#fastpath/tables/rule-compiler";
import { buildSegments, type SegmentsPlan } from "#fastpath/tables/segment-builder";
import {
  buildSnapshot,
  type NetworkRoutePlan,
  type RulesPlan,
  raw,
  rawOf,
  type TablesPlan,
  type VmPlan,
} from "#fastpath/tables/snapshot";
import { Tables } from "#fastpath/tables/tables";
import type { TenantPlan } from "#fastpath/tables/tenant-rows";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import { ENDINGS, type Verdict } from "#fastpath/verdicts";
import { allocateNear, networkAddress, OUTSIDE_TAGS } from "#policy/homes";
import { type OwnedRule, sidesOf } from "#policy/sides";

export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
export const UPLINK_MAC = parseMac("02:00:00:00:00:10")!;
export const NEXT_HOP_MAC = parseMac("02:00:00:00:00:20")!;
export const SERVICE_MAC = parseMac("02:00:00:00:00:30")!;
export const GATEWAY = parseIpv4("169.254.1.1")!;
/** Outside hosts are behind it, with tags 1. */
export const OUTSIDE_PREFIX = parseIpv6("2001:db8:a1:fe::")!;
export const KEY = fromHex("000102030405060708090a0b0c0d0e0f")!;
export const HOMES = [parseIpv6("2001:db8:a1:1::")!, parseIpv6("2001:db8:a1:2::")!];
export const ROUTER_ADDRESS = parseIpv6("2001:db8:a1:1::1")!;
export const FABRIC_ROUTER = parseIpv6("2001:db8:a1:ff::1")!;
export const BLUE = (1 << 10) | 1;
export const RED = (2 << 10) | 1;

export interface SmallVm {
  readonly tags: number;
  readonly ipv4: Uint8Array;
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  readonly port: number;
}

export interface SmallVm6 extends Pick<SmallVm, "tags" | "mac" | "port"> {
  readonly ipv4?: Uint8Array;
  /** Of the IPv4 address; default: at home here. */
  readonly address?: Uint8Array;
  readonly ipv6: readonly Uint8Array[];
}

const SALT = Int32Array.of(0x1234_5678, 0x0bad_cafe);
const plan = { key: KEY, homes: HOMES };
const POOL = { address: parseIpv4("10.0.0.0")!, length: 24 };
const reserved = (last: number) => (ipv4: number) => (ipv4 & 0xff) < last;

/** Addresses of a network that live at `home`, lowest first. */
export const addressesAt = (home: number, tags: number, count: number): Uint8Array[] =>
  allocateNear(plan, { tags, prefixes: [POOL] }, { homes: new Set([home]), count, isTaken: reserved(2) });

const [blueA, blueB] = addressesAt(0, BLUE, 2);
const redC = addressesAt(0, RED, 40).find((ipv4) => ipv4[3] === blueA![3]) ?? addressesAt(0, RED, 1)[0]!;

const vm = (port: number, tags: number, ipv4: Uint8Array): SmallVm => ({
  tags,
  ipv4,
  address: networkAddress(HOMES[0]!, tags, ipv4),
  mac: parseMac(`02:00:00:00:01:0${port}`)!,
  port,
});

export const VM_A = vm(1, BLUE, blueA!);
export const VM_B = vm(2, BLUE, blueB!);
export const VM_C = vm(3, RED, redC);
/** An IPv6 host's address: home 0 or 1, tags, host number 1 … 255. */
export const hostAddress = (home: number, tags: number, host: number): Uint8Array =>
  networkAddress(HOMES[home]!, tags, Uint8Array.of(0, 0, 0, host));

const vm6 = (port: number, tags: number, ipv6: readonly Uint8Array[]): SmallVm6 => ({
  ...{ tags, ipv6, mac: parseMac(`02:00:00:00:01:0${port}`)!, port },
});

export const VM_D = vm6(5, BLUE, [hostAddress(0, BLUE, 2), hostAddress(0, BLUE, 3)]);
export const VM_E = { ...vm6(6, BLUE, [hostAddress(0, BLUE, 4)]), ipv4: addressesAt(0, BLUE, 3)[2]! };
export const VM_F = vm6(7, RED, [hostAddress(0, RED, 2)]);
/** A blue IPv6 VM, and a red one, that live at the other home. */
export const REMOTE_6 = hostAddress(1, BLUE, 2);
export const RED_REMOTE_6 = hostAddress(1, RED, 2);

/** A blue VM that lives at the other home: what VM a talks to through the fabric. */
export const REMOTE_IPV4 = addressesAt(1, BLUE, 1)[0]!;
export const REMOTE = networkAddress(HOMES[1]!, BLUE, REMOTE_IPV4);
/** In VM g's place at another hypervisor: the remote VM, where it is when it has moved. */
export const REMOTE_VM: SmallVm6 = { ...vm6(8, BLUE, [REMOTE_6]), ipv4: REMOTE_IPV4, address: REMOTE };

const visitor = addressesAt(1, BLUE, 9)[8]!;
/** Hosted here, at home elsewhere. */
export const VM_G = {
  ...vm6(8, BLUE, [hostAddress(1, BLUE, 9)]),
  ipv4: visitor,
  address: networkAddress(HOMES[1]!, BLUE, visitor),
};

const VMS_6: readonly SmallVm6[] = [VM_D, VM_E, VM_F];
/** What blue and red bring, each its own. */
export const TENANT_PREFIX = { address: parseIpv6("fd00:77::")!, length: 48 };
/** Blue's own, and public: rules know it by a number. */
export const PUBLIC_TENANT_PREFIX = { address: parseIpv6("2001:db8:70::")!, length: 48 };
export const PUBLIC_TENANT_HOST = 0x80_0007;
/** Where moved VMs are. */
export const MAG = parseIpv6("2001:db8:a1:3::1")!;

export interface Neighbor {
  readonly port: number;
  readonly mac: Uint8Array;
  readonly own: Uint8Array;
  readonly mtu: number;
  resolved: boolean;
}

/** Next hops 0: the uplink's neighbour; 1 … 3: the VMs. */
export class FixedAdjacencies implements AdjacencyReader {
  readonly all: Neighbor[];
  constructor(all: Neighbor[]) {
    this.all = all;
  }
  pick(group: number): number {
    return group - GROUP_FIRST;
  }
  isResolved(i: number): boolean {
    return this.all[i]!.resolved;
  }
  hasFailed(): boolean {
    return false;
  }
  port(i: number): number {
    return this.all[i]!.port;
  }
  mtu(i: number): number {
    return this.all[i]!.mtu;
  }
  copyMacs(i: number, to: Int32Array, at: number): void {
    const { mac, own } = this.all[i]!;
    to[at] = raw(mac);
    to[at + 1] = mac[4]! | (mac[5]! << 8) | (own[0]! << 16) | (own[1]! << 24);
    to[at + 2] = raw(own, 2);
  }
  markUsed(): void {}
  hasMac(i: number, bytes: Uint8Array, at: number): boolean {
    const { mac } = this.all[i]!;
    for (let k = 0; k < 6; k++) if (bytes[at + k] !== mac[k]) return false;
    return true;
  }
}

/** A frame as a port sent it. */
export interface Sent {
  readonly port: number;
  readonly octets: Uint8Array;
  readonly partial: boolean;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly gsoType: number;
  readonly gsoSize: number;
}

export class KeepingPort implements Port {
  /** Set it to have super-packets in tunnels. */
  tunnels = false;
  readonly index: number;
  readonly fd = -1;
  readonly offload: boolean;
  readonly failure = 0;
  readonly transmitErrors = 0;
  private readonly bytes: Uint8Array;
  private readonly sent: Sent[];
  constructor(index: number, offload: boolean, bytes: Uint8Array, sent: Sent[]) {
    this.index = index;
    this.offload = offload;
    this.bytes = bytes;
    this.sent = sent;
  }
  receiveDrops = (): number => 0;
  receive = (): number => 0;
  transmit(f: Frame): boolean {
    const { partial, csumStart, csumOffset, gsoType, gsoSize } = f;
    const octets = this.bytes.slice(f.at, f.end);
    this.sent.push({ port: this.index, octets, partial, csumStart, csumOffset, gsoType, gsoSize });
    return true;
  }
  flush(): void {}
  release(): void {}
  close(): void {}
}

export interface SmallRouterOptions {
  /** Flow cache entries; 0: none. Default 1024. */
  readonly cacheEntries?: number;
  /** Flows above which what they ask of memory is read ahead; 0: it always is. Default: as a forwarder has it. */
  readonly crowd?: number;
  readonly uplinkMtu?: number;
  readonly vmMtu?: number;
  readonly offload?: boolean;
  /** True: the VMs' MAC addresses are configured. Default false: they were learnt. */
  readonly macIsFixed?: boolean;
  /** True: the router is the VMs' DHCP server. Default false. */
  readonly dhcp?: boolean;
  /** True: the VMs reach a metadata service. Default false. */
  readonly metadata?: boolean;
  /** Rules before the defaults of paper §2.4. */
  readonly rules?: readonly OwnedRule[];
  /** Connections there is room for, and each VM's share of them. Default 1024, all. */
  readonly connections?: number;
  readonly perVm?: number;
  /** Ports of VMs whose IPv4 addresses are public. Default: none. */
  readonly public4?: readonly number[];
  /** Rows of both networks' route tables beside their own prefix. */
  readonly routes?: readonly NetworkRoutePlan[];
  /** True: both networks have routes to one another by name. Default false. */
  readonly peering?: boolean;
  /** Of VMs that move, by port. Default: all are active. */
  readonly states?: Readonly<Record<number, NonNullable<VmPlan["state"]>>>;
  /** The VM on port 8, which is at home elsewhere. Default VM g. */
  readonly guest?: SmallVm6;
  /** The router's own address. */
  readonly address?: Uint8Array;
  /** True: blue and red have both brought TENANT_PREFIX. Default false. */
  readonly tenants?: boolean;
  /**
   * True: blue's IPv6 addresses are public, with what it brings of PUBLIC_TENANT_PREFIX, red's are not; both have a route to the
   * IPv6 outside. Default false.
   */
  readonly outside6?: boolean;
  /** By network, blue and red: of flows that are no connections, one in so many is shown. Default: none. */
  readonly flowSamples?: readonly number[];
  /** Ethernet segments, and routes of the fabric's multicast. Default: none. */
  readonly segments?: SegmentsPlan;
}

/** Offload state of an offered frame; absent: a finished packet. */
export type Offload = Partial<Pick<Frame, "partial" | "csumStart" | "csumOffset" | "gsoType" | "gsoSize">>;

/** A frame as it comes from a port. */
export interface Offered {
  readonly octets: Uint8Array;
  readonly offload?: Offload;
}

export class SmallRouter {
  readonly engine: Engine;
  readonly cache: FlowCache | undefined;
  readonly sent: Sent[] = [];
  /** Rules whose log was told of a frame: Frame.logged. */
  readonly noted: number[] = [];
  /** Entries of the binding table that control was asked about. */
  readonly wanted: number[] = [];
  /** Of flows that were shown for their log, how they were decided about. */
  readonly flows: FlowAbout[] = [];
  /** Frames that were dropped, as they are shown to control, and tags (raw) of the networks that they were for. */
  readonly dropped: {
    readonly ending: Verdict;
    readonly port: number;
    readonly octets: Uint8Array;
    readonly tags: number;
  }[] = [];
  readonly punted: { verdict: Verdict; octets: Uint8Array }[] = [];
  readonly bytes: Uint8Array;
  /** Takes over other settings, as after a reload. */
  readonly adopt: (changes: Partial<Settings>) => void;
  /** The memory of what forwarders would share. */
  readonly shared: Readonly<Record<"fib" | "connections" | "fragments" | "bindings" | "tunnels", SharedArrayBuffer>>;
  /** The one that it works with. */
  snapshot!: Snapshot;
  readonly bindings: Bindings;
  readonly tunnels: Tunnels;
  readonly counters: Float64Array;
  private readonly frames: Frame[] = [];
  /** By adjacency: of a VM's port its number, 0 the uplink's neighbor. */
  readonly neighbors: readonly Neighbor[];

  constructor(options: SmallRouterOptions = {}) {
    const { cacheEntries = 1024, uplinkMtu = 1500, vmMtu = 1500, offload = true } = options;
    const { macIsFixed = false, dhcp = false, metadata = false, rules = [], routes = [], peering = false } = options;
    const { states = {}, guest = VM_G, address = ROUTER_ADDRESS, flowSamples = [0, 0], tenants = false } = options;
    const { outside6 = false, public4 = [] } = options;
    const { segments = NO_SEGMENTS_PLAN } = options;
    const { connections = 1024, perVm = connections } = options;
    const arena = new ArrayBuffer(4 * MOST_PER_FRAME);
    this.bytes = new Uint8Array(arena);
    const fib = new FibWriter({ capacityOctets: 1 << 20 });
    fib.insert(HOMES[0]!, 64, GROUP_LOCAL);
    fib.insert(parseIpv6("::")!, 0, GROUP_FIRST);
    const vms = [VM_A, VM_B, VM_C];
    const adjacencies = new FixedAdjacencies([
      { port: 0, mac: NEXT_HOP_MAC, own: UPLINK_MAC, mtu: uplinkMtu, resolved: true },
      ...vms.map((v) => ({ port: v.port, mac: v.mac, own: GATEWAY_MAC, mtu: vmMtu, resolved: true })),
      { port: 4, mac: SERVICE_MAC, own: GATEWAY_MAC, mtu: 16384, resolved: true },
      ...[...VMS_6, guest].map((v) => ({ port: v.port, mac: v.mac, own: GATEWAY_MAC, mtu: vmMtu, resolved: true })),
    ]);
    this.neighbors = adjacencies.all;
    const words = new Int32Array(arena);
    const shared = {
      fib: fib.buffer,
      connections: createConnectionTable({ entries: connections, owners: 9, quota: perVm, key: SALT }),
      fragments: createFragmentTable(64, SALT),
      bindings: createBindingTable({ entries: 1024, key: SALT }),
      tunnels: createTunnelTable(16),
    };
    this.shared = shared;
    this.bindings = new Bindings(shared.bindings);
    this.tunnels = new Tunnels(shared.tunnels);
    const tables = new Tables({ bytes: this.bytes, words }, new FibReader(shared.fib), adjacencies, {
      cacheEntries,
      connections: new Connections(shared.connections),
      fragments: new Fragments(shared.fragments),
      bindings: this.bindings,
      tunnels: this.tunnels,
    });
    const settings = {
      uplinkMtu,
      vmMtu,
      offload,
      macIsFixed,
      dhcp,
      metadata,
      rules,
      routes,
      peering,
      states,
      guest,
      address,
      flowSamples,
      segments,
      tenants,
      outside6,
      public4,
    };
    this.adopt = (changes) => {
      this.snapshot = buildSnapshot(tablesPlan(vms, { ...settings, ...changes }));
      tables.adopt(this.snapshot);
      tables.generation++;
    };
    this.adopt({});
    this.counters = new Float64Array(COUNTERS_OCTETS / 8);
    const punts: Punts = {
      punt: (f, verdict) => {
        this.punted.push({ verdict, octets: this.bytes.slice(f.at, f.end) });
        return verdict;
      },
      note: (f) => this.noted.push(f.logged),
      ask: (f) => this.wanted.push(f.wanted),
      flow: (_, about) => this.flows.push(readFlow(about)),
      drop: (f, ending, tags) =>
        this.dropped.push({ ending, port: f.port, octets: this.bytes.slice(f.at, f.end), tags }),
    };
    const scratch = new Scratch(MOST_PER_FRAME, 3 * MOST_PER_FRAME);
    const { crowd } = options;
    this.cache = cacheEntries > 0 ? new FlowCache(tables, cacheEntries, 12345, crowd) : undefined;
    this.engine = new Engine(tables, this.counters, scratch, {
      punts,
      ...(this.cache !== undefined && { cache: this.cache }),
    });
    for (let i = 0; i < 9; i++) this.engine.ports[i] = new KeepingPort(i, offload, this.bytes, this.sent);
  }

  /** Hands a frame to the engine as received on `port`; returns what was sent because of it. */
  offer(port: number, octets: Uint8Array, offload: Offload = {}): Sent[] {
    return this.offerBurst(port, [{ octets, offload }]);
  }

  /** The same with several frames that came at once, 1 MiB at most, as a forwarder does; `isReadAhead` false: each by itself. */
  offerBurst(port: number, offered: readonly Offered[], isReadAhead = true): Sent[] {
    const before = this.sent.length;
    let at = HEADROOM + 2;
    while (this.frames.length < offered.length) this.frames.push(new Frame());
    offered.forEach(({ octets, offload = {} }, i) => {
      if (octets.length > MAX_FRAME) throw new RangeError(`a frame has at most ${MAX_FRAME} octets`);
      this.lay(this.frames[i]!, { port, at, octets, offload });
      at += (octets.length + HEADROOM + 15) & ~15;
    });
    if (at > MOST_PER_FRAME) throw new RangeError("more octets than there is room for");
    if (isReadAhead) this.engine.readAhead(this.frames, offered.length);
    for (let i = 0; i < offered.length; i++) {
      this.engine.receive(this.frames[i]!);
      if (!this.engine.scratch.hasRoom()) this.endTurn();
    }
    this.endTurn();
    return this.sent.slice(before);
  }

  private endTurn(): void {
    this.engine.flush();
    this.engine.scratch.reset();
  }

  private lay(f: Frame, { port, at, octets, offload }: Required<Offered> & { port: number; at: number }): void {
    f.at = at;
    this.bytes.set(octets, f.at);
    f.end = f.at + octets.length;
    f.port = port;
    f.partial = offload.partial ?? false;
    f.csumStart = offload.csumStart ?? 0;
    f.csumOffset = offload.csumOffset ?? 0;
    f.gsoType = offload.gsoType ?? 0;
    f.gsoSize = offload.gsoSize ?? 0;
    f.headerLength = 0;
  }

  /** A network's IPv4 or IPv6 address is where the tunnel leads, or at the place. Returns its entry. */
  bind(tags: number, address: Uint8Array, at: Uint8Array | number = MAG): number {
    if (address.length === 4) this.bindings.aboutIpv4(rawOf(tags), raw(address));
    else
      this.bindings.aboutIpv6(
        rawOf(tags),
        Int32Array.of(0, 4, 8, 12).map((k) => raw(address, k)),
        0,
      );
    const place = typeof at === "number" ? at : PLACE_TUNNEL + this.tunnels.add(at);
    return this.bindings.put(place, 0);
  }

  /** How the frames of a port ended so far: name → count, those of zero left out. */
  endings(port: number): Record<string, number> {
    const at = portCounters(port) + C_ENDINGS;
    return Object.fromEntries(
      ENDINGS.map(({ name }, i) => [name, this.counters[at + i]!] as const).filter(([, count]) => count > 0),
    );
  }
}

const NO_SEGMENTS_PLAN: SegmentsPlan = { segments: [], uplinks: [], multicastRoutes: [] };

type Settings = Required<Omit<SmallRouterOptions, "cacheEntries" | "crowd" | "connections" | "perVm">>;

/** Compiled rules, the defaults behind them. */
export function rulesPlan(rules: readonly OwnedRule[], tags: readonly number[]): RulesPlan {
  const networks = tags.map((each) => ({ name: each.toString(16), tags: each }));
  const { out, in: into } = sidesOf(rules, { networks, publicPrefixes: [] });
  const compiled = [out, into].map((side) => new RuleCompiler().compile(side));
  const [outHits, inHits] = compiled.map((side) => new Int32Array(side.rules.length)) as [Int32Array, Int32Array];
  return { out: compiled[0]!.words, in: compiled[1]!.words, outHits, inHits };
}

function tablesPlan(vms: readonly SmallVm[], settings: Settings): TablesPlan {
  const { uplinkMtu, vmMtu, offload, macIsFixed, dhcp, metadata, rules, routes, peering, states } = settings;
  const { guest, address, flowSamples, segments, tenants, outside6, public4 } = settings;
  const tags = [BLUE, RED];
  return {
    ports: [
      { index: 0, kind: "uplink", mac: UPLINK_MAC, mtu: uplinkMtu, offload },
      ...vms.map((v) => ({ index: v.port, kind: "vm" as const, mac: GATEWAY_MAC, mtu: vmMtu, offload })),
      { index: 4, kind: "service", mac: GATEWAY_MAC, mtu: 16384, offload },
      ...[...VMS_6, guest].map((v) => ({ index: v.port, kind: "vm" as const, mac: GATEWAY_MAC, mtu: vmMtu, offload })),
    ],
    vms: [...vms, ...VMS_6, guest].map((v) => ({
      network: tags.indexOf(v.tags),
      ...(v.ipv4 && {
        ipv4: {
          host: v.ipv4,
          networkAddress: ("address" in v && v.address) || networkAddress(HOMES[0]!, v.tags, v.ipv4),
          isPublic: public4.includes(v.port),
        },
      }),
      ...("ipv6" in v && { ipv6: v.ipv6 }),
      port: v.port,
      adjacency: v.port,
      mtu: vmMtu,
      macIsFixed,
      dhcp,
      state: states[v.port] ?? "active",
    })),
    networks: tags.map((t) => ({
      tags: t,
      gateway: GATEWAY,
      routes: [{ prefix: POOL, tags: t }, ...routes],
      metadata,
      peers: peering ? tags.filter((each) => each !== t) : [],
      tenants: [...(tenants ? [{ prefix: TENANT_PREFIX, tags: t }] : []), ...(outside6 ? outsideRows(t) : [])],
      ...(outside6 && { isPublic6: t === BLUE, publicPeers: t === BLUE ? [] : [BLUE] }),
    })),
    ...(outside6 && { outside6: [{ address: parseIpv6("2000::")!, length: 3 }] }),
    flowSamples,
    segments: buildSegments(segments),
    ...(metadata && { serviceGroup: GROUP_FIRST + 4 }),
    homes: HOMES,
    key: KEY,
    own: [address, parseIpv6("ff02::1")!],
    fabric: [{ address: parseIpv6("2001:db8:a1::")!, length: 48 }],
    routerAddress: address,
    outsidePrefix: OUTSIDE_PREFIX,
    rules: rulesPlan(rules, tags),
  };
}

/** As the network with these tags knows them. */
const outsideRows = (tags: number): TenantPlan[] => [
  { prefix: { address: new Uint8Array(16), length: 0 }, tags: OUTSIDE_TAGS },
  { prefix: PUBLIC_TENANT_PREFIX, tags: BLUE, host: PUBLIC_TENANT_HOST, isPublic: true, isStranger: tags !== BLUE },
];
