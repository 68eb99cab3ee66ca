/** What the core of multicast snooping (services/snooping.ts) is told, what it wants done, and what it remembers. */
import type { Random } from "#base/random";
import type { Millis } from "#base/time";

/** Where a VM's port is, and who asks it. */
export interface SnoopingSettings {
  /** Tags of its network, unsigned. */
  readonly network: number;
  /** Sources of queries: four octets, and a link-local address of 16. */
  readonly gateway: Uint8Array;
  readonly gateway6: Uint8Array;
  /** Six octets. */
  readonly gatewayMac: Uint8Array;
  /** Default true. False: the VM is still elsewhere. It listens to whatever it listens to there, and cannot be asked. */
  readonly isHere?: boolean;
}

/** `port`: index of a VM's port. Frames are whole Ethernet frames. */
export type SnoopingEvent =
  /** A VM of a segment came to its port, or its settings have changed. */
  | { readonly type: "attach"; readonly port: number; readonly settings: SnoopingSettings }
  | { readonly type: "detach"; readonly port: number }
  /** IGMP or MLD from the VM, whose source and MAC address are known to be its own. */
  | { readonly type: "frame"; readonly port: number; readonly frame: Uint8Array }
  | { readonly type: "timer" };

/** Groups as 32 hexadecimal digits, IPv4 ones as ::ffff:a.b.c.d, in their order; "all": whatever is sent. */
export type GroupSet = readonly string[] | "all";

export type SnoopingEffect =
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  /** What a VM listens to beside what everybody hears. A port that is detached listens to nothing. */
  | { readonly type: "listening"; readonly port: number; readonly groups: GroupSet }
  /** What a network's VMs here listen to together; nothing when the last one is gone. */
  | { readonly type: "wanted"; readonly network: number; readonly groups: GroupSet }
  /** IGMP of a kind not known, for everybody on the segment (RFC 4541 §2.1.1). */
  | { readonly type: "flood"; readonly port: number; readonly frame: Uint8Array }
  /** It has changed nothing. */
  | { readonly type: "refused"; readonly port: number; readonly reason: "malformed" };

export interface SnoopingCounters {
  /** Frames that are neither IGMP nor MLD, or not valid. */
  malformed: number;
  /** IGMP of an unknown type. */
  unknown: number;
  /** Queries of VMs'. */
  queries: number;
  /** What VMs said of one group each. */
  reports: number;
  /** Of groups that are never snooped, or none. */
  needless: number;
  /** Reports of an older version's host, or that contradict one (RFC 3376 §7.3.2). */
  outdated: number;
  /** Leaves of groups that the VM did not listen to (RFC 2236 §3). */
  strayLeaves: number;
  /** Groups refused because the VM has as many as it may. */
  overflows: number;
  joined: number;
  left: number;
  /** General ones, of either protocol; and of one group. */
  sentQueries: number;
  sentGroupQueries: number;
}

/** A group that a VM listens to. */
export interface Membership {
  readonly group: string;
  /** "checking": somebody there has left it, and it is asked whether anybody else has not. */
  state: "member" | "checking";
  /** It ends then. */
  until: Millis;
  /** Of the next query about it; NEVER: there is none. */
  queryAt: Millis;
  queriesLeft: number;
  /** Hosts that speak IGMPv1, and IGMPv2 or MLDv1, are there until then. */
  version1Until: Millis;
  version2Until: Millis;
}

export interface MemberPort {
  readonly port: number;
  settings: SnoopingSettings;
  readonly memberships: Map<string, Membership>;
  /** Of the next general query. */
  nextQuery: Millis;
  startupQueriesLeft: number;
  /** Until then it may listen to groups that are not known yet. */
  learningUntil: Millis;
  /** Until then a multicast router is there, which wants everything (RFC 4541 §2.1.2). */
  routerUntil: Millis;
  /** As told: it gets everything. */
  hearsAll: boolean;
  /** When something of it is due. */
  deadline: Millis;
}

/** What one call of handle() knows and gathers. */
export interface Turn {
  readonly now: Millis;
  readonly effects: SnoopingEffect[];
  readonly counters: SnoopingCounters;
  readonly random: Random;
  /** What listening has changed for a port. */
  readonly changed: Set<MemberPort>;
}
