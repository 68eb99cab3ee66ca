/**
 * A registration of a mobile access gateway at one anchor, as a table: RFC 5213 §6.9.1, retransmission by RFC 6275 §11.8.
 * The anchor is the subject's home, or a correspondent that serves as a further anchor.
 */

/** idle: there is none any more. */
export type RegistrationState = "idle" | "registering" | "registered" | "refreshing" | "refused" | "deregistering";

export type RegistrationEvent =
  /** The VM was attached, or the home named a correspondent. */
  | "attach"
  /** The VM is gone for good. */
  | "detach"
  /** Accepted, for a lifetime above 0. */
  | "accepted"
  /** Accepted, for no lifetime: the correspondent has no use for it; or a deregistration is done. */
  | "ended"
  /** Refused by a status that says nothing else. */
  | "refused"
  /** The anchor knows of a later attachment elsewhere. */
  | "superseded"
  /** Refused for its stamp alone, and there is a better one. */
  | "restamped"
  /** No answer in time; or the time for the next attempt. */
  | "timeout"
  /** No answer to the last attempt. */
  | "exhausted"
  /** Time to refresh. */
  | "refreshDue"
  /** The granted lifetime is over. */
  | "expired"
  /** The anchor was restarted, or answers again: what it knew may be lost. */
  | "anchorRestarted";

export type RegistrationAction =
  /** An update with the lifetime that we want. */
  | "send"
  /** An update with lifetime 0. */
  | "sendEnd"
  /** Begin counting attempts anew. */
  | "restart"
  /** Take over what the acknowledgement grants. */
  | "adopt"
  /** Put off the next attempt as far as retransmission ever does. */
  | "putOff"
  /** The VM is hosted elsewhere. */
  | "release"
  | "forget";

export interface RegistrationTransition {
  readonly to: RegistrationState;
  readonly actions: readonly RegistrationAction[];
}

const to = (state: RegistrationState, ...actions: RegistrationAction[]): RegistrationTransition => ({
  to: state,
  actions,
});

/** A missing cell is an event that means nothing in that state. */
export const REGISTRATION: Record<RegistrationState, Partial<Record<RegistrationEvent, RegistrationTransition>>> = {
  idle: {
    attach: to("registering", "restart", "send"),
  },
  registering: {
    detach: to("deregistering", "restart", "sendEnd"),
    accepted: to("registered", "adopt"),
    ended: to("idle", "forget"),
    refused: to("refused", "putOff"),
    superseded: to("idle", "release"),
    restamped: to("registering", "send"),
    timeout: to("registering", "send"),
    exhausted: to("idle", "forget"),
    anchorRestarted: to("registering", "restart", "send"),
  },
  registered: {
    detach: to("deregistering", "restart", "sendEnd"),
    refreshDue: to("refreshing", "restart", "send"),
    anchorRestarted: to("registering", "restart", "send"),
  },
  refreshing: {
    detach: to("deregistering", "restart", "sendEnd"),
    accepted: to("registered", "adopt"),
    ended: to("idle", "forget"),
    refused: to("refused", "putOff"),
    superseded: to("idle", "release"),
    restamped: to("refreshing", "send"),
    timeout: to("refreshing", "send"),
    exhausted: to("idle", "forget"),
    expired: to("registering"),
    anchorRestarted: to("registering", "restart", "send"),
  },
  refused: {
    detach: to("idle", "forget"),
    timeout: to("registering", "restart", "send"),
    anchorRestarted: to("registering", "restart", "send"),
  },
  deregistering: {
    ended: to("idle", "forget"),
    refused: to("idle", "forget"),
    superseded: to("idle", "forget"),
    restamped: to("deregistering", "sendEnd"),
    timeout: to("deregistering", "sendEnd"),
    exhausted: to("idle", "forget"),
  },
};
