/** What goes into and comes out of the OSPF core. Plain data: a line of a recording can hold it. */
import type { Millis } from "#base/time";
import type { OspfConfig } from "#ospf/config";
import type { OspfRoute } from "#ospf/routes/model";

/** `interface`: the configured name of an uplink. Addresses are 16 octets. */
export type OspfEvent =
  /** The link can carry packets, or what it is changed. `interfaceId`: 1 … 2^32 − 1, unique in this router, stable over restarts. */
  | {
      readonly type: "interfaceUp";
      readonly interface: string;
      readonly interfaceId: number;
      readonly linkLocal: Uint8Array;
      /** Octets of the largest IPv6 packet. */
      readonly mtu: number;
    }
  | { readonly type: "interfaceDown"; readonly interface: string }
  /** An IPv6 packet's payload of protocol 89, hop limit and extension headers seen to. */
  | {
      readonly type: "packet";
      readonly interface: string;
      readonly source: Uint8Array;
      readonly destination: Uint8Array;
      readonly octets: Uint8Array;
    }
  /** BFD lost a neighbor, or has it (again). */
  | { readonly type: "bfd"; readonly interface: string; readonly address: Uint8Array; readonly up: boolean }
  /** The operator's new wishes. What did not change keeps its adjacencies. */
  | { readonly type: "configure"; readonly config: OspfConfig }
  /** A planned restart: Grace-LSAs go out, and nothing is taken back when this core ends (RFC 3623 §2.1). */
  | { readonly type: "prepareRestart" }
  /** The end: our LSAs are flushed. The host stops the core when `drained` comes or after its patience. */
  | { readonly type: "shutdown" }
  /** `offset` milliseconds more than a core's `now` is the Unix time: for the life of keys. Told at the start and when it changes. */
  | { readonly type: "clock"; readonly offset: number }
  | { readonly type: "timer" };

export type OspfEffect =
  /** IPv6, hop limit 1, protocol 89. `source` is the interface's link-local address. */
  | {
      readonly type: "send";
      readonly interface: string;
      readonly source: Uint8Array;
      readonly destination: Uint8Array;
      readonly octets: Uint8Array;
    }
  /** The routing table changed: these are new or different; `removed`: prefix texts. */
  | { readonly type: "routes"; readonly changed: readonly OspfRoute[]; readonly removed: readonly OspfRoute[] }
  /** Watch this neighbor, or no longer. */
  | { readonly type: "bfd"; readonly interface: string; readonly address: Uint8Array; readonly wanted: boolean }
  /** A neighbor restarts gracefully and is helped, or is so no longer (RFC 3623 §3). */
  | { readonly type: "help"; readonly interface: string; readonly address: Uint8Array; readonly helping: boolean }
  /** For the log of the operator. */
  | { readonly type: "notice"; readonly level: "info" | "warn"; readonly text: string }
  /** All LSAs that were to be flushed are acknowledged, or all Grace-LSAs. */
  | { readonly type: "drained" };

export type SendEffect = Extract<OspfEffect, { type: "send" }>;

/** What one call of handle() knows and gathers. */
export interface Turn {
  readonly now: Millis;
  effects: OspfEffect[];
  /** Sends while the core goes on with its work. It must not call the core. */
  readonly sendNow?: ((effect: SendEffect) => void) | undefined;
}
