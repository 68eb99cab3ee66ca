/**
 * What packets too big for their way have taught about tunnels (RFC 8201). Nobody proves that such a message is true, so
 * less than what inner packets of 1280 octets need is not believed, and everything is forgotten after a while.
 */
import { toHex } from "#base/bytes";
import type { Millis } from "#base/time";
import { TUNNEL_HEADERS, type Tunnels } from "#fastpath/tables/tunnels";
import type { TunnelError } from "#router/mobility/tunnel-errors";
import { MINIMUM_MTU } from "#wire/ipv6";

/** RFC 8201 §4: not earlier than five minutes, ten are recommended. */
const AGED: Millis = 600_000;
const LEAST = MINIMUM_MTU + TUNNEL_HEADERS;
/** As tunnels are made: nothing is known. */
const UNKNOWN = 65_535;

export interface TunnelTroubles {
  tooBig: number;
  unreachable: number;
}

export class PathMtus {
  readonly #tunnels: Tunnels;
  /** The way's MTU may have changed: decisions are to be made anew. */
  readonly #changed: () => void;
  /** When it was learnt, by tunnel. */
  readonly #learnt = new Map<number, Millis>();
  /** By the end's address. */
  readonly #troubles = new Map<string, TunnelTroubles>();

  constructor(tunnels: Tunnels, changed: () => void) {
    this.#tunnels = tunnels;
    this.#changed = changed;
  }

  /** False: no tunnel of ours leads there. */
  heard(error: TunnelError, now: Millis): boolean {
    const tunnel = this.#tunnels.find(error.end);
    if (tunnel < 0) return false;
    const troubles = this.#troublesOf(error.end);
    if (error.kind === "unreachable") {
      troubles.unreachable++;
      return true;
    }
    troubles.tooBig++;
    const mtu = Math.max(LEAST, error.mtu);
    if (mtu >= this.#tunnels.mtu(tunnel)) return true;
    this.#tunnels.setMtu(tunnel, mtu);
    this.#learnt.set(tunnel, now);
    this.#changed();
    return true;
  }

  troubles(end: Uint8Array): Readonly<TunnelTroubles> {
    return this.#troubles.get(toHex(end)) ?? { tooBig: 0, unreachable: 0 };
  }

  /** Octets; undefined: nothing is known of the way. */
  mtu(tunnel: number): number | undefined {
    const mtu = this.#tunnels.mtu(tunnel);
    return mtu === UNKNOWN ? undefined : mtu;
  }

  /** Forgets what is old, and tunnels that are no more. Now and then. */
  sweep(now: Millis): void {
    let changed = false;
    for (const [tunnel, at] of this.#learnt) {
      if (now - at < AGED) continue;
      this.#learnt.delete(tunnel);
      this.#tunnels.setMtu(tunnel, UNKNOWN);
      changed = true;
    }
    if (changed) this.#changed();
    if (this.#troubles.size === 0) return;
    const ends = new Set([...this.#tunnels.indexes()].map((tunnel) => toHex(this.#tunnels.address(tunnel))));
    for (const end of this.#troubles.keys()) if (!ends.has(end)) this.#troubles.delete(end);
  }

  #troublesOf(end: Uint8Array): TunnelTroubles {
    const key = toHex(end);
    const troubles = this.#troubles.get(key) ?? { tooBig: 0, unreachable: 0 };
    this.#troubles.set(key, troubles);
    return troubles;
  }
}
