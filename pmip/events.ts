/** What goes into and comes out of the mobility core. Plain data: a line of a recording can hold it. */
import type { Millis } from "#base/time";
import type { HexPrefix, MobilityConfig } from "#pmip/config";

/**
 * What is here or there: an address of a VM, in its network. `tags`: unsigned 32 bits. `address`: 128 bits as 32 lower-case
 * hexadecimal digits, an IPv4 address as ::ffff:a.b.c.d; an IPv6 one as it is, the data centre's or the tenant's.
 */
export interface Subject {
  readonly tags: number;
  readonly address: string;
}

/** 16 octets as 32 lower-case hexadecimal digits. */
export type AddressHex = string;

/** An Ethernet segment: of that network's VMs those with an IPv4 address in `prefix`, which is ::ffff:a.b.c.d/96+n, n 8 … 30. */
export interface Segment {
  /** Unsigned 32 bits. */
  readonly tags: number;
  readonly prefix: HexPrefix;
}

/** Multicast groups that somebody listens to, sorted, IPv4 ones as ::ffff:a.b.c.d; "all": whatever is sent. */
export type GroupSet = readonly AddressHex[] | "all";

/** Another hypervisor with VMs on a segment. */
export interface SegmentMember {
  /** Its own address. */
  readonly mag: AddressHex;
  readonly groups: GroupSet;
}

export type MobilityEvent =
  /** The operator's new wishes. What did not change keeps its bindings. */
  | { readonly type: "configure"; readonly config: MobilityConfig }
  /**
   * The VM became active here, or resumed after it was held, or the router started with it. Replaces what was known of a
   * VM of that name.
   */
  | {
      readonly type: "attached";
      readonly vm: string;
      readonly subjects: readonly Subject[];
      /** It came from another hypervisor. */
      readonly handoff: boolean;
      /**
       * The claim it was attached with before (`claimed`), when this is no new attachment: it was held and resumes, or the
       * router was restarted. So a router that slept through the VM's departure does not call it back.
       */
      readonly claim?: Millis;
      /**
       * The claim of the hypervisor it comes from, if whoever moves it knows that: ours will be later even if our clock is
       * behind.
       */
      readonly after?: Millis;
      /** MAC address: 12 hexadecimal digits. */
      readonly linkLayer?: string;
    }
  /** The VM is gone for good, from here and from everywhere. */
  | { readonly type: "detached"; readonly vm: string }
  /** An IPv6 packet's payload of protocol 135 for an address of ours, extension headers seen to. */
  | {
      readonly type: "received";
      readonly source: AddressHex;
      readonly destination: AddressHex;
      readonly octets: Uint8Array;
    }
  /** A forwarder's first packet to a subject that is not here and of which it knows nothing. */
  | { readonly type: "wanted"; readonly subject: Subject }
  /** Entries of the binding table that carried packets since the last such event: about once a second. */
  | { readonly type: "used"; readonly subjects: readonly Subject[] }
  /** VMs on the segment are here, or expected, and listen to these groups together; undefined: none is any more. */
  | { readonly type: "segment"; readonly segment: Segment; readonly groups: GroupSet | undefined }
  /** The deadline has come. */
  | { readonly type: "time" };

/** "native": towards the home, untunnelled; "unknown": no entry, or one that knows nothing. */
export type Place = "unknown" | "native" | { readonly mag: AddressHex };

/** Why we know: it is at home here, VMs here talk to it, it was here until lately. */
export type PlaceRole = "home" | "correspondent" | "former";

export type MobilityEffect =
  /** IPv6, protocol 135. `source` is an address of ours, checksum and authentication are done for it. */
  | {
      readonly type: "send";
      readonly source: AddressHex;
      readonly destination: AddressHex;
      readonly octets: Uint8Array;
    }
  /** What the binding table shall say from now on. Only told when it changes; nothing about what is attached here. */
  | { readonly type: "whereabouts"; readonly subject: Subject; readonly place: Place; readonly role: PlaceRole }
  /** The VM was attached with this claim: to be kept with it and given back after a restart (`attached`). */
  | { readonly type: "claimed"; readonly vm: string; readonly claim: Millis }
  /**
   * A VM that was attached here is hosted elsewhere now; for each of its subjects, as the homes get to know. `mag`: where,
   * if that was told. The core has forgotten that it was attached; `whereabouts` came before, if packets can be sent on.
   */
  | {
      readonly type: "released";
      readonly vm: string;
      readonly subject: Subject;
      readonly mag?: AddressHex;
    }
  /** All other hypervisors with VMs on a segment that has members here: sorted, told when it changes; at first there are none. */
  | { readonly type: "segment"; readonly segment: Segment; readonly members: readonly SegmentMember[] }
  /** For the flight recorder. */
  | MobilityNote
  /** Something was refused, or went another way than it should. */
  | { readonly type: "count"; readonly name: string };

export interface MobilityNote {
  readonly type: "note";
  readonly what: NoteKind;
  readonly subject: Subject;
  /** The VM, if it is attached here or was so until now. */
  readonly vm?: string;
  /** With whom. */
  readonly peer: AddressHex;
  /** Of an acknowledgement, as its RFC numbers them. */
  readonly status?: number;
  /** Of whom the message tells: the new mobile access gateway, the correspondent. */
  readonly about?: AddressHex;
}

/** Message and direction; an acknowledgement's bare name is one received. */
export type NoteKind =
  | "pbu-sent"
  | "pba"
  | "pbu-received"
  | "pba-sent"
  | "bri-sent"
  | "bra"
  | "bri-received"
  | "bra-sent"
  | "lri-sent"
  | "lra"
  | "lri-received"
  | "lra-sent";
