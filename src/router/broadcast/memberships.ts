/**
 * Which segments VMs here are on, as the mobility core is to know it, and which other hypervisors it says are on them. A
 * VM that joins and leaves groups without pause makes no more messages than a few a second.
 */
import type { Millis } from "#base/time";
import type { GroupSet, Segment, SegmentMember } from "#pmip/events";
import type { Network, Segment as NetworkSegment } from "#router/config/model";

/** Least time between two things that the core is told of one segment. */
const PAUSE: Millis = 100;
/** After the core was replaced, how long members that it does not know yet are kept: they register with it meanwhile. */
const KEPT: Millis = 15_000;

export interface MembershipsOptions {
  /** Tells the core; `groups` undefined: nobody of the segment is here any more. */
  readonly tell: (segment: Segment, groups: GroupSet | undefined) => void;
  /** The list of a segment has changed. */
  readonly changed: () => void;
}

interface Told {
  readonly segment: Segment;
  groups: GroupSet;
  at: Millis;
}

export class Memberships {
  readonly #options: MembershipsOptions;
  /** By tags, as all of these. */
  readonly #wanted = new Map<number, GroupSet>();
  readonly #told = new Map<number, Told>();
  readonly #members = new Map<number, readonly SegmentMember[]>();
  readonly #kept = new Map<number, readonly SegmentMember[]>();
  #segments: ReadonlyMap<number, NetworkSegment> = new Map();
  #timer: Timer | undefined;
  #keeping: Timer | undefined;
  #isBegun = false;

  constructor(options: MembershipsOptions) {
    this.#options = options;
  }

  /** There is a core to tell. */
  begin(): void {
    this.#isBegun = true;
    this.#reconcile();
  }

  configure(networks: readonly Network[]): void {
    this.#segments = new Map(networks.flatMap(({ tags, segment }) => (segment === undefined ? [] : [[tags, segment]])));
    this.#reconcile();
  }

  /** What the network's VMs here listen to together; undefined: none of the segment is here, or expected. */
  want({ tags }: Pick<Network, "tags">, groups: GroupSet | undefined): void {
    if (groups === undefined) this.#wanted.delete(tags);
    else this.#wanted.set(tags, groups);
    this.#reconcile();
  }

  /** What the core says. A segment that is not this network's any more is none of ours. */
  heard(segment: Segment, members: readonly SegmentMember[]): void {
    const { tags } = segment;
    const told = this.#told.get(tags);
    if (told === undefined || !isSame(told.segment, segment)) return;
    if (members.length > 0) this.#members.set(tags, members);
    else this.#members.delete(tags);
    this.#options.changed();
  }

  /** Another core has taken its place, and has been told what {@link tell} was. */
  coreReplaced(): void {
    for (const [tags, members] of this.#members) this.#kept.set(tags, members);
    this.#members.clear();
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => {
      this.#kept.clear();
      this.#options.changed();
    }, KEPT);
    for (const { segment, groups } of this.#told.values()) this.#options.tell(segment, groups);
  }

  /** Other hypervisors with VMs on the segment of the network with these tags. */
  of(tags: number): readonly SegmentMember[] {
    const known = this.#members.get(tags) ?? [];
    const kept = this.#kept.get(tags);
    if (kept === undefined) return known;
    const names = new Set(known.map(({ mag }) => mag));
    return [...known, ...kept.filter(({ mag }) => !names.has(mag))].sort((a, b) => (a.mag < b.mag ? -1 : 1));
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#keeping);
  }

  /** Has the core know what is so, unless it was told something a moment ago. */
  #reconcile(): void {
    if (!this.#isBegun) return;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const tags of new Set([...this.#wanted.keys(), ...this.#told.keys()])) {
      next = Math.min(next, this.#reconcileOne(tags, now));
    }
    clearTimeout(this.#timer);
    if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#reconcile(), Math.ceil(next - now));
  }

  /** When to come back; Infinity: all is told. */
  #reconcileOne(tags: number, now: Millis): Millis {
    const segment = this.#segments.get(tags);
    const groups = segment && this.#wanted.get(tags);
    const told = this.#told.get(tags);
    const wanted = segment && coreSegment(tags, segment);
    if (told !== undefined && (groups === undefined || !isSame(told.segment, wanted!))) {
      this.#told.delete(tags);
      this.#members.delete(tags);
      this.#kept.delete(tags);
      this.#options.tell(told.segment, undefined);
      this.#options.changed();
    }
    if (groups === undefined || wanted === undefined) return Number.POSITIVE_INFINITY;
    const before = this.#told.get(tags);
    if (before === undefined) this.#told.set(tags, { segment: wanted, groups, at: now });
    else if (wordOf(before.groups) === wordOf(groups)) return Number.POSITIVE_INFINITY;
    else if (now < before.at + PAUSE) return before.at + PAUSE;
    else Object.assign(before, { groups, at: now });
    this.#options.tell(wanted, groups);
    return Number.POSITIVE_INFINITY;
  }
}

const MAPPED = "00000000000000000000ffff";
const MAPPED_LENGTH = 96;

export const coreSegment = (tags: number, { prefix }: Pick<NetworkSegment, "prefix">): Segment => ({
  tags,
  prefix: { address: MAPPED + prefix.address.toHex(), length: MAPPED_LENGTH + prefix.length },
});

const isSame = (a: Segment, b: Segment): boolean =>
  a.prefix.address === b.prefix.address && a.prefix.length === b.prefix.length;

const wordOf = (groups: GroupSet): string => (groups === "all" ? groups : groups.join(" "));
