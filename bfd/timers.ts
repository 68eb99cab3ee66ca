/** A session's timers: negotiation (RFC 5880 §6.8.2, §6.8.3), Detection Time (§6.8.4), transmission (§6.8.7). */
import { nextFraction, type Random } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { SessionTimers } from "#bfd/events";
import { isPolling, POLL, type PollEvent } from "#bfd/poll";
import type { Session } from "#bfd/session";

/** Least DesiredMinTxInterval while not Up (§6.8.3). */
export const SLOW: Millis = 1000;
/** Initial bfd.RemoteMinRxInterval: one microsecond (§6.8.1). */
export const INITIAL_REMOTE_MIN_RX: Millis = 0.001;

const LONGEST_INTERVAL: Millis = 0xffff_ffff / 1000;

/** Throws RangeError for what no packet can carry. */
export function checkTimers({ desiredMinTx = 1, requiredMinRx = 1, detectMult = 1 }: Partial<SessionTimers>): void {
  for (const interval of [desiredMinTx, requiredMinRx])
    if (!(interval >= 1 && interval <= LONGEST_INTERVAL)) throw new RangeError(`a BFD interval of ${interval} ms`);
  if (!(Number.isInteger(detectMult) && detectMult >= 1 && detectMult <= 255))
    throw new RangeError(`a BFD multiplier of ${detectMult}`);
}

/** The next packet will tell something new. §6.6: with Demand mode, it is also polled for. */
export function noteNews(s: Session): void {
  s.hasNews = true;
  if (s.remoteDemandMode) postPoll(s, "changed");
}

/** Carries out one cell of the Poll Sequence's table; at its end what was advertised comes into force. */
export function postPoll(s: Session, event: PollEvent): void {
  const before = s.poll;
  s.poll = POLL[before][event] ?? before;
  if (s.poll !== "idle" || before === "idle") return;
  s.desiredMinTxInForce = s.desiredMinTxInterval;
  s.requiredMinRxInForce = s.requiredMinRxInterval;
}

/** §6.8.10 … §6.8.12. */
export function changeTimers(s: Session, timers: Partial<SessionTimers>): void {
  const { desiredMinTx, requiredMinRx, detectMult = s.detectMult } = timers;
  if (detectMult !== s.detectMult) {
    s.detectMult = detectMult;
    noteNews(s);
  }
  s.wantedMinTxInterval = desiredMinTx ?? s.wantedMinTxInterval;
  setDesiredMinTx(s);
  setRequiredMinRx(s, requiredMinRx ?? s.requiredMinRxInterval);
}

/** To be called whenever bfd.SessionState changed: it bounds what is advertised, and what waits for an answer. */
export function stateChanged(s: Session): void {
  setDesiredMinTx(s);
  setRequiredMinRx(s, s.requiredMinRxInterval);
}

/** §6.8.3: not below a second unless Up; an increase while Up waits for the Poll Sequence to end. */
function setDesiredMinTx(s: Session): void {
  const isUp = s.sessionState === "Up";
  const value = isUp ? s.wantedMinTxInterval : Math.max(SLOW, s.wantedMinTxInterval);
  if (value !== s.desiredMinTxInterval) {
    s.desiredMinTxInterval = value;
    s.hasNews = true;
    postPoll(s, "changed");
  }
  s.desiredMinTxInForce = isUp ? Math.min(s.desiredMinTxInForce, value) : value;
}

/** §6.8.3: a reduction while Up waits for the Poll Sequence to end. */
function setRequiredMinRx(s: Session, value: Millis): void {
  if (value !== s.requiredMinRxInterval) {
    s.requiredMinRxInterval = value;
    s.hasNews = true;
    postPoll(s, "changed");
  }
  s.requiredMinRxInForce = s.sessionState === "Up" ? Math.max(s.requiredMinRxInForce, value) : value;
}

/** The negotiated interval of our packets, before jitter (§6.8.7). */
export const transmitInterval = (s: Session): Millis => Math.max(s.desiredMinTxInForce, s.remoteMinRxInterval);

/** Silence after which the neighbor is lost (§6.8.4). */
export const detectionTime = (s: Session): Millis =>
  s.remoteDetectMult * Math.max(s.requiredMinRxInForce, s.remoteDesiredMinTxInterval);

export const detectionDeadline = (s: Session): Millis =>
  s.receivedAt === undefined ? NEVER : s.receivedAt + detectionTime(s);

/** When the next periodic packet is due. An interval that changes counts from the last packet on, at once (§6.8.3). */
export const transmitDeadline = (s: Session): Millis =>
  isPeriodic(s) ? s.sentAt + transmitInterval(s) * s.jitter : NEVER;

/** §6.8.7: not if the neighbor wants none, not in Demand mode unless there is something to ask. */
function isPeriodic(s: Session): boolean {
  if (s.remoteMinRxInterval === 0) return false;
  const demanded = s.remoteDemandMode && s.sessionState === "Up" && s.remoteSessionState === "Up";
  return !demanded || isPolling(s.poll);
}

export const sessionDeadline = (s: Session): Millis => Math.min(transmitDeadline(s), detectionDeadline(s), s.forgetAt);

/** 75 … 100 % of the interval; with a Detect Mult of 1, at most 90 % (§6.8.7). */
export const drawJitter = (detectMult: number, random: Random): number =>
  0.75 + nextFraction(random) * (detectMult === 1 ? 0.15 : 0.25);

/** How many packets may go out of turn at once, and how long each is remembered, unless we advertise an interval below. */
const HURRIED_BURST = 10;
const HURRIED_SPACING: Millis = 10;

/** May a packet go out of turn now? A neighbor that polls without end must not keep us busy (§6.8.7). */
export function mayHurry(s: Session, now: Millis): boolean {
  const spacing = Math.min(HURRIED_SPACING, s.desiredMinTxInterval);
  const from = Math.max(s.hurriedUntil, now);
  if (from - now > (HURRIED_BURST - 1) * spacing) return false;
  s.hurriedUntil = from + spacing;
  return true;
}
