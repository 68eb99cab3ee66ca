/** All that a forwarder's stages read: the arena, the adopted snapshot, and the tables changed in place. */

import { RECORD } from "#fastpath/decision";
import type { Steps } from "#fastpath/steps";
import type { AdjacencyReader } from "#fastpath/tables/adjacencies";
import type { Bindings } from "#fastpath/tables/bindings";
import { ConnectionHints } from "#fastpath/tables/connection-hints";
import type { Connections } from "#fastpath/tables/connections";
import type { FibReader } from "#fastpath/tables/fib-reader";
import type { Fragments } from "#fastpath/tables/fragments";
import {
  AWAY_TENANTS,
  type GatewayTables,
  KIND_OUTSIDE,
  KIND_SERVICE,
  KIND_UPLINK,
  KIND_VM,
  P_KIND,
  PORT_WORDS,
  type RuleTables,
  type Snapshot,
  V_ADDRESS,
  V_AWAY,
  V_TAGS,
  VM_WORDS,
  vmHash,
} from "#fastpath/tables/layout";
import type { Nat } from "#fastpath/tables/nat";
import { covers, PREFIX_WORDS } from "#fastpath/tables/prefix-rows";
import { KEY_WORDS } from "#fastpath/tables/rule-layout";
import { NO_SEGMENTS, type SegmentTables } from "#fastpath/tables/segments";
import type { Tunnels } from "#fastpath/tables/tunnels";

/** Views of the one mapping that holds all frames (src/sys/memory.ts). */
export interface ArenaViews {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

export interface TablesOptions {
  readonly cacheEntries: number;
  readonly connections?: Connections | undefined;
  readonly fragments?: Fragments | undefined;
  readonly nat?: Nat | undefined;
  readonly bindings?: Bindings | undefined;
  readonly tunnels?: Tunnels | undefined;
}

export class Tables {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** 16-bit words: MAC addresses start 2-aligned. */
  readonly halves: Uint16Array;
  fib: FibReader;
  readonly adjacencies: AdjacencyReader;
  /** Decision records: the scratch record at 0, the flow cache's behind it. */
  readonly records: Int32Array;
  /** Network addresses of the packet quoted in an ICMP error that a VM sends: source, destination; 4 raw words each. */
  readonly quoted = new Int32Array(8);
  /** Scratch: the group that a frame of an Ethernet segment's is for, 4 raw words (stages/reach.ts). */
  readonly floodGroup = new Int32Array(4);
  /** Scratch for hashes. */
  readonly hashed = new Int32Array(2);
  readonly message = new Int32Array(5);
  readonly siphash = new Int32Array(8);
  /** Scratch for the other end of a tunnel. */
  readonly tunnelEnd = new Int32Array(4);

  /** The MTU that a too-big error reports, and the pointer that a parameter problem reports. */
  reported = 0;
  /** IPv4 identification generator for packets that leave fragmentable. RFC 7915 §5.1, RFC 6864. */
  private identification = 1;

  /** Tenths of a second, the same for all forwarders: the connection table's time. */
  now = 0;
  /** Shared by all forwarders; undefined: no stateful rule lets anything through. */
  readonly connections: Connections | undefined;
  /** Where flows had their connections last; undefined, too: there is no flow cache. */
  readonly hints: ConnectionHints | undefined;
  /** Likewise; undefined: no answers in fragments. */
  readonly fragments: Fragments | undefined;

  /** A gateway's, if it has NAT addresses. */
  readonly nat: Nat | undefined;

  /** Where VMs are that are not here, shared by all forwarders; undefined, both: all are at home. */
  readonly bindings: Bindings | undefined;
  readonly tunnels: Tunnels | undefined;

  /** Generation of all tables together, read once a turn. */
  generation = 0;

  /** While a frame is watched: who keeps what each stage says of it (Engine.watch). */
  steps: Steps | undefined;

  ports!: Int32Array;
  vms!: Int32Array;
  vmIndex!: Int32Array;
  networks!: Int32Array;
  networkRoutes!: Int32Array;
  networkPeers!: Int32Array;
  networkTenants!: Int32Array;
  homes!: Int32Array;
  key!: Int32Array;
  own!: Int32Array;
  fabric!: Int32Array;
  routerAddress!: Int32Array;
  serviceGroup = 0;
  rules!: RuleTables;
  outsidePrefix!: Int32Array;
  outside6!: Int32Array;
  gateway: GatewayTables | undefined;
  knownTags!: Int32Array;
  flowSamples!: Int32Array;
  /** True when some network's flows are logged: what connections carry is counted. */
  countsConnections = false;
  /** Ethernet segments: also replaced by themselves. */
  segments!: SegmentTables;
  /** Scratch for questions to the rules (rule-layout.ts): about a packet, and about what it answers. */
  readonly ruleKey = new Int32Array(KEY_WORDS);
  readonly answeredKey = new Int32Array(KEY_WORDS);

