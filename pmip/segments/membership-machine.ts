/** A hypervisor's membership of a segment at one rendezvous, as a table. RFC 5213 §6.9.1, RFC 6275 §11.8. */

export type MembershipState = "idle" | "registering" | "registered" | "refreshing" | "refused" | "leaving";

export type MembershipEvent =
  /** The first VM of the segment is here. */
  | "join"
  /** The last one is gone. */
  | "leave"
  /** Its VMs listen to other groups. */
  | "changed"
  | "accepted"
  /** An acknowledgement of lifetime 0. */
  | "ended"
  | "refused"
  /** Our stamp is not the latest: it is now. */
  | "restamped"
  | "timeout"
  /** No answer to the last attempt. */
  | "exhausted"
  | "refreshDue"
  /** The granted lifetime is over. */
  | "expired"
  /** The rendezvous was restarted. */
  | "restarted"
  /** It answers again. */
  | "returned";

export type MembershipAction =
  | "send"
  /** With lifetime 0. */
  | "sendEnd"
  /** Begin counting attempts anew. */
  | "restart"
  /** What it said is not kept up to date any more: all of it has to be told again. */
  | "lapse"
  | "adopt"
  /** Put off the next attempt as far as retransmission ever does. */
  | "putOff"
  | "forget";

export interface MembershipTransition {
  readonly to: MembershipState;
  readonly actions: readonly MembershipAction[];
}

const to = (state: MembershipState, ...actions: MembershipAction[]): MembershipTransition => ({ to: state, actions });

/** A missing cell is an event that means nothing in that state. */
export const MEMBERSHIP: Record<MembershipState, Partial<Record<MembershipEvent, MembershipTransition>>> = {
  idle: {
    join: to("registering", "restart", "send"),
  },
  registering: {
    leave: to("leaving", "restart", "sendEnd"),
    changed: to("registering", "restart", "send"),
    accepted: to("registered", "adopt"),
    refused: to("refused", "putOff"),
    restamped: to("registering", "send"),
    timeout: to("registering", "send"),
    restarted: to("registering", "restart", "send"),
    returned: to("registering", "restart", "send"),
  },
  registered: {
    leave: to("leaving", "restart", "sendEnd"),
    changed: to("refreshing", "restart", "send"),
    refreshDue: to("refreshing", "restart", "send"),
    restarted: to("registering", "lapse", "restart", "send"),
  },
  refreshing: {
    leave: to("leaving", "restart", "sendEnd"),
    changed: to("refreshing", "restart", "send"),
    accepted: to("registered", "adopt"),
    refused: to("refused", "lapse", "putOff"),
    restamped: to("refreshing", "send"),
    timeout: to("refreshing", "send"),
    expired: to("registering", "lapse"),
    restarted: to("registering", "lapse", "restart", "send"),
    returned: to("refreshing", "restart", "send"),
  },
  refused: {
    leave: to("idle", "forget"),
    changed: to("registering", "restart", "send"),
    timeout: to("registering", "restart", "send"),
    restarted: to("registering", "restart", "send"),
  },
  leaving: {
    join: to("registering", "restart", "send"),
    ended: to("idle", "forget"),
    refused: to("idle", "forget"),
    restamped: to("leaving", "sendEnd"),
    timeout: to("leaving", "sendEnd"),
    exhausted: to("idle", "forget"),
  },
};
