/** What `show` answers, as JSON: the API's schema. Addresses are text, counters are numbers since the router's start. */

import type { SegmentsView } from "#router/broadcast/views";
import type { DropsView } from "#router/drops/views";
import type { MobilityViews } from "#router/mobility/views";

export interface StatusView {
  readonly name: string;
  readonly role: string;
  readonly address: string;
  readonly version: string;
  readonly pid: number;
  /** Seconds since start. */
  readonly uptime: number;
  readonly forwarders: readonly ForwarderView[];
  readonly configuration: string;
}

export interface ForwarderView {
  readonly id: number;
  readonly turns: number;
  readonly sleeps: number;
  /** Milliseconds spent awake since start. */
  readonly busy: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
}

export interface PortView {
  readonly index: number;
  readonly name: string;
  readonly kind: "uplink" | "vm" | "service" | "outside";
  readonly interface: string;
  readonly attachment: "packet" | "tap";
  /** "up", or why not. */
  readonly state: string;
  readonly mtu: number | null;
  readonly mac: string | null;
  readonly offload: boolean;
  readonly rxFrames: number;
  readonly rxOctets: number;
  readonly txFrames: number;
  readonly txOctets: number;
  /** Frames from this port that were dropped, of all reasons. */
  readonly dropped: number;
  /** Frames that the kernel lost before the router saw them: its socket's ring was full. None of the above. */
  readonly receiveDrops: number;
  /** Frames counted as sent above that the kernel refused: the queue was full, the interface down. */
  readonly transmitErrors: number;
  /** What the kernel says it dropped at the interface itself since the port was opened; some refusals are in both. */
  readonly interfaceReceiveDrops: number;
  readonly interfaceTransmitDrops: number;
  /** ICMP errors sent about frames from this port, and kept back by its budget. */
  readonly errorsSent: number;
  readonly errorsLimited: number;
}

export interface VmView {
  readonly name: string;
  readonly network: string;
  /** null, as is the next one: it has IPv6 addresses only. */
  readonly address: string | null;
  readonly networkAddress: string | null;
  readonly ipv6: readonly string[];
  readonly port: string;
  /** "up", "prepared", "held", or why its port is not open. */
  readonly state: string;
  /** null: not learnt yet. */
  readonly mac: string | null;
}

export interface RouteView {
  readonly prefix: string;
  /** "local", "outside", "static", "discard", "ospf" or "ospf discard". */
  readonly origin: string;
  readonly nextHops: readonly { readonly uplink: string; readonly address: string; readonly state: string }[];
}

export interface NeighborView {
  readonly port: string;
  readonly address: string;
  readonly mac: string | null;
  readonly state: string;
}

export interface HomeView {
  readonly index: number;
  readonly prefix: string;
  readonly hypervisor: string | null;
  /** True: this router owns it. */
  readonly here: boolean;
}

/** A network of the fabric, whether VMs of it are here or not. */
export interface NetworkView {
  /** `blue/prod`. */
  readonly name: string;
  readonly tenant: string;
  readonly tenantId: number;
  readonly networkId: number;
  /** Eight hexadecimal digits: the first half of its VMs' interface identifiers. */
  readonly tags: string;
  readonly gateway: string;
  /** Private IPv4 prefixes, public ones, and IPv6 prefixes that the tenant brought. */
  readonly prefixes: readonly string[];
  readonly publicPrefixes: readonly string[];
  readonly tenantPrefixes: readonly string[];
  /** Those of them that are public. */
  readonly publicTenantPrefixes: readonly string[];
  /** True: the fabric's IPv6 addresses of its VMs are public. */
  readonly publicIpv6: boolean;
  /** VMs of it that this router has a port for. */
  readonly vms: number;
}

/** An address of a VM that this router is the DHCP server of, IPv4 or IPv6. */
export interface DhcpView {
  readonly vm: string;
  readonly network: string;
  readonly address: string;
  /** "none", "offered", "bound", "told", "released", "declined", "expired". */
  readonly state: string;
  /** Of its client; this and all below is null while nothing is known. */
  readonly mac: string | null;
  /** Seconds since the client's last message. */
  readonly lastSeen: number | null;
  /** Seconds that its lease still holds. */
  readonly expires: number | null;
  /** As the client calls itself; null for IPv6. */
  readonly hostname: string | null;
  /** Codes of the options it asked for (RFC 2132, RFC 8415 §24). */
  readonly requested: readonly number[];
}

