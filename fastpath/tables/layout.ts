/**
 * The tables that change with the configuration, as flat arrays. The control thread builds a {@link Snapshot} whole and
 * hands it to each forwarder, which adopts it at the start of a turn. Words called *raw* hold octets in network order
 * as they lie in memory.
 */
import type { SegmentTables } from "#fastpath/tables/segments";

/** A port's record. */
export const PORT_WORDS = 8;
export const P_KIND = 0;
/** Largest IP packet, octets. */
export const P_MTU = 1;
/** The router's MAC on this port, three raw half words packed in two words (the last half is zero). */
export const P_MAC = 2;
/** Index in the VM table (KIND_VM). */
export const P_VM = 4;
/** 1 when the port takes GSO super-packets and partial checksums. */
export const P_OFFLOAD = 5;

export const KIND_NONE = 0;
export const KIND_VM = 1;
export const KIND_UPLINK = 2;
/** Where the metadata service is: reached by local VMs, and reaching nothing else. */
export const KIND_SERVICE = 3;
/** Where a gateway meets the outside: an IPv4 link. */
export const KIND_OUTSIDE = 4;

/**
 * A VM's address. A VM with several has a record for each, one behind the other: IPv4's first. The port refers to the first.
 */
export const VM_WORDS = 17;
/** Tenant and network tags, raw. */
export const V_TAGS = 0;
/** IPv4 address, raw; 0 in the record of an IPv6 address. */
export const V_IPV4 = 1;
/** Address in the fabric, 4 raw words: an IPv4 address's network address, or the IPv6 address itself. */
export const V_ADDRESS = 2;
export const V_PORT = 6;
/** Adjacency with the VM's MAC (unresolved until it is known). */
export const V_ADJACENCY = 7;
/** Index in the network table. */
export const V_NETWORK = 8;
/** Largest IP packet the VM takes, octets. */
export const V_MTU = 9;
/** 1 when the VM's MAC address is configured, 0 when it is learnt. */
export const V_MAC_FIXED = 10;
/** 1 when this router is the VM's DHCP server. */
export const V_DHCP = 11;
/** Index of the record of the VM's first IPv6 address, and how many there are: 0 … 16. */
export const V_IPV6 = 12;
export const V_IPV6_COUNT = 13;
/** What a VM is while it moves: one of the VM_ values, the same in all its records. */
export const V_STATE = 14;

/** Where the address's home is: 0 here, 1 elsewhere; AWAY_TENANTS: nowhere in the address, as a tenant brought it. */
export const V_AWAY = 15;
export const AWAY_TENANTS = 2;

/** 1 when the record's IPv4 address is a public one. */
export const V_PUBLIC_4 = 16;

/** It is here. */
export const VM_ACTIVE = 0;
/** It is expected: nothing is delivered to it, and what it sends tells that it has arrived. */
export const VM_PREPARED = 1;
/** It is about to leave: what is to be delivered to it is kept by the control thread. */
export const VM_HELD = 2;

/** A tenant network's record. */
export const NETWORK_WORDS = 10;
export const N_TAGS = 0;
/** The gateway address its VMs see, raw. */
export const N_GATEWAY = 1;
/** First row and number of rows in `networkRoutes`; at least one. */
export const N_ROUTES = 2;
export const N_ROUTE_COUNT = 3;
/** First word in `networkPeers`, number of words for networks that it has routes to, and of those behind them (N_PUBLIC_COUNT). */
export const N_PEERS = 4;
export const N_PEER_COUNT = 5;
/** First row and number of rows in `networkTenants`. */
export const N_TENANTS = 6;
export const N_TENANT_COUNT = 7;
/** Networks whose IPv6 hosts are reached because their addresses are public: how many words, behind the peers'. */
export const N_PUBLIC_COUNT = 8;
/** 1 when the fabric's IPv6 addresses of its hosts are public. */
export const N_IS_PUBLIC_6 = 9;

/**
 * A row of `networkTenants`: IPv6 addresses that are not the fabric's, and whose they are: a network's, whose tenant brought
 * them, or outside hosts'. Of the rows of one network the first that covers an address counts: they are sorted so.
 */
export const TENANT_WORDS = 11;
/** Raw tags; 0: the network has no way there. */
export const TE_TAGS = 0;
/** Four raw words each. */
export const TE_PREFIX = 1;
export const TE_MASK = 5;
/** Raw host number that rules know the addresses by (policy/address-classes.ts). */
export const TE_HOST = 9;
/** TE_ bits. */
export const TE_FLAGS = 10;
/** Public: nobody else has them, and the outside may reach them. */
export const TE_PUBLIC = 1;
/** Reached for being public alone: their network knows nothing of this one's private addresses. */
export const TE_STRANGER = 2;

/**
 * A row of a network's route table: what is true of all addresses from NR_FIRST up to the next row's. A table begins at
 * address 0 and ascends, so that the longest prefix is found by bisection.
 */
export const NETWORK_ROUTE_WORDS = 3;
/** First address of the range, in host order. */
export const NR_FIRST = 0;
export const NR_ACTION = 1;
/** Tags of the destinations, raw. */
export const NR_TAGS = 2;
/** No destinations. */
export const NR_NOWHERE = 0;
/** Destinations whose tags are in NR_TAGS. */
export const NR_TAGGED = 1;
/** The metadata service. */
export const NR_SERVICE = 2;
/** As NR_TAGGED, from public addresses: those of others are private, and go as to an outside host, by a gateway. */
export const NR_BY_GATEWAY = 3;

