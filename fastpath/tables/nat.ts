/**
 * Address and port translation as a gateway's forwarders use it. As in RFC 6146 §3.1 there are two tables: *bindings*
 * (nat-bindings.ts) say which outside port stands for an inside end, whomever it talks to; *sessions* say whom it talks to.
 * Sessions are a connection table of the NAT's own (connections.ts): both ends as the inside sees them, TCP's states,
 * timeouts, and a binding as owner of each. So an established flow is looked after by its session alone, as any tracked
 * flow is, and a session found is the proof that the other end was talked to (filtering).
 *
 * For a packet: describe it in {@link Nat.packet} with the ends that the inside sees, and ask. The result is a binding, or
 * one of the REFUSED_. Whoever remembers a decision remembers `session` and `version` with it, if there is one.
 *
 * ICMP queries: the identifier stands for the port of the inside end, the other end's port is 0.
 */
import { FLAG_ACK, FLAG_SYN } from "#fastpath/tables/connection-tcp";
import {
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SOURCE,
  type Connections,
  NONE,
  REFUSED_QUOTA as TOO_MANY,
} from "#fastpath/tables/connections";
import { NatBindings, REFUSED_BUSY } from "#fastpath/tables/nat-bindings";
import { PROTOCOL_TCP } from "#wire/protocol";

export {
  REFUSED_BLOCKS,
  REFUSED_BUSY,
  REFUSED_FULL,
  REFUSED_PROTOCOL,
  REFUSED_QUOTA,
} from "#fastpath/tables/nat-bindings";

/** No room for a session. */
export const REFUSED_SESSIONS: number = -6;
/** The binding has as many sessions as it may, and none within reach that may give way. */
export const REFUSED_SESSION_QUOTA: number = -7;
/** Nothing inside has the outside port. */
export const REFUSED_UNBOUND: number = -8;
/** The outside end was not talked to. */
export const REFUSED_FILTERED: number = -9;
/** TCP without a binding that is no SYN (RFC 6146 §3.5.2.2). */
export const REFUSED_NO_SYN: number = -10;

/** Whom outside a binding lets in: anybody (RFC 4787 §5), or the ends that were talked to, port and all. */
export type Filtering = "endpoint-independent" | "address-and-port-dependent";

export interface NatOptions {
  readonly filtering: Filtering;
  /** 32 secret random bits, different in each thread. */
  readonly seed: number;
}

const TRIES = 4;

export class Nat {
  readonly bindings: NatBindings;
  readonly sessions: Connections;
  /** The packet that all is about, words C_ of the connection table. */
  readonly packet: Int32Array;
  /** Session of the packet, its version, and the direction in it; 0: none. */
  session = 0;
  version = 0;
  direction = 0;
  readonly #isOpen: boolean;

  /** `buffer`: of createNatTable. `sessions`: of a table whose owners are the bindings: `sessionOwners` of them. */
  constructor(buffer: SharedArrayBuffer, sessions: Connections, { filtering, seed }: NatOptions) {
    this.sessions = sessions;
    this.bindings = new NatBindings(buffer, sessions.entries, seed);
    this.packet = sessions.packet;
    this.#isOpen = filtering === "endpoint-independent";
  }