/** A rule that this router asks, in the order in which it does. */
export interface RuleView {
  /** "out": of what its VMs send; "in": of what they are sent. */
  readonly side: "out" | "in";
  /** `blue/web`, an operator's `web`, or `default …`. */
  readonly name: string;
  /** Null for a default. */
  readonly priority: number | null;
  readonly action: "allow" | "deny";
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Null: any. */
  readonly protocol: string | null;
  /** As in `80 8000-8080`; empty: all. */
  readonly ports: string;
  readonly sourcePorts: string;
  readonly icmp: { readonly type: number; readonly code?: number } | null;
  readonly stateful: boolean;
  readonly log: boolean;
  /** Flows that it decided about, and packets that belong to none that is remembered. */
  readonly hits: number;
}

export interface ConnectionEnd {
  /** `outside` for a host outside the data centre; null: an address of none of the fabric's networks. */
  readonly network: string | null;
  readonly address: string;
  /** Null: it has none. */
  readonly port: number | null;
}

/** Connections that stateful rules let through. */
export interface ConnectionsView {
  /** Entries in use, those whose time is over but that nobody has met yet among them. */
  readonly size: number;
  readonly room: number;
  /** At most 1000. */
  readonly connections: readonly {
    readonly protocol: string;
    /** `syn-sent`, `established`, `udp-replied` … */
    readonly state: string;
    /** The VM here that it counts for; null: it is gone. */
    readonly vm: string | null;
    /** The end that sent the first packet. */
    readonly from: ConnectionEnd;
    readonly to: ConnectionEnd;
    /** The rule that let the first packet through; null: it is gone. */
    readonly rule: string | null;
    /** Seconds. */
    readonly idle: number;
    readonly age: number;
  }[];
}

/** An inside address of a NAT. */
export interface NatEnd {
  /** Null: it is none of the fabric's networks any more. */
  readonly network: string | null;
  readonly address: string;
}

/** A gateway's NAT. Ports are identifiers where the protocol is ICMP. */
export interface NatView {
  /** In use, and how many there is room for; 0 and 0 where there is no NAT. */
  readonly sessions: number;
  readonly room: number;
  /** Ports that are somebody's, or rest after use (null). */
  readonly blocks: readonly {
    readonly address: string;
    readonly firstPort: number;
    readonly ports: number;
    readonly used: number;
    readonly inside: NatEnd | null;
  }[];
  /** At most 1000. */
  readonly bindings: readonly {
    readonly protocol: string;
    readonly inside: NatEnd & { readonly port: number };
    readonly outside: { readonly address: string; readonly port: number };
    readonly sessions: number;
    /** Seconds. */
    readonly age: number;
  }[];
}

export interface CounterView {
  readonly port: string;
  readonly ending: string;
  readonly fate: "forwarded" | "punted" | "consumed" | "dropped";
  readonly frames: number;
  readonly meaning: string;
}

export interface Views extends MobilityViews {
  readonly status: StatusView;
  readonly ports: readonly PortView[];
  readonly vms: readonly VmView[];
  readonly routes: readonly RouteView[];
  readonly neighbors: readonly NeighborView[];
  readonly homes: readonly HomeView[];
  readonly networks: readonly NetworkView[];
  readonly dhcp: readonly DhcpView[];
  readonly rules: readonly RuleView[];
  readonly connections: ConnectionsView;
  readonly nat: NatView;
  readonly segments: SegmentsView;
  readonly counters: readonly CounterView[];
  readonly drops: DropsView;
}

export const VIEWS = [
  "status",
  "ports",
  "vms",
  "routes",
  "neighbors",
  "homes",
  "networks",
  "dhcp",
  "rules",
  "connections",
  "nat",
  "bindings",
  "tunnels",
  "mobility",
  "flights",
  "segments",
  "counters",
  "drops",
] as const;
export type ViewName = (typeof VIEWS)[number];