  constructor(
    arena: ArenaViews,
    fib: FibReader,
    adjacencies: AdjacencyReader,
    { cacheEntries, connections, fragments, nat, bindings, tunnels }: TablesOptions,
  ) {
    this.bytes = arena.bytes;
    this.words = arena.words;
    this.halves = new Uint16Array(arena.words.buffer, arena.words.byteOffset, arena.words.length * 2);
    this.fib = fib;
    this.adjacencies = adjacencies;
    this.connections = connections;
    this.hints = connections && cacheEntries > 0 ? new ConnectionHints(connections.entries.slots) : undefined;
    this.fragments = fragments;
    this.nat = nat;
    this.bindings = bindings;
    this.tunnels = tunnels;
    this.records = new Int32Array((cacheEntries + 1) * RECORD);
    this.adopt(EMPTY);
  }

  adopt(s: Snapshot): void {
    this.ports = s.ports;
    this.vms = s.vms;
    this.vmIndex = s.vmIndex;
    this.networks = s.networks;
    this.networkRoutes = s.networkRoutes;
    this.networkPeers = s.networkPeers;
    this.networkTenants = s.networkTenants;
    this.homes = s.homes;
    this.key = s.key;
    this.own = s.own;
    this.fabric = s.fabric;
    this.routerAddress = s.routerAddress;
    this.serviceGroup = s.serviceGroup;
    this.rules = s.rules;
    this.outsidePrefix = s.outsidePrefix;
    this.outside6 = s.outside6;
    this.gateway = s.gateway;
    this.knownTags = s.knownTags;
    this.flowSamples = s.flowSamples;
    this.countsConnections = s.flowSamples.some((sample) => sample > 0);
    this.segments = s.segments;
  }

  nextIdentification(): number {
    this.identification = (this.identification + 1) & 0xffff;
    return this.identification;
  }

  isVm(port: number): boolean {
    return this.ports[port * PORT_WORDS + P_KIND] === KIND_VM;
  }

  isUplink(port: number): boolean {
    return this.ports[port * PORT_WORDS + P_KIND] === KIND_UPLINK;
  }

  isService(port: number): boolean {
    return this.ports[port * PORT_WORDS + P_KIND] === KIND_SERVICE;
  }

  isOutside(port: number): boolean {
    return this.ports[port * PORT_WORDS + P_KIND] === KIND_OUTSIDE;
  }

  /** Offset in `vms` of the record with the fabric's address at `word` of `words`, or −1. */
  findVm(words: Int32Array, word: number): number {
    return this.find(words, word, 0);
  }

  /** The same of an address that the tenant of the network with these raw tags, not 0, brought. */
  findTenantsVm(tags: number, words: Int32Array, word: number): number {
    return this.find(words, word, tags);
  }

  /** `owner`: raw tags; 0: the address is the fabric's. */
  private find(words: Int32Array, word: number, owner: number): number {
    const mask = this.vmIndex.length - 1;
    const tags = words[word + 2]!;
    const host = words[word + 3]!;
    let slot = vmHash(tags, host) & mask;
    for (let probes = 0; probes <= mask; probes++) {
      const entry = this.vmIndex[slot]!;
      if (entry === 0) return -1;
      const at = (entry - 1) * VM_WORDS;
      const a = at + V_ADDRESS;
      const { vms } = this;
      if (vms[a + 3] === host && vms[a + 2] === tags && vms[a] === words[word] && vms[a + 1] === words[word + 1]) {
        const isTenants = vms[at + V_AWAY] === AWAY_TENANTS;
        if (isTenants ? owner === vms[at + V_TAGS] : owner === 0) return at;
      }
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** True when the IPv6 address at `word` of `words` is one of this router's. */
  isOwn(words: Int32Array, word: number): boolean {
    const { own } = this;
    for (let i = 0; i < own.length; i += 4) {
      if (
        own[i + 3] === words[word + 3] &&
        own[i + 2] === words[word + 2] &&
        own[i + 1] === words[word + 1] &&
        own[i] === words[word]
      )
        return true;
    }
    return false;
  }

  /** True when the IPv6 address at `word` of `words` lies in the fabric's address ranges. */
  isInFabric(words: Int32Array, word: number): boolean {
    const { fabric } = this;
    for (let row = 0; row < fabric.length; row += PREFIX_WORDS) if (covers(fabric, row, words, word)) return true;
    return false;
  }

  /** True when the IPv6 address at `word` of `words` lies in the outside's prefixes. */
  isOutside6(words: Int32Array, word: number): boolean {
    const { outside6 } = this;
    for (let row = 0; row < outside6.length; row += PREFIX_WORDS) if (covers(outside6, row, words, word)) return true;
    return false;
  }
}

const none = new Int32Array(0);
const EMPTY: Snapshot = {
  ports: none,
  vms: none,
  vmIndex: new Int32Array(1),
  networks: none,
  networkRoutes: none,
  networkPeers: none,
  networkTenants: none,
  homes: none,
  key: new Int32Array(4),
  own: none,
  fabric: none,
  routerAddress: new Int32Array(4),
  serviceGroup: 0,
  // No rule: nothing passes.
  rules: { out: new Int32Array(1), in: new Int32Array(1), outHits: none, inHits: none },
  outsidePrefix: new Int32Array(2),
  outside6: none,
  gateway: undefined,
  knownTags: none,
  flowSamples: none,
  segments: NO_SEGMENTS,
};
