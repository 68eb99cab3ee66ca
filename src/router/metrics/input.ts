/** All that metrics are made from, as plain data: counters are since the router's start. */
import type { HistogramSample } from "#router/metrics/model";

export interface MetricsInput {
  readonly node: { readonly name: string; readonly role: string; readonly fabric: string; readonly version: string };
  /** Unix seconds. */
  readonly startedAt: number;
  readonly process: ProcessInput;
  readonly eventLoopLag: HistogramSample;
  readonly ports: readonly PortInput[];
  /** How frames ended that were not dropped, over all ports. */
  readonly endings: readonly { readonly ending: string; readonly fate: string; readonly frames: number }[];
  readonly drops: readonly DropInput[];
  readonly forwarders: readonly ForwarderInput[];
  readonly ways: readonly { readonly way: string; readonly packets: number }[];
  /** By state: of next hops and VMs. */
  readonly neighbors: Counts;
  /** By state. */
  readonly vms: Counts;
  readonly rules: readonly { readonly side: string; readonly rule: string; readonly hits: number }[];
  readonly connections: Usage;
  /** Undefined: this router has none, as of what follows. */
  readonly nat: (Usage & { readonly blocks: number }) | undefined;
  readonly ospf: OspfInput | undefined;
  readonly bfd: BfdInput | undefined;
  readonly mobility: MobilityInput | undefined;
  readonly log: { readonly lines: Counts; readonly heldBack: number };
  readonly flowLog: { readonly records: Counts; readonly lost: number };
  /** Seconds that it took to gather all this. */
  readonly gathering: number;
}

/** What of → how many. */
export type Counts = ReadonlyMap<string, number>;

/** Of a table. */
export interface Usage {
  readonly size: number;
  readonly room: number;
}

export interface ProcessInput {
  /** Seconds of all threads. */
  readonly cpuUser: number;
  readonly cpuSystem: number;
  /** Octets. */
  readonly resident: number;
  readonly heap: number;
  /** Octets outside the heap that objects in it hold on to. */
  readonly external: number;
}

export interface PortInput {
  readonly port: string;
  readonly kind: string;
  /** Of a VM's port, else empty. */
  readonly tenant: string;
  readonly isUp: boolean;
  readonly receiveFrames: number;
  readonly receiveOctets: number;
  readonly transmitFrames: number;
  readonly transmitOctets: number;
  readonly errorsSent: number;
  readonly errorsLimited: number;
}

export interface DropInput {
  readonly reason: string;
  readonly port: string;
  readonly tenant: string;
  readonly frames: number;
}

export interface ForwarderInput {
  readonly forwarder: string;
  readonly turns: number;
  readonly sleeps: number;
  /** Seconds awake. */
  readonly busy: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
}

export interface OspfInput {
  readonly neighbors: Counts;
  readonly interfacesUp: number;
  readonly lsas: Usage;
  readonly routes: number;
  readonly waiting: number;
  readonly withoutRoom: number;
  /** By kind. */
  readonly spf: readonly HistogramSample[];
}

export interface BfdInput {
  readonly sessions: Counts;
  /** Of the sessions that there are: flaps, packets sent and received. */
  readonly events: Counts;
  readonly refused: number;
  /** Seconds. */
  readonly longestDelay: number;
}

export interface MobilityInput {
  /** By role. */
  readonly bindings: Counts;
  readonly table: Usage;
  readonly peers: number;
  readonly answeringPeers: number;
  readonly tunnels: number;
  readonly tunnelPackets: number;
  readonly tunnelOctets: number;
  /** Messages and refusals by name. */
  readonly events: Counts;
  readonly flights: Counts;
}
