/** What the core of VMs' IPv6 links (services/vm-link6.ts) is told, what it wants done, and what it remembers. */
import type { Random } from "#base/random";
import type { Millis } from "#base/time";

/** What a VM is told of its link. Addresses are 16, MAC addresses six octets. */
export interface VmLink6Settings {
  /** The VM's addresses, at least one: what it may say it has besides link-local ones. */
  readonly addresses: readonly Uint8Array[];
  /** The router's link-local address on this link. */
  readonly gateway: Uint8Array;
  readonly gatewayMac: Uint8Array;
  /** As configured: never replaced. Absent: to be learnt. */
  readonly mac?: Uint8Array;
  /** Octets of the largest IPv6 packet that needs no Packet Too Big: 1280 … */
  readonly mtu: number;
  /** False: it is not advertised; neighbor discovery goes on. Default true. */
  readonly advertises?: boolean;
  /** Addresses and settings are to be had by DHCPv6 (M and O, RFC 4861 §4.2). */
  readonly managed: boolean;
  /** At most 8. */
  readonly dnsServers: readonly Uint8Array[];
  /** Together at most 500 octets: one advertisement holds all. */
  readonly domains: readonly string[];
}

/** `port`: index of a VM's port. Frames are whole Ethernet frames. */
export type VmLink6Event =
  /** A VM's port came up, or its settings have changed. */
  | { readonly type: "attach"; readonly port: number; readonly settings: VmLink6Settings }
  /** The link is gone. */
  | { readonly type: "detach"; readonly port: number }
  /** The link is there, but the router stops being its router: it says so (RFC 4861 §6.2.5), and the link is as detached. */
  | { readonly type: "cease"; readonly port: number }
  /** Neighbor discovery from the VM. */
  | { readonly type: "frame"; readonly port: number; readonly frame: Uint8Array }
  /** A frame with an address of the VM's own came from `mac`. */
  | { readonly type: "seen"; readonly port: number; readonly mac: Uint8Array }
  /** A packet to `address`, the VM's, waits for the VM's MAC; `held` names it. */
  | { readonly type: "resolve"; readonly port: number; readonly address: Uint8Array; readonly held: number }
  | { readonly type: "timer" };

export type VmLink6Effect =
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  /** The VM's MAC for the fast path, the same for all its addresses. "failed": refuse at once; "unresolved": ask again. */
  | { readonly type: "adjacency"; readonly port: number; readonly mac: Uint8Array | "unresolved" | "failed" }
  /** Packets that go through the pipeline again: sent if the MAC is known, refused if the VM did not answer. */
  | { readonly type: "release"; readonly held: readonly number[] }
  /** Packets given up for newer ones ("overflow"), or with their port ("detached"). */
  | { readonly type: "drop"; readonly held: readonly number[]; readonly reason: "overflow" | "detached" }
  /** A frame that must not come from a VM: it has changed nothing and gets no answer. */
  | { readonly type: "refused"; readonly port: number; readonly reason: Refusal };

/** Names of the counters too. */
export type Refusal =
  /** Not neighbor discovery, or not valid by RFC 4861 §6.1, §7.1: forwarded, damaged, contradicting itself. */
  | "malformed"
  /** MAC addresses, in the frame or an option, that are not one, not the configured one, or a group's. */
  | "spoofedMac"
  /** A source that is neither the VM's nor link-local, or is the gateway's. */
  | "spoofedSource"
  /** An advertisement of an address that is not the VM's. */
  | "spoofedTarget"
  /** A router advertisement: the router is us. */
  | "rogueRouter";

export interface VmLink6Counters extends Record<Refusal, number> {
  /** Solicitations answered, for the gateway or for whoever is behind it. */
  answered: number;
  /** Solicitations of ours. */
  asked: number;
  learnt: number;
  /** Solicitations of the VM's own or its link-local addresses: right to ask, nothing to answer (RFC 4862 §5.4). */
  probes: number;
  /** Duplicate address detection for addresses that are not the VM's, the gateway's among them: told so. */
  defended: number;
  /** Solicitations of addresses no neighbor can have: unspecified, loopback, other link-local ones. */
  impossible: number;
  routerSolicitations: number;
  routerAdvertisements: number;
}

/** A VM's port. */
export interface Link {
  readonly port: number;
  settings: VmLink6Settings;
  readonly advertising: Advertising;
  /** Undefined: not known. */
  mac: Uint8Array | undefined;
  /** `failed`: asked without an answer, packets are refused at once. */
  resolution: "idle" | "asking" | "failed";
  /** Packets that wait while it is asked for. */
  held: HeldPacket[];
  /** How often it was asked. */
  asked: number;
  /** Of the next solicitation, or of the end of `failed`. */
  deadline: Millis;
}

export interface HeldPacket {
  readonly held: number;
  readonly address: Uint8Array;
}

/** Router advertisements of a link (RFC 4861 §6.2.4, §6.2.6). */
export interface Advertising {
  /** Of the next to all nodes. */
  next: Millis;
  /** Of the last to all nodes. */
  last: Millis;
  /** How many of the first few are left. */
  initial: number;
  /** Who has asked and gets an answer of its own, and when; undefined: nobody. */
  solicited: { readonly address: Uint8Array; readonly mac: Uint8Array; readonly at: Millis } | undefined;
}

/** What one call of handle() knows and gathers. */
export interface Turn {
  readonly now: Millis;
  readonly effects: VmLink6Effect[];
  readonly counters: VmLink6Counters;
  readonly random: Random;
}
