/**
 * Bidirectional Forwarding Detection over single hops, asynchronous mode (RFC 5880, RFC 5881): is the neighbor there, and
 * does it hear us? Sans-IO: events in, effects out, the time is an argument. Many sessions, one for each neighbor.
 *
 * Only "timer" lets time pass: a host that was held up hands in the packets that waited for it first, and no session is
 * lost for a delay of our own.
 */
import { formatIpv6, sameAddress } from "#base/address";
import { toHex } from "#base/bytes";
import { nextBetween, nextU32, type Random, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import { type Millis, NEVER } from "#base/time";
import { HIGHEST_SOURCE_PORT, HOP_LIMIT, LOWEST_SOURCE_PORT, writeDatagram } from "#bfd/datagram";
import type { BfdCounters, BfdEffect, BfdEvent, BfdSessionView, SessionKey } from "#bfd/events";
import { type ControlPacket, readControl, writeControl } from "#bfd/packet";
import { isPolling } from "#bfd/poll";
import { expireDetection, newSession, RECEIVED, type Session, type SessionEvent, step, viewOf } from "#bfd/session";
import {
  changeTimers,
  checkTimers,
  detectionDeadline,
  drawJitter,
  mayHurry,
  postPoll,
  SLOW,
  sessionDeadline,
  transmitDeadline,
} from "#bfd/timers";

type Of<T extends BfdEvent["type"]> = Extract<BfdEvent, { type: T }>;

/** What one call of handle() knows and gathers. */
interface Turn {
  readonly now: Millis;
  readonly effects: BfdEffect[];
}

export class Bfd {
  readonly counters: BfdCounters = { refused: {}, pollsUnanswered: 0, ignored: 0 };
  readonly #random: Random;
  readonly #sessions = new Map<string, Session>();
  readonly #byDiscriminator = new Map<number, Session>();

  /** `seed`: 32 bits that nobody can guess, for jitter, discriminators and source ports. */
  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** Throws RangeError for timers out of range and for sessions that are not there, or there already: our own faults. */
  handle(event: BfdEvent, now: Millis): BfdEffect[] {
    const turn: Turn = { now, effects: [] };
    switch (event.type) {
      case "addSession":
        this.#add(turn, event);
        break;
      case "removeSession":
        this.#remove(turn, this.#require(event));
        break;
      case "changeSession":
        this.#change(turn, event);
        break;
      case "linkDown":
        for (const s of this.#sessions.values()) if (s.port === event.port) this.#step(turn, s, "pathDown");
        break;
      case "packet":
        this.#packet(turn, event);
        break;
      case "timer":
        for (const s of this.#sessions.values()) this.#expire(turn, s);
    }
    return turn.effects;
  }

  /** When handle() wants a "timer" next, at the latest; NEVER without anything to wait for. */
  deadline(): Millis {
    let first = NEVER;
    for (const s of this.#sessions.values()) first = Math.min(first, sessionDeadline(s));
    return first;
  }

  /** For `ain show bfd`, without those that are being taken down. */
  sessions(): BfdSessionView[] {
    return [...this.#sessions.values()].filter((s) => s.forgetAt === NEVER).map(viewOf);
  }

  /** True while a session on the port has something to send, one that is being taken down included. */
  uses(port: number): boolean {
    return this.#sessions.values().some((s) => s.port === port);
  }

  #add(turn: Turn, event: Of<"addSession">): void {
    checkTimers(event);
    const { port, localAddress, remoteAddress, desiredMinTx, requiredMinRx, detectMult } = event;
    const before = this.#sessions.get(keyOf(event));
    if (before?.forgetAt === NEVER) throw new RangeError(`session ${describeKey(event)} is there already`);
    if (before !== undefined) this.#forget(before);
    const s = newSession(
      { port, localAddress, remoteAddress, sourcePort: this.#freePort(), localDiscr: this.#freeDiscriminator() },
      { desiredMinTx, requiredMinRx, detectMult },
    );
    this.#sessions.set(keyOf(s), s);
    this.#byDiscriminator.set(s.localDiscr, s);
    this.#send(turn, s, false);
  }

  /** §6.8.16: AdminDown is sent for a Detection Time, as the neighbor reckons it, if the neighbor knows us at all. */
  #remove(turn: Turn, s: Session): void {
    step(s, "disable", turn.now);
    if (s.remoteDiscr === 0) {
      this.#forget(s);
      return;
    }
    s.forgetAt = turn.now + s.detectMult * Math.max(SLOW, s.desiredMinTxInterval, s.remoteMinRxInterval);
    this.#send(turn, s, false);
  }

  #change(turn: Turn, event: Of<"changeSession">): void {
    checkTimers(event);
    const s = this.#require(event);
    changeTimers(s, event);
    if (event.adminDown !== undefined) this.#step(turn, s, event.adminDown ? "disable" : "enable");
    this.#tellNews(turn, s);
  }

  /** §6.8.6: in the order of that section, the hop limit (RFC 5881 §5) before. */
  #packet(turn: Turn, event: Of<"packet">): void {
    const accepted = this.#accept(event);
    if (typeof accepted === "string") {
      const { refused } = this.counters;
      refused[accepted] = (refused[accepted] ?? 0) + 1;
      return;
    }
    const { s, p } = accepted;
    take(s, p);
    if (s.sessionState === "AdminDown") {
      this.counters.ignored++;
      return;
    }
    noteReceipt(s, turn.now);
    this.#step(turn, s, RECEIVED[p.state], p.poll);
    if (!p.poll) return;
    if (mayHurry(s, turn.now)) this.#send(turn, s, true);
    else this.counters.pollsUnanswered++;
  }

  /** A packet and its session, or why it is discarded. */
  #accept(event: Of<"packet">): { readonly s: Session; readonly p: ControlPacket } | string {
    if (event.hopLimit !== HOP_LIMIT) return "hop limit";
    const p = readControl(event.octets);
    if (p instanceof Malformed) return p.error;
    const s = this.#demultiplex(event, p);
    if (typeof s === "string") return s;
    return p.authentication === null ? { s, p } : "authentication";
  }

  /**
   * The packet's session, or why there is none. With Your Discriminator by that alone, but the packet must prove its
   * session's own link: RFC 5881 §3 binds it to the interface. Else by port and both addresses.
   */
  #demultiplex(event: Of<"packet">, { yourDiscriminator, state }: ControlPacket): Session | string {
    if (yourDiscriminator !== 0) {
      const s = this.#byDiscriminator.get(yourDiscriminator);
      if (s === undefined) return "unknown discriminator";
      return s.port === event.port ? s : "another interface";
    }
    if (state !== "Down" && state !== "AdminDown") return "your discriminator zero";
    const s = this.#sessions.get(keyOf({ port: event.port, remoteAddress: event.source }));
    return s !== undefined && sameAddress(s.localAddress, event.destination) ? s : "unknown neighbor";
  }

  #expire(turn: Turn, s: Session): void {
    const { now } = turn;
    if (s.forgetAt <= now) {
      this.#forget(s);
      return;
    }
    if (detectionDeadline(s) <= now) {
      const changed = expireDetection(s, now);
      if (changed) this.#report(turn, s);
    }
    const due = transmitDeadline(s);
    if (due <= now) {
      this.#send(turn, s, false);
    } else this.#tellNews(turn, s);
  }

  /** `answered`: a Final follows, which tells all news. */
  #step(turn: Turn, s: Session, event: SessionEvent, answered = false): void {
    if (step(s, event, turn.now)) this.#report(turn, s);
    if (!answered) this.#tellNews(turn, s);
  }

  /** A change is told at once, between periodic packets (§6.8.7). */
  #tellNews(turn: Turn, s: Session): void {
    if (s.hasNews && mayHurry(s, turn.now)) this.#send(turn, s, false);
  }

  /** A Final is no periodic packet: it neither asks nor moves the next one. */
  #send(turn: Turn, s: Session, final: boolean): void {
    const poll = !final && isPolling(s.poll);
    const payload = writeControl(contents(s, poll, final));
    const addressing = { source: s.localAddress, destination: s.remoteAddress, sourcePort: s.sourcePort };
    const { source, destination } = addressing;
    turn.effects.push({ type: "send", port: s.port, source, destination, octets: writeDatagram(addressing, payload) });
    s.packetsSent++;
    s.hasNews = false;
    if (final) return;
    s.sentAt = turn.now;
    s.jitter = drawJitter(s.detectMult, this.#random);
    if (poll) postPoll(s, "asked");
  }

  #report(turn: Turn, s: Session): void {
    turn.effects.push({
      type: "state",
      port: s.port,
      remoteAddress: s.remoteAddress,
      up: s.sessionState === "Up",
      state: s.sessionState,
      diagnostic: s.localDiag,
      remoteState: s.remoteSessionState,
    });
  }

  #require(key: SessionKey): Session {
    const s = this.#sessions.get(keyOf(key));
    if (s === undefined || s.forgetAt !== NEVER) throw new RangeError(`there is no session ${describeKey(key)}`);
    return s;
  }

  #forget(s: Session): void {
    this.#sessions.delete(keyOf(s));
    this.#byDiscriminator.delete(s.localDiscr);
  }

  /** Random, unique, not zero (§6.8.1). */
  #freeDiscriminator(): number {
    for (;;) {
      const discriminator = nextU32(this.#random);
      if (discriminator !== 0 && !this.#byDiscriminator.has(discriminator)) return discriminator;
    }
  }

  /** Random, and unique while there are enough (RFC 5881 §4). */
  #freePort(): number {
    const taken = new Set(this.#sessions.values().map((s) => s.sourcePort));
    const all = HIGHEST_SOURCE_PORT - LOWEST_SOURCE_PORT + 1;
    for (;;) {
      const port = nextBetween(this.#random, LOWEST_SOURCE_PORT, HIGHEST_SOURCE_PORT);
      if (!taken.has(port) || taken.size >= all / 2) return port;
    }
  }
}

/** Takes over what a valid packet says of its sender (§6.8.6, from "Set bfd.RemoteDiscr" on). */
function take(s: Session, p: ControlPacket): void {
  s.remoteDiscr = p.myDiscriminator;
  s.remoteSessionState = p.state;
  s.remoteDiag = p.diagnostic;
  s.remoteDemandMode = p.demand;
  s.remoteMinRxInterval = p.requiredMinRx / 1000;
  s.remoteDesiredMinTxInterval = p.desiredMinTx / 1000;
  s.remoteDetectMult = p.detectMult;
  postPoll(s, p.final ? "final" : "other");
}

function noteReceipt(s: Session, now: Millis): void {
  if (s.sessionState === "Up" && s.receivedAt !== undefined)
    s.longestSilence = Math.max(s.longestSilence, now - s.receivedAt);
  s.receivedAt = now;
  s.packetsReceived++;
}

/**
 * §6.8.7. Control Plane Independent: the host runs this core apart from the routing protocols, and where it dies the
 * forwarding dies with it.
 */
function contents(s: Session, poll: boolean, final: boolean): ControlPacket {
  return {
    diagnostic: s.localDiag,
    state: s.sessionState,
    poll,
    final,
    controlPlaneIndependent: true,
    demand: false,
    detectMult: s.detectMult,
    myDiscriminator: s.localDiscr,
    yourDiscriminator: s.remoteDiscr,
    desiredMinTx: Math.round(s.desiredMinTxInterval * 1000),
    requiredMinRx: Math.round(s.requiredMinRxInterval * 1000),
    requiredMinEchoRx: 0,
    authentication: null,
  };
}

const keyOf = ({ port, remoteAddress }: SessionKey): string => `${port} ${toHex(remoteAddress)}`;
const describeKey = ({ port, remoteAddress }: SessionKey): string => `${formatIpv6(remoteAddress)} on port #${port}`;
