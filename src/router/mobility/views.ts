/** What `show bindings`, `tunnels`, `mobility` and `flights` answer, as JSON. Addresses are text, times Unix milliseconds. */

/** An address of a VM, as its network has it. */
export interface SubjectView {
  /** `blue/prod`; null: an address of none of the fabric's networks. */
  readonly network: string | null;
  readonly address: string;
}

/** A hypervisor by its address; its name, where the fabric or a configuration tells it. */
export interface PeerView {
  readonly address: string;
  readonly hypervisor: string | null;
}

/**
 * Why this router knows where the VM is: it is the address's `home`; the VM is `attached` here, away from home; a VM here
 * talks to it (`correspondent`); it was here until lately (`former`).
 */
export type BindingRole = "home" | "attached" | "correspondent" | "former";

export interface BindingView extends SubjectView {
  readonly role: BindingRole;
  /** Where packets to it go, or the peer it is registered with when it is attached here; null: towards its home. */
  readonly peer: PeerView | null;
  /** `bound`, `registering`, `deregistering`, `asked`, `at home`, `forwarding` … */
  readonly state: string;
  /** Seconds that it still holds; null: without an end of its own. */
  readonly lifetime: number | null;
  /** Forwarded by this entry; 0 of what is attached here. */
  readonly packets: number;
  readonly octets: number;
  /** Seconds since the last one; null: there was none. */
  readonly idle: number | null;
}

export interface BindingsView {
  /** At most 1000. */
  readonly bindings: readonly BindingView[];
  /** Entries of the binding table in use, and how many there is room for. */
  readonly size: number;
  readonly room: number;
}

export interface TunnelView {
  readonly end: PeerView;
  /** Largest packet on the way there, octets, outer headers included; null: as the uplink has it. */
  readonly mtu: number | null;
  /** Sent into it. */
  readonly packets: number;
  readonly octets: number;
  /** Entries of the binding table that name it. */
  readonly users: number;
  /** ICMPv6 errors about packets sent into it: the way there was too narrow, or ended. */
  readonly tooBig: number;
  readonly unreachable: number;
}

/** How packets to VMs went that are not at their home, or that other routers' VMs sent: this router's part of it. */
export interface SharesView {
  /** Towards the home, untunnelled: what this router's VMs send to VMs elsewhere. */
  readonly native: number;
  /** Straight to the hypervisor that hosts the VM: the same. */
  readonly direct: number;
  /** Passed on by this router, being the VM's home or its last host. */
  readonly relayed: number;
  /** From VM to VM on this router. */
  readonly hairpin: number;
}

export interface TunnelsView {
  readonly tunnels: readonly TunnelView[];
  /** Packets. */
  readonly shares: SharesView;
}

export interface MobilityPeerView extends PeerView {
  /** Bindings held with it, in any role. */
  readonly bindings: number;
  /** Seconds since it was heard; null: never. */
  readonly heard: number | null;
  /** Its restart counter; null: not told yet. */
  readonly restarts: number | null;
  /** True: it answers its heartbeats. */
  readonly answers: boolean;
}

export interface MobilityView {
  /** Where this router's tunnels begin. */
  readonly address: string;
  /** Security parameter index that messages are signed with; null: they are not. */
  readonly sendKey: number | null;
  /** Those that are accepted. */
  readonly keys: readonly number[];
  /** Of this router, as its heartbeats tell it. */
  readonly restarts: number;
  readonly bindings: { readonly [Role in BindingRole]: number };
  readonly peers: readonly MobilityPeerView[];
  /** Messages sent and received, by kind, and what was refused, by reason. */
  readonly counters: readonly MobilityCounterView[];
}

export interface MobilityCounterView {
  readonly name: string;
  readonly count: number;
}

// ---- flights ----

/**
 * Whose report of a move it is: of the hypervisor that the VM left, of the one it came to, or of an address's home that
 * is neither.
 */
export type FlightSide = "source" | "target" | "home";

