/** What the control thread and the BFD thread say to each other. Descriptors are the control thread's to close. */
import type { BfdCounters, BfdEvent, BfdSessionView, SessionKey, StateChange } from "#bfd/events";
import type { Scheduling } from "#sys/scheduling";

type Of<T extends BfdEvent["type"]> = Extract<BfdEvent, { type: T }>;

/** For the thread's start. */
export interface BfdStart {
  /** Readable when commands wait. */
  readonly wakeFd: number;
  readonly seed: number;
  readonly scheduling: Scheduling;
}

/** An uplink's own socket (src/sys/frame-socket.ts) and the MAC address frames on it are sent from. */
export interface BfdSocket {
  readonly fd: number;
  readonly localMac: Uint8Array;
}

export type BfdCommand =
  /** `socket`: in place of the port's former one, if it had any. */
  | {
      readonly kind: "add";
      readonly event: Of<"addSession">;
      readonly remoteMac: Uint8Array;
      readonly socket?: BfdSocket;
    }
  | { readonly kind: "tell"; readonly event: Of<"removeSession" | "changeSession" | "linkDown"> }
  /** The neighbor has another MAC address. */
  | ({ readonly kind: "moved"; readonly remoteMac: Uint8Array } & SessionKey)
  | { readonly kind: "status" }
  /** Tells the neighbors AdminDown, once, and ends the thread. */
  | { readonly kind: "stop" };

export type BfdReport =
  | { readonly kind: "started"; readonly scheduling: Scheduling }
  | { readonly kind: "state"; readonly change: StateChange }
  /** Nobody reads or writes it any more. */
  | { readonly kind: "released"; readonly fd: number }
  /** One answer for each "status", in their order. */
  | { readonly kind: "status"; readonly status: BfdThreadStatus }
  /** A defect of ours: text for the log. */
  | { readonly kind: "defect"; readonly message: string };

export interface BfdThreadStatus {
  readonly scheduling: Scheduling;
  /** How late the thread ever was for one of its own deadlines, milliseconds. */
  readonly longestDelay: number;
  readonly counters: BfdCounters;
  /** Datagrams that were none by their IPv6 or UDP header, by reason. */
  readonly malformed: Record<string, number>;
  /** Packets the kernel did not take, and those it could not keep for us. */
  readonly transmitErrors: number;
  readonly receiveDrops: number;
  readonly sessions: readonly (BfdSessionView & { readonly upFor: number | null })[];
}
