/** One session: its variables (RFC 5880 §6.8.1) and the state machine as a table (§6.2, §6.8.4, §6.8.6, §6.8.16). */
import { type Millis, NEVER } from "#base/time";
import type { BfdSessionView, SessionKey, SessionTimers } from "#bfd/events";
import {
  ADMINISTRATIVELY_DOWN,
  DETECTION_TIME_EXPIRED,
  NEIGHBOR_SIGNALED_DOWN,
  NO_DIAGNOSTIC,
  PATH_DOWN,
  type State,
} from "#bfd/packet";
import { isPolling, type PollState } from "#bfd/poll";
import { detectionTime, INITIAL_REMOTE_MIN_RX, noteNews, SLOW, stateChanged, transmitInterval } from "#bfd/timers";

export type SessionEvent =
  | "receivedAdminDown"
  | "receivedDown"
  | "receivedInit"
  | "receivedUp"
  | "detectionTimeExpired"
  | "pathDown"
  | "disable"
  | "enable";

export interface Transition {
  readonly to: State;
  /** New bfd.LocalDiag; absent: it stays. */
  readonly diagnostic?: number;
}

const to = (state: State, diagnostic?: number): Transition =>
  diagnostic === undefined ? { to: state } : { to: state, diagnostic };

/**
 * A missing cell is an event that changes nothing. AdminDown receives none: §6.8.6 discards the packet.
 *
 * The RFC never says when LocalDiag returns to zero; here it does on the way to Up, which has no reason that a neighbor
 * would ask for. Until then it says why the session failed.
 */
export const TRANSITIONS: Record<State, Partial<Record<SessionEvent, Transition>>> = {
  AdminDown: {
    enable: to("Down"),
  },
  Down: {
    receivedDown: to("Init"),
    receivedInit: to("Up", NO_DIAGNOSTIC),
    disable: to("AdminDown", ADMINISTRATIVELY_DOWN),
  },
  Init: {
    receivedAdminDown: to("Down", NEIGHBOR_SIGNALED_DOWN),
    receivedInit: to("Up", NO_DIAGNOSTIC),
    receivedUp: to("Up", NO_DIAGNOSTIC),
    detectionTimeExpired: to("Down", DETECTION_TIME_EXPIRED),
    pathDown: to("Down", PATH_DOWN),
    disable: to("AdminDown", ADMINISTRATIVELY_DOWN),
  },
  Up: {
    receivedAdminDown: to("Down", NEIGHBOR_SIGNALED_DOWN),
    receivedDown: to("Down", NEIGHBOR_SIGNALED_DOWN),
    detectionTimeExpired: to("Down", DETECTION_TIME_EXPIRED),
    pathDown: to("Down", PATH_DOWN),
    disable: to("AdminDown", ADMINISTRATIVELY_DOWN),
  },
};

export const RECEIVED: Record<State, SessionEvent> = {
  AdminDown: "receivedAdminDown",
  Down: "receivedDown",
  Init: "receivedInit",
  Up: "receivedUp",
};

/** The bfd.… variables by their names in §6.8.1, times in milliseconds, and what belongs to them. */
export interface Session extends SessionKey {
  readonly localAddress: Uint8Array;
  readonly sourcePort: number;
  readonly localDiscr: number;
  sessionState: State;
  remoteSessionState: State;
  remoteDiscr: number;
  localDiag: number;
  remoteDiag: number;
  /** As advertised. */
  desiredMinTxInterval: Millis;
  requiredMinRxInterval: Millis;
  /** As counted with, until the neighbor has acknowledged what is advertised (§6.8.3). */
  desiredMinTxInForce: Millis;
  requiredMinRxInForce: Millis;
  /** What DesiredMinTxInterval is while Up. */
  wantedMinTxInterval: Millis;
  detectMult: number;
  remoteMinRxInterval: Millis;
  remoteDesiredMinTxInterval: Millis;
  /** 0: nothing was received yet. */
  remoteDetectMult: number;
  remoteDemandMode: boolean;
  poll: PollState;
  /** The last periodic packet, and the part of the interval that the next one waits (§6.8.7). */
  sentAt: Millis;
  jitter: number;
  /** The next packet differs from the last, Poll and Final aside. */
  hasNews: boolean;
  /** The last packet that was not discarded; undefined: a Detection Time has passed since. */
  receivedAt: Millis | undefined;
  /** Packets out of turn are paid for up to this time. */
  hurriedUntil: Millis;
  /** It is being taken down, and forgotten then. */
  forgetAt: Millis;
  upSince: Millis | undefined;
  flaps: number;
  packetsSent: number;
  packetsReceived: number;
  longestSilence: Millis;
}

