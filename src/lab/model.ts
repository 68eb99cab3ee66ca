/** A lab as its topology file describes it: nodes as network namespaces, links as veth pairs. */
import type { Address } from "#runtime/document/scalars";

export interface Topology {
  /** Absolute path. */
  readonly file: string;
  readonly name: string;
  readonly nodes: readonly LabNode[];
  readonly links: readonly LabLink[];
  /** What the file asks for and a lab of namespaces does not do, one line each. */
  readonly notes: readonly string[];
}

export interface LabNode {
  readonly name: string;
  /** `<lab>-<node>`, as `ip netns` shows it. */
  readonly namespace: string;
  readonly role: Role;
  /** Commands to run once the node stands, split into words. Empty for routers and VMs: their labels say it. */
  readonly exec: readonly (readonly string[])[];
  /** Added to the environment of everything that is started in the node. */
  readonly env: Readonly<Record<string, string>>;
  /** `net.ipv4.ip_forward` → value. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** What the `ain-…` labels make of a node. */
export type Role = { readonly kind: "plain" } | RouterRole | FrrRole | VmRole;

export interface RouterRole {
  readonly kind: "router";
  /** Absolute path of its node.yaml. */
  readonly config: string;
}

/** A router that FRR plays. */
export interface FrrRole {
  readonly kind: "frr";
  /** Absolute path of its frr.conf, for all daemons. */
  readonly config: string;
}

export interface VmRole {
  readonly kind: "vm";
  /** The interface in its namespace; it may appear only once a router makes it. */
  readonly interface: string;
  readonly address: Address & { readonly prefixLength: number };
  readonly gateway?: Address;
  readonly mac?: Address;
  /** Octets. */
  readonly mtu?: number;
  /** It moves: its interface is joined to one of these ends of its links at a time, the first to begin with. */
  readonly ports?: readonly string[];
}

export interface LabLink {
  readonly ends: readonly [LinkEnd, LinkEnd];
  /** Octets. */
  readonly mtu: number;
}

export interface LinkEnd {
  /** Name of a node. */
  readonly node: string;
  readonly interface: string;
  readonly mac?: Address;
  /** A port of a VM's wire: the node's kernel sends nothing of its own out of it. */
  readonly isPort?: true;
}
