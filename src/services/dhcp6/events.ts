/** What the DHCPv6 core (services/dhcp6.ts) is told, what it wants done, and what it remembers. */
import type { Millis } from "#base/time";
import type { Dhcp4Effect } from "#services/dhcp4/events";
import type { LeaseLife } from "#services/lease";
import type { TokenBucket } from "#services/token-bucket";

/** What a VM is told of its network. Addresses are 16 octets, MAC addresses six. */
export interface Dhcp6Settings {
  /** The only addresses this VM can have: 1 … 16, none twice. */
  readonly addresses: readonly Uint8Array[];
  /** The router's link-local address towards the VM. */
  readonly gateway: Uint8Array;
  /** The server's name is made of it (DUID-LL, RFC 8415 §11.4). */
  readonly gatewayMac: Uint8Array;
  /** Seconds: 10 … 2^32 − 1, the last for ever. Preferred and valid: no other address is there to be preferred. */
  readonly leaseTime: number;
  readonly dnsServers: readonly Uint8Array[];
  /** Where names without dots are looked for, the first first. */
  readonly domains: readonly string[];
  readonly ntpServers: readonly Uint8Array[];
  /** 1 … 255, by the operator's choice; with 255 a client waits for no other server (RFC 8415 §18.2.1). Absent: 0. */
  readonly preference?: number;
}

/** `port`: index of a VM's port. Frames are whole Ethernet frames. */
export type Dhcp6Event =
  /** The VM of this port is served from now on; or its settings have changed. */
  | { readonly type: "serve"; readonly port: number; readonly settings: Dhcp6Settings }
  | { readonly type: "end"; readonly port: number }
  /** `unfinished`: the UDP checksum is still to be computed, as in frames of virtual network cards. */
  | { readonly type: "frame"; readonly port: number; readonly frame: Uint8Array; readonly unfinished: boolean }
  | { readonly type: "timer" };

export type Dhcp6Effect =
  | Exclude<Dhcp4Effect, { type: "declined" }>
  /** The client says that another has this address (RFC 8415 §18.3.8): something for the operator. */
  | { readonly type: "declined"; readonly port: number; readonly address: Uint8Array };

/** An address of a VM and what became of it; "told": the VM asked for settings only. */
export interface Lease6 extends LeaseLife {
  readonly address: Uint8Array;
}

/** A VM, its settings and what is known of its client. */
export interface Client6 extends TokenBucket {
  readonly port: number;
  settings: Dhcp6Settings;
  /** In the settings' order. */
  leases: Lease6[];
  /** Of the client's last message; undefined: none came yet. */
  lastSeen: Millis | undefined;
  /** What the client said of itself. */
  duid: Uint8Array | undefined;
  mac: Uint8Array | undefined;
  requested: readonly number[];
}

export interface Dhcp6Counters {
  solicits: number;
  requests: number;
  confirms: number;
  renews: number;
  rebinds: number;
  releases: number;
  declines: number;
  informationRequests: number;
  advertises: number;
  replies: number;
  expired: number;
  /** Answers kept back by the rate limit. */
  limited: number;
  /** Not DHCP, cut short, a server's, or against the rules of RFC 8415 §16. */
  malformed: number;
  /** By way of a relay agent: there is none between a VM and its router. */
  relayed: number;
  /** From an address that is neither link-local nor the VM's: an answer would go elsewhere. */
  foreignClient: number;
  /** For another server, which does not exist. */
  otherServer: number;
  /** To our own address instead of the group (RFC 8415 §18.4). */
  unicast: number;
}