  /** A packet from an inside end (its source). The binding that gives it its outside source, or a REFUSED_. */
  outbound(share: number, now: number): number {
    const known = this.#known(C_SOURCE, now);
    if (known !== 0) return known;
    for (let i = 0; i < TRIES; i++) {
      this.#describe(C_SOURCE);
      const found = this.bindings.find();
      if (found === 0 && this.#isTcpWithoutSyn()) return REFUSED_NO_SYN;
      const binding = found !== 0 ? found : this.bindings.bind(share, now);
      const result = binding < 0 ? binding : this.#begin(binding, now);
      if (result !== 0) return result;
    }
    return REFUSED_BUSY;
  }

  /**
   * A packet from outside to a pool address and port, raw; ICMP's identifier. Writes the inside end into `packet` as its
   * destination. Returns the binding or a REFUSED_.
   */
  inbound(rawAddress: number, rawPort: number, now: number): number {
    this.session = 0;
    const { bindings, packet } = this;
    for (let i = 0; i < TRIES; i++) {
      const binding = bindings.findOutside(rawAddress, rawPort, packet[C_PROTOCOL]!);
      if (binding === 0) return REFUSED_UNBOUND;
      const { version } = bindings;
      this.#writeInside(C_DESTINATION);
      const known = this.#known(C_DESTINATION, now);
      if (known !== 0) return known;
      if (!this.#isOpen) return REFUSED_FILTERED;
      if (this.#isTcpWithoutSyn()) return binding; // let through, and no reason to keep anything (RFC 6146 §3.5.2.2)
      bindings.version = version;
      const result = this.#begin(binding, now);
      if (result !== 0) return result;
    }
    return REFUSED_BUSY;
  }

  /**
   * An ICMP error from outside: `packet` is the one that it quotes, with the outside end, raw, for a source. Writes the inside
   * end as its source. Returns the binding, whose end the error is for; REFUSED_UNBOUND or REFUSED_FILTERED. Errors
   * change nothing (RFC 5508 §4.3, REQ-6).
   */
  quotedOutbound(rawAddress: number, rawPort: number, now: number): number {
    this.session = 0;
    const binding = this.bindings.findOutside(rawAddress, rawPort, this.packet[C_PROTOCOL]!);
    if (binding === 0) return REFUSED_UNBOUND;
    this.#writeInside(C_SOURCE);
    return this.sessions.findQuoted(now) === 0 ? REFUSED_FILTERED : binding;
  }

  /**
   * An ICMP error from inside: `packet` is the one that it quotes, to an inside end. The binding that it is about, or
   * REFUSED_UNBOUND.
   */
  quotedInbound(now: number): number {
    this.session = 0;
    const session = this.sessions.findQuoted(now);
    if (session === 0) return REFUSED_UNBOUND;
    const binding = this.sessions.entries.owner(session);
    this.#describe(C_DESTINATION);
    return this.bindings.hasKey(binding) ? binding : REFUSED_UNBOUND;
  }

  /** Removes what has expired among the next `budget` sessions, bindings and blocks; any thread may. */
  sweep(now: number, budget: number): void {
    this.sessions.entries.sweep(now, budget);
    this.bindings.sweep(now, budget);
  }

  // ---- within ----

  /** The binding of the packet's session, if it has one and the packet is a part of it; `inside`: which end is. */
  #known(inside: number, now: number): number {
    const { sessions } = this;
    this.session = 0;
    const session = sessions.find(now);
    if (session === 0) return 0;
    const { version, direction } = sessions;
    const binding = sessions.entries.owner(session);
    this.#describe(inside);
    if (!this.bindings.hasKey(binding)) return 0;
    if (sessions.advance(session, version, direction, now) === 0) return 0;
    this.#remember(session, version, direction);
    return binding;
  }

  /** The binding's new session begins with the packet. 0: the binding has gone meanwhile. */
  #begin(binding: number, now: number): number {
    const { bindings, sessions } = this;
    const { version } = bindings;
    const session = sessions.insert(binding, 0, 0, now);
    if (session < 0) {
      if (bindings.age(binding, now) === 0) bindings.removeUnused(binding, version, now); // made for nothing
      return session === TOO_MANY ? REFUSED_SESSION_QUOTA : REFUSED_SESSIONS;
    }
    if (session === NONE) return binding; // a RST: let through
    if (bindings.keep(binding, version)) {
      bindings.markUsed(binding, now);
      this.#remember(session, sessions.version, sessions.direction);
      return binding;
    }
    sessions.entries.remove(session, sessions.version);
    return 0;
  }

  #remember(session: number, version: number, direction: number): void {
    this.session = session;
    this.version = version;
    this.direction = direction;
  }

  /** The end of the packet that is inside, as a key of bindings. */
  #describe(inside: number): void {
    const ports = this.packet[C_PORTS]!;
    this.bindings.describe(this.packet, inside, inside === C_SOURCE ? ports : ports >>> 16, this.packet[C_PROTOCOL]!);
  }

  #writeInside(at: number): void {
    const { key } = this.bindings;
    const p = this.packet;
    for (let k = 0; k < 4; k++) p[at + k] = key[k]!;
    const port = key[4]! & 0xffff;
    p[C_PORTS] = at === C_SOURCE ? (p[C_PORTS]! & ~0xffff) | port : (p[C_PORTS]! & 0xffff) | (port << 16);
  }

  #isTcpWithoutSyn(): boolean {
    return this.packet[C_PROTOCOL] === PROTOCOL_TCP && (this.packet[C_FLAGS]! & (FLAG_SYN | FLAG_ACK)) !== FLAG_SYN;
  }
}

/** Owners that the connection table of a NAT's sessions needs. `bindings`: as in the NAT's plan. */
export { sessionOwners } from "#fastpath/tables/nat-layout";
