/** What `show segments` answers, as JSON. Addresses are text. */
import type { PeerView } from "#router/mobility/views";

/** An Ethernet segment with VMs here, or one that this router is a rendezvous of. */
export interface SegmentView {
  /** `blue/prod`; null: none of the fabric's networks. */
  readonly network: string | null;
  readonly prefix: string;
  /** Null: no VM of it is here. */
  readonly here: SegmentHereView | null;
  /** Hypervisors as this router, a rendezvous of the segment, knows them; null: it is none. */
  readonly registered: readonly RegisteredMemberView[] | null;
}

export interface SegmentHereView {
  readonly vms: readonly {
    readonly vm: string;
    readonly address: string;
    /** "active", "prepared" or "held". */
    readonly state: string;
    readonly groups: GroupsText;
  }[];
  /** Other hypervisors with VMs on the segment. */
  readonly members: readonly SegmentMemberView[];
  /** Where this router is registered as one. */
  readonly rendezvous: readonly RendezvousView[];
  readonly replication: {
    /** What is done with a frame for all just now. */
    readonly now: "unicast" | "multicast";
    /** As configured: "unicast", "multicast" or "auto". */
    readonly configured: string;
    /** The segment's group in the fabric, and whether this router listens to it. */
    readonly group: string;
    readonly listens: boolean;
  };
}

export interface SegmentMemberView extends PeerView {
  readonly groups: GroupsText;
}

export interface RegisteredMemberView extends SegmentMemberView {
  /** Other members that it has not acknowledged to know of yet. */
  readonly untold: number;
}

/** Addresses, or "all". */
export type GroupsText = readonly string[] | "all";

export interface RendezvousView extends PeerView {
  /** "here": it is this router; else "registering", "registered", "refreshing", "refused". */
  readonly state: string;
  /** Seconds since it has known this router without a gap; null: it does not. */
  readonly since: number | null;
  /** Of the last refusal; null: none. */
  readonly status: number | null;
}

export interface SegmentsView {
  readonly segments: readonly SegmentView[];
  /** Multicast on the fabric's links: by uplink, whether a multicast router is there, and how many channels are asked for there. */
  readonly uplinks: readonly { readonly uplink: string; readonly isRouted: boolean; readonly asked: number }[];
  /** Of a switch: packets of so many sources to groups it passes on. */
  readonly routes: readonly {
    readonly source: string;
    readonly group: string;
    readonly from: string;
    readonly to: readonly string[];
  }[];
  /** Copies of frames to many that were sent, and what was heard and said of groups: by VMs (IGMP, MLD), on the fabric's links (MLD). */
  readonly counters: readonly { readonly name: string; readonly count: number }[];
}