/** Raw tags of IPv4 hosts outside the data centre (policy/homes.ts). */
export const OUTSIDE_TAGS = 0x0100_0000;

/** 169.254.169.254, raw. The service's network address is this with tags 0, behind the router's own home prefix. */
export const SERVICE_IPV4 = 0xfea9_fea9 | 0;

export interface Snapshot {
  /** PORT_WORDS each, indexed by port. */
  readonly ports: Int32Array;
  readonly vms: Int32Array;
  /** Open-addressed hash over the last 64 bits of V_ADDRESS: record's index + 1, 0 when free; its size is a power of two. */
  readonly vmIndex: Int32Array;
  readonly networks: Int32Array;
  readonly networkRoutes: Int32Array;
  /** Tags, raw, of other networks whose IPv6 hosts a network's own reach: by a route to their name, or because they are public. */
  readonly networkPeers: Int32Array;
  readonly networkTenants: Int32Array;
  /** Two raw words (the upper 64 bits) for each home hypervisor prefix, in order. */
  readonly homes: Int32Array;
  /** The deployment's 128-bit key, four raw words. */
  readonly key: Int32Array;
  /** This router's unicast and multicast addresses, 4 raw words each. */
  readonly own: Int32Array;
  /** The fabric's address ranges: 4 raw words of prefix, 4 of mask each. */
  readonly fabric: Int32Array;
  /** This router's own address, the source of its ICMPv6 errors; 4 raw words. */
  readonly routerAddress: Int32Array;
  /** Group whose only next hop is the metadata service; 0: there is none. */
  readonly serviceGroup: number;
  readonly rules: RuleTables;
  /** Raw upper 64 bits of outside hosts' addresses in the fabric, two words; zeros: there is no outside. */
  readonly outsidePrefix: Int32Array;
  /** IPv6 prefixes of the outside: 4 raw words of prefix, 4 of mask each; none: the fabric has no IPv6 outside. */
  readonly outside6: Int32Array;
  /** A gateway's. */
  readonly gateway: GatewayTables | undefined;
  /** Tags of all the fabric's networks, raw, signed and ascending: what drops are counted by. */
  readonly knownTags: Int32Array;
  /** By network: of flows that are no connections, one in so many is shown to control; 0: none, and connections are not counted for it. */
  readonly flowSamples: Int32Array;
  readonly segments: SegmentTables;
}

/** A row of {@link GatewayTables.publics}: a range of public addresses, in host order, and whose they are. */
export const PUBLIC_WORDS = 3;
export const PB_FIRST = 0;
export const PB_LAST = 1;
/** Raw tags. */
export const PB_TAGS = 2;

/** A row of {@link GatewayTables.floating}, raw: what the outside sees, and the network and address that it stands for. */
export const FLOATING_WORDS = 3;
export const FL_OUTSIDE = 0;
export const FL_TAGS = 1;
export const FL_HOST = 2;

/** What a gateway's translation goes by, beside the NAT's own memory. */
export interface GatewayTables {
  /** The gateway's own address on the outside link, raw. */
  readonly own: number;
  /** Adjacency of the router there. */
  readonly adjacency: number;
  /** Ranges of addresses that no outside host has: first and last, in host order, ascending and disjoint. */
  readonly inside: Int32Array;
  /** Ascending and disjoint. */
  readonly publics: Int32Array;
  readonly floating: Int32Array;
  /** Open-addressed hashes (vmHash): row of `floating` + 1, by (0, outside address) and by (tags, inside address). */
  readonly floatingByOutside: Int32Array;
  readonly floatingByInside: Int32Array;
  /** Networks whose ports are not of the NAT's first share: raw tags, signed and ascending, and number of their share. */
  readonly shares: Int32Array;
  readonly straight: StraightTables;
}

/** What a gateway knows of IPv6, which it translates nothing of. */
export interface StraightTables {
  /** The gateway's own addresses on the outside link, four raw words each: first the global one. None: it speaks no IPv6 there. */
  readonly own: Int32Array;
  /** Adjacency of the IPv6 router there. */
  readonly adjacency: number;
  /** Prefixes that no outside host's address is in, beside the fabric's own: 4 raw words of prefix, 4 of mask each. */
  readonly inside: Int32Array;
  /** Public addresses that tenants brought: rows as of `networkTenants`, disjoint. */
  readonly tenants: Int32Array;
  /** Raw tags of the networks whose fabric addresses are public, signed and ascending. */
  readonly publics: Int32Array;
}

/** The tenants' rules (rule-layout.ts): shared words that are never changed, and counters that every forwarder counts up. */
export interface RuleTables {
  /** Asked of what VMs send. */
  readonly out: Int32Array;
  /** Asked of what is to be delivered to VMs. */
  readonly in: Int32Array;
  /** Decisions by rule number. */
  readonly outHits: Int32Array;
  readonly inHits: Int32Array;
}

/** FIB value of the prefixes this router owns: their packets are for local VMs or for the router itself. */
export const GROUP_LOCAL = 1;
/** FIB value of discard routes. */
export const GROUP_DISCARD = 2;
/** The first value that is an ECMP group's. */
export const GROUP_FIRST = 3;

/** Hash of an address's last 64 bits, tags and host, both raw, for the VM index. */
export function vmHash(tags: number, host: number): number {
  let h = Math.imul(tags ^ 0x5bd1e995, 0x85ebca6b) ^ host;
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}
