/**
 * The fabric as the page draws it: one model of what all routers say. Every kind of thing is a record by id, so that one
 * function finds what has changed in any of them (patch.ts). Everything is JSON; rates are rounded, so that what hardly
 * changes does not change.
 */

export interface Fabric {
  /** One entry, "". */
  readonly about: Readonly<Record<string, About>>;
  readonly nodes: Readonly<Record<string, FabricNode>>;
  readonly areas: Readonly<Record<string, FabricArea>>;
  readonly links: Readonly<Record<string, FabricLink>>;
  readonly vms: Readonly<Record<string, FabricVm>>;
  readonly tunnels: Readonly<Record<string, FabricTunnel>>;
  readonly homes: Readonly<Record<string, FabricHome>>;
  readonly moves: Readonly<Record<string, FabricMove>>;
}

export const KINDS = ["about", "nodes", "areas", "links", "vms", "tunnels", "homes", "moves"] as const;
export type Kind = (typeof KINDS)[number];

export const NOTHING: Fabric = {
  ...{ about: {}, nodes: {}, areas: {}, links: {}, vms: {}, tunnels: {}, homes: {}, moves: {} },
};

export interface About {
  /** A lab's name; "": the routers of this machine, or those that were named. */
  readonly title: string;
  /** Version of the AIN that serves the page. */
  readonly version: string;
  /** Routers that are asked, and how many of them answer. */
  readonly asked: number;
  readonly answering: number;
  /** Speed of the fabric's links, bits a second, where the operator has told it; null: loads are relative. */
  readonly linkSpeed: number | null;
}

/**
 * `up`: it answers; `other-version`: it does, and runs another AIN; `unreachable`: it does not; `asking`: not asked yet;
 * `foreign`: known from OSPF or from neighbors alone, nobody can be asked.
 */
export type NodeState = "up" | "other-version" | "unreachable" | "asking" | "foreign";

export interface FabricNode {
  readonly name: string;
  /** `router`: its API is asked; `foreign`: OSPF tells of it; `network`: a LAN; `unseen`: a part of the fabric that nobody sees. */
  readonly kind: "router" | "foreign" | "network" | "unseen";
  readonly role: string | null;
  readonly state: NodeState;
  /** Why it is not up. */
  readonly reason: string | null;
  readonly version: string | null;
  readonly address: string | null;
  readonly routerId: string | null;
  /** OSPF areas, sorted. */
  readonly areas: readonly string[];
  readonly isBorder: boolean;
  /** Hops to the nearest hypervisor: the row it is drawn in. Hypervisors are 0. */
  readonly tier: number;
  /** When it was started, Unix seconds. */
  readonly started: number | null;
  /** Share of the time that its busiest forwarder is awake, 0 … 1. */
  readonly busy: number | null;
  /** Frames dropped a second, on average in the last minute, and the most frequent reason. */
  readonly drops: number | null;
  readonly dropReason: string | null;
  /** Power of ten of the rate of drops, with hysteresis; 0: below one a second. */
  readonly dropLevel: number;
  /** How packets to VMs go, shares of 1; null: there were none of late. */
  readonly ways: Readonly<Record<string, number>> | null;
  /** Views that it cannot give, with its words. */
  readonly lacks: Readonly<Record<string, string>>;
  /** How the command line names it, as `hv1` or the path of its socket; null: it cannot be asked. */
  readonly socket: string | null;
}

export interface FabricArea {
  /** `normal`, `stub`, `nssa`; null: no router asked is in it. */
  readonly kind: string | null;
  /** False: totally stubby. */
  readonly summaries: boolean;
  readonly nodes: number;
}

/** `up`: both ends that can be asked say so; `forming`: OSPF is on its way; `unknown`: nobody who could tell answers. */
export type LinkState = "up" | "forming" | "down" | "unknown";

export interface FabricLink {
  /** `ospf`: an adjacency; `plain`: neighbors by MAC address; `unseen`: it is only known that there must be one. */
  readonly kind: "ospf" | "plain" | "unseen";
  readonly area: string | null;
  readonly state: LinkState;
  /** Why it is not up. */
  readonly reason: string | null;
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  /** Bits a second from a to b, and back; null: not known. */
  readonly ab: number | null;
  readonly ba: number | null;
  /** When it was last seen, Unix milliseconds, of one that nobody tells of any more; else null. */
  readonly goneSince: number | null;
}

export interface LinkEnd {
  readonly node: string;
  /** null: not known. */
  readonly port: string | null;
  readonly cost: number | null;
  /** OSPF's state of the neighbor; null: not known. */
  readonly ospf: string | null;
  /** BFD's; null: it does not watch. */
  readonly bfd: string | null;
  readonly mtu: number | null;
}

export interface FabricVm {
  readonly name: string;
  /** `blue/prod`. */
  readonly network: string;
  readonly tenant: string;
  /** The first is the one it is known by. */
  readonly addresses: readonly string[];
  /** Its addresses in the fabric. */
  readonly networkAddresses: readonly string[];
  /** Node that has it. */
  readonly at: string;
  readonly port: string;
  /** `up`, `held`, `prepared`, …, or why its port is not open. */
  readonly state: string;
  readonly mac: string | null;
  /** Node that its address is at home at; null: not known. */
  readonly home: string | null;
  /** Other nodes that say they have it, and how. */
  readonly also: readonly { readonly node: string; readonly state: string }[];
  /** Two nodes have said for a while that they have it. */
  readonly isDisputed: boolean;
  /** Bits a second that it sends and gets. */
  readonly sends: number | null;
  readonly gets: number | null;
}

export interface FabricTunnel {
  readonly from: string;
  /** Null: none of the routers asked. */
  readonly to: string | null;
  readonly address: string;
  readonly mtu: number | null;
  /** Addresses whose packets take it. */
  readonly users: number;
  /** Bits a second, and the share of the packets to VMs that its beginning sends; null: not known, or none. */
  readonly rate: number | null;
  readonly share: number | null;
}

export interface FabricHome {
  /** Name of the hypervisor that the fabric's file names; null: none. */
  readonly hypervisor: string | null;
  /** Node whose it is. */
  readonly node: string | null;
}

export interface FabricMove {
  readonly vm: string;
  /** Nodes; null: no report of that side. */
  readonly source: string | null;
  readonly target: string | null;
  readonly outcome: "open" | "done" | "aborted";
  /** It is over, and both sides' reports are in, or cannot be had. */
  readonly isReported: boolean;
  /** Unix milliseconds. */
  readonly began: number;
  /** Milliseconds; null: not yet, not known. */
  readonly took: number | null;
  readonly downtime: number | null;
  /** Of the downtime the VM's own part and the network's, where both sides told. */
  readonly still: number | null;
  readonly network: number | null;
  readonly held: number;
  readonly lost: number;
}

/** What is told at the side of the map. */
export interface FabricEvent {
  /** Counts up. */
  readonly id: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly weight: "good" | "bad" | "note";
  readonly text: string;
  /** What it is about, to be opened. */
  readonly about: { readonly kind: Kind; readonly id: string } | null;
}