/** `open`: it goes on. */
export type FlightOutcome = "open" | "done" | "aborted";

export interface FlightEvent {
  /** Unix milliseconds, with fractions. */
  readonly at: number;
  /**
   * `prepared`, `held`, `first-frame`, `activated`, `pbu-sent`, `pba`, `bri-sent`, `bri-received`, `bra`, `whereabouts`,
   * `released`, `resumed`, `first-from-vm`, `last-to-vm` …
   */
  readonly what: string;
  /** The other router, by name if it is known. */
  readonly peer?: string;
  /** An address of the VM, a status, who said it. */
  readonly detail?: string;
}

/** Moments at the VM's port on this router; null: there was none. Exact to a millisecond or two. */
export interface FlightMarks {
  /** The VM's own frames. */
  readonly firstFromVm: number | null;
  readonly lastFromVm: number | null;
  /** What was delivered to it. */
  readonly firstToVm: number | null;
  readonly lastToVm: number | null;
}

export interface FlightPackets {
  /** Kept for the VM while it was held here. */
  readonly held: number;
  /** Of these, sent on or delivered. */
  readonly reinjected: number;
  /** Of these, lost: too many, or nobody came for them. */
  readonly givenUp: number;
  /** Passed on by the former host after the VM was released. */
  readonly stragglers: number;
  /** Frames that ended here for want of the VM, by ending. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** A move as one router saw it. */
export interface FlightReport {
  /** Counted up by the router. */
  readonly id: number;
  readonly vm: string;
  /** The router's name. */
  readonly router: string;
  readonly side: FlightSide;
  readonly outcome: FlightOutcome;
  readonly began: number;
  /** When it was done or aborted; null: not yet. */
  readonly ended: number | null;
  /** In the order of time. */
  readonly events: readonly FlightEvent[];
  readonly marks: FlightMarks;
  readonly packets: FlightPackets;
  /**
   * Milliseconds without the VM as this side saw it. Source: from the last packet to the VM until what was held went on,
   * or it was released; target: from its first frame to the first packet delivered to it. null: not known.
   */
  readonly downtime: number | null;
}

/** One line of `show flights`. */
export interface FlightSummary {
  readonly id: number;
  readonly vm: string;
  readonly side: FlightSide;
  readonly outcome: FlightOutcome;
  readonly began: number;
  /** Milliseconds until it ended; null: not yet. */
  readonly took: number | null;
  readonly downtime: number | null;
  readonly held: number;
  readonly lost: number;
}

export interface FlightsView {
  /** The latest first; at most 100. */
  readonly flights: readonly FlightSummary[];
}

/** Both sides of a move in one: what `ain move` tells. */
export interface MoveReport {
  readonly vm: string;
  readonly source: string;
  readonly target: string;
  readonly outcome: FlightOutcome;
  readonly began: number;
  /** Milliseconds from the first event to the last. */
  readonly took: number;
  readonly timeline: readonly (FlightEvent & { readonly router: string; readonly relative: number })[];
  /** Packets that ended at one of the two for want of the VM; what other routers and links lost is not among them. */
  readonly lost: number;
  /** null: the routers cannot tell; who sends numbered packets can. */
  readonly duplicated: number | null;
  readonly reordered: number | null;
  readonly held: number;
  readonly stragglers: number;
  /** Milliseconds; each null: not known, as of a VM that nobody spoke to. */
  readonly downtime: {
    /** From the last packet delivered to the VM at the source to the first at the target. */
    readonly total: number | null;
    /** Of these, until the VM's first frame at the target: the VM itself stood still. */
    readonly still: number | null;
    /** The rest: it ran, and nothing reached it yet. */
    readonly network: number | null;
  };
  /** Milliseconds that the target's clock is ahead at least, effects having come before causes; its times are put right by them. */
  readonly skew: number;
}

export interface MobilityViews {
  readonly bindings: BindingsView;
  readonly tunnels: TunnelsView;
  readonly mobility: MobilityView;
  readonly flights: FlightsView;
}
