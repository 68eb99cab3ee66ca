/** What the DHCPv4 core (services/dhcp4.ts) is told, what it wants done, and what it remembers. */
import type { Prefix } from "#base/address";
import type { Millis } from "#base/time";
import type { LeaseLife } from "#services/lease";
import type { TokenBucket } from "#services/token-bucket";

/** What a VM is told of its network. Addresses are four octets, MAC addresses six. */
export interface Dhcp4Settings {
  /** The only address this VM can have. */
  readonly address: Uint8Array;
  /** The router's address towards the VM, and its name as a server. */
  readonly gateway: Uint8Array;
  readonly gatewayMac: Uint8Array;
  /** Seconds: 10 … 2^32 − 2. */
  readonly leaseTime: number;
  /** Octets of the largest IPv4 packet that needs no cutting. */
  readonly mtu: number;
  readonly hostName: string;
  readonly domainName?: string;
  readonly dnsServers: readonly Uint8Array[];
  readonly ntpServers: readonly Uint8Array[];
  /** Undefined: the VM has no neighbors, and reaches everybody by the gateway. */
  readonly segment?: Dhcp4Segment;
}

/** The Ethernet segment that a VM is on. */
export interface Dhcp4Segment {
  /** The VM's address and the gateway's are in it. At most /30. */
  readonly prefix: Prefix;
  /** Addresses that are reached by the gateway even where a system has link-local addresses (RFC 3927 §2.6.2). */
  readonly behindGateway: readonly Uint8Array[];
}

/** `port`: index of a VM's port. Frames are whole Ethernet frames. */
export type Dhcp4Event =
  /** The VM of this port is served from now on; or its settings have changed. */
  | { readonly type: "serve"; readonly port: number; readonly settings: Dhcp4Settings }
  | { readonly type: "end"; readonly port: number }
  /** `unfinished`: the UDP checksum is still to be computed, as in frames of virtual network cards. */
  | { readonly type: "frame"; readonly port: number; readonly frame: Uint8Array; readonly unfinished: boolean }
  | { readonly type: "timer" };

export type Dhcp4Effect =
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  /** The frame has brought no answer and changed nothing: it was of no use, or one too many. */
  | { readonly type: "lost"; readonly port: number; readonly reason: "ignored" | "limited" }
  /** The client says that another has its address (RFC 2131 §4.3.3): something for the operator. */
  | { readonly type: "declined"; readonly port: number };

/** A VM, its settings and what is known of its client. */
export interface Lease extends LeaseLife, TokenBucket {
  readonly port: number;
  settings: Dhcp4Settings;
  /** Of the client's last message; undefined: none came yet. */
  lastSeen: Millis | undefined;
  /** What the client said of itself. */
  mac: Uint8Array | undefined;
  hostName: string | undefined;
  requested: readonly number[];
}

export interface Dhcp4Counters {
  discovers: number;
  offers: number;
  requests: number;
  acks: number;
  naks: number;
  declines: number;
  releases: number;
  informs: number;
  expired: number;
  /** Answers kept back by the rate limit. */
  limited: number;
  /** Not DHCP, cut short, or a contradiction in itself. */
  malformed: number;
  /** By way of a relay agent: there is none between a VM and its router. */
  relayed: number;
  /** Of another MAC address than the frame's: a client that is not on this port. */
  foreignClient: number;
  /** For another server, which does not exist (RFC 2131 §4.3.2). */
  otherServer: number;
  /** While its address is declined. */
  declined: number;
}
