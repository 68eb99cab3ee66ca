/**
 * How frames for several hypervisors get there: a copy for each, or one packet to a group of the fabric that it multiplies.
 * The group is source-specific (RFC 4607), for a member knows who sends: every other one; so the fabric needs no rendezvous
 * point of its own, and joins go the way to the sender.
 */
import type { Millis } from "#base/time";
import type { Segment } from "#router/config/model";

/**
 * The segment's group in the fabric: ff38::/96, source-specific of organisation-local scope (RFC 4607 §1, RFC 4291 §2.7), and
 * a group identifier for dynamic use (RFC 3307 §4.3) of the tags' last 31 bits. Should two networks share one, hypervisors
 * hear what is not for them, and drop it by the key of the tunnel.
 */
export function segmentGroup(tags: number): Uint8Array {
  const group = new Uint8Array(16);
  group.set([0xff, 0x38]);
  new DataView(group.buffer).setUint32(12, (tags | 0x8000_0000) >>> 0);
  return group;
}

/** How long members have to join before they are sent to by the group. */
export const SETTLING: Millis = 3000;

/** What is done about one segment. */
export interface Chosen {
  /** We listen to the group. */
  readonly listens: boolean;
  /** Copies from which on the group is sent to in their place; undefined: never. */
  readonly multicastFrom: number | undefined;
}

/** What it is chosen by. */
export interface Circumstances {
  readonly segment: Segment;
  /** Hypervisors with VMs on the segment, this one among them. */
  readonly members: number;
  /** A multicast router is heard at every uplink. */
  readonly isRouted: boolean;
}

const UNICAST: Chosen = { listens: false, multicastFrom: undefined };

export class Replication {
  /** By tags: since when there are members enough to send to the group. */
  readonly #since = new Map<number, Millis>();

  /**
   * `auto` listens from half the members on that make it send, so that whoever sends first is heard; and needs multicast
   * routers, which `multicast` takes for granted.
   */
  choose(tags: number, { segment, members, isRouted }: Circumstances, now: Millis): Chosen {
    const { replicate, multicastFrom } = segment;
    const isPossible = replicate === "multicast" || (replicate === "auto" && isRouted);
    const enough = replicate === "multicast" ? 2 : multicastFrom;
    if (!isPossible || members < enough) this.#since.delete(tags);
    else if (!this.#since.has(tags)) this.#since.set(tags, now);
    if (!isPossible || members < 2) return UNICAST;
    const isSettled = now - (this.#since.get(tags) ?? now) >= SETTLING;
    const copies = replicate === "multicast" ? 1 : multicastFrom - 1;
    return { listens: members >= Math.ceil(enough / 2), multicastFrom: isSettled ? copies : undefined };
  }

  /** Those segments alone are remembered. */
  keep(tags: ReadonlySet<number>): void {
    for (const known of this.#since.keys()) if (!tags.has(known)) this.#since.delete(known);
  }

  /** When the next choice may be another. */
  nextChange(now: Millis): Millis | undefined {
    const left = [...this.#since.values()].map((since) => since + SETTLING).filter((at) => at > now);
    return left.length === 0 ? undefined : Math.min(...left);
  }
}
