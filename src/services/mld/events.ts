/** What the core of multicast between routers (services/mld.ts) is told, what it wants done, and what it remembers. */
import type { Random } from "#base/random";
import type { Millis } from "#base/time";
import type { MldPacket } from "#wire/mld";

/** Packets of one source to one group (RFC 4607 §1): 32 hexadecimal digits each. */
export interface Channel {
  readonly source: string;
  readonly group: string;
}

export interface MldPort {
  readonly port: number;
  /** Our link-local address there, 16 octets, and our MAC address. */
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** True: we ask who is there what it listens to, and heed what it says. */
  readonly isRouter: boolean;
  /**
   * Groups that we listen to there whatever the source, but for all nodes': told so that switches that snoop (RFC 4541 §3)
   * let them through, link-local ones too (RFC 3810 §6). Default: none.
   */
  readonly groups?: readonly Uint8Array[];
}

export type MldEvent =
  /** Replaces what was known of a port of that number. */
  | ({ readonly type: "up" } & MldPort)
  | { readonly type: "down"; readonly port: number }
  /** What we want to hear by this port from now on, and nothing else. */
  | { readonly type: "want"; readonly port: number; readonly channels: readonly Channel[] }
  | { readonly type: "packet"; readonly port: number; readonly packet: MldPacket }
  | { readonly type: "timer" };

export type MldEffect =
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  /** Somebody listens to other channels than before. */
  | { readonly type: "changed" };

export interface MldCounters {
  queriesSent: number;
  reportsSent: number;
  queries: number;
  reports: number;
  /** Not from a link-local address, or to somebody else than such messages are for (RFC 3810 §5.1.14, §6.2, §7.4). */
  misaddressed: number;
  /** Of older versions, or of groups whatever the source: nothing that source-specific multicast knows (RFC 4604 §2.2). */
  unspecific: number;
  /** Channels that found no room. */
  overflows: number;
}

/** What is known of one port. */
export interface PortState {
  readonly port: MldPort;
  // ---- as a listener ----
  /** True: our groups are to be said at once. */
  isNew: boolean;
  /** Group → sources. */
  readonly wanted: Map<string, Set<string>>;
  /** Channels whose change is said once more, by group. */
  readonly changed: Map<string, Set<string>>;
  repeatAt: Millis;
  /** When a general query is answered. */
  answerAt: Millis;
  /** When all is said again, though nobody asked. */
  refreshAt: Millis;
  /** Until then a multicast router is known to be there. */
  routerUntil: Millis;
  // ---- as a router ----
  /** Group → source → until when it is listened to. */
  readonly heard: Map<string, Map<string, Millis>>;
  /** How many channels these are. */
  channels: number;
  /** When to look whether any of them is over: not later than the first of these times. */
  endAt: Millis;
  /** Until then another router asks; 0: we do. */
  otherUntil: Millis;
  queryAt: Millis;
  startupLeft: number;
}

export interface Turn {
  readonly now: Millis;
  readonly effects: MldEffect[];
  readonly counters: MldCounters;
  readonly random: Random;
  isChanged: boolean;
}