export type Identity = SessionKey & Pick<Session, "localAddress" | "sourcePort" | "localDiscr">;

/** A session in its initial state: the first packet is due at once. */
export function newSession(identity: Identity, timers: SessionTimers): Session {
  const slow = Math.max(SLOW, timers.desiredMinTx);
  return {
    ...identity,
    sessionState: "Down",
    remoteSessionState: "Down",
    remoteDiscr: 0,
    localDiag: NO_DIAGNOSTIC,
    remoteDiag: NO_DIAGNOSTIC,
    desiredMinTxInterval: slow,
    requiredMinRxInterval: timers.requiredMinRx,
    desiredMinTxInForce: slow,
    requiredMinRxInForce: timers.requiredMinRx,
    wantedMinTxInterval: timers.desiredMinTx,
    detectMult: timers.detectMult,
    remoteMinRxInterval: INITIAL_REMOTE_MIN_RX,
    remoteDesiredMinTxInterval: 0,
    remoteDetectMult: 0,
    remoteDemandMode: false,
    poll: "idle",
    sentAt: -NEVER,
    jitter: 1,
    hasNews: true,
    receivedAt: undefined,
    hurriedUntil: -NEVER,
    forgetAt: NEVER,
    upSince: undefined,
    flaps: 0,
    packetsSent: 0,
    packetsReceived: 0,
    longestSilence: 0,
  };
}

/** Carries out one cell of the table. True: the session came Up, or is Up no longer. */
export function step(s: Session, event: SessionEvent, now: Millis): boolean {
  const transition = TRANSITIONS[s.sessionState][event];
  if (transition === undefined) return false;
  const wasUp = s.sessionState === "Up";
  s.sessionState = transition.to;
  s.localDiag = transition.diagnostic ?? s.localDiag;
  noteNews(s);
  stateChanged(s);
  const isUp = s.sessionState === "Up";
  if (isUp) Object.assign(s, { upSince: now, longestSilence: 0 });
  else s.upSince = undefined;
  if (wasUp && !isUp) s.flaps++;
  return wasUp !== isUp;
}

/** A Detection Time has passed in silence (§6.8.1, §6.8.4, §6.8.18). True as for {@link step}. */
export function expireDetection(s: Session, now: Millis): boolean {
  s.receivedAt = undefined;
  s.remoteDiscr = 0;
  s.remoteMinRxInterval = INITIAL_REMOTE_MIN_RX;
  s.remoteDemandMode = false;
  s.remoteSessionState = "Down";
  return step(s, "detectionTimeExpired", now);
}

export function viewOf(s: Session): BfdSessionView {
  return {
    port: s.port,
    localAddress: s.localAddress,
    remoteAddress: s.remoteAddress,
    localDiscriminator: s.localDiscr,
    remoteDiscriminator: s.remoteDiscr,
    state: s.sessionState,
    remoteState: s.remoteSessionState,
    diagnostic: s.localDiag,
    remoteDiagnostic: s.remoteDiag,
    transmitInterval: s.remoteMinRxInterval === 0 ? null : transmitInterval(s),
    detectionTime: s.remoteDetectMult === 0 ? null : detectionTime(s),
    detectMult: s.detectMult,
    remoteDetectMult: s.remoteDetectMult,
    polling: isPolling(s.poll),
    upSince: s.upSince ?? null,
    flaps: s.flaps,
    packetsSent: s.packetsSent,
    packetsReceived: s.packetsReceived,
    longestSilence: s.longestSilence,
  };
}
