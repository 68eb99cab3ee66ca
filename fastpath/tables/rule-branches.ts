/**
 * From rules to a diagram: a rule's condition on protocol and ports, and many prefixes with what each leads to. Under a
 * prefix all that covers it is merged in, so that a lookup never has to turn back.
 */
import { NONE, type RuleDiagram, ruleRef } from "#fastpath/tables/rule-diagram";
import {
  D_DESTINATION,
  D_DESTINATION_PORT,
  D_PROTOCOL,
  D_SOURCE_PORT,
  PORTS_UNKNOWN,
} from "#fastpath/tables/rule-layout";
import { hasPorts, PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** First `length` (0 … 64) bits of an interface identifier; tags and host are unsigned 32 bits. */
export interface RulePrefix {
  readonly tags: number;
  readonly host: number;
  readonly length: number;
}

/** First and last value, both included. */
export interface ValueRange {
  readonly first: number;
  readonly last: number;
}

/** What the compiler needs of a rule; src/policy/rules.ts says what it means. */
export interface CompilableRule {
  readonly name: string;
  readonly source: readonly RulePrefix[];
  readonly destination: readonly RulePrefix[];
  readonly protocol?: number;
  readonly sourcePorts?: readonly ValueRange[];
  readonly destinationPorts?: readonly ValueRange[];
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly action: "allow" | "deny";
  readonly stateful: boolean;
  readonly log: boolean;
}

/** A prefix, the rule it belongs to and what holds beneath. */
export interface Branch extends RulePrefix {
  readonly number: number;
  readonly ref: number;
}

/** Bits beyond the length cleared. Throws RangeError for a length that is none. */
export function branch({ tags, host, length }: RulePrefix, number: number, ref: number): Branch {
  if (!Number.isInteger(length) || length < 0 || length > 64) {
    throw new RangeError(`a prefix of an interface identifier has 0 … 64 bits, not ${length}`);
  }
  return {
    tags: firstBits(tags, Math.min(length, 32)),
    host: firstBits(host, Math.max(length - 32, 0)),
    length,
    number,
    ref,
  };
}

const firstBits = (word: number, bits: number): number => (bits === 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0);

/** Covering prefixes before those that they cover, equal ones by number. */
export const byPrefix = (a: Branch, b: Branch): number =>
  a.tags - b.tags || a.host - b.host || a.length - b.length || a.number - b.number;

/** How many different ones each covers, itself included, of prefixes in the order of {@link byPrefix}. */
export function coveredPrefixes(branches: readonly Branch[]): number[] {
  const covered = new Array<number>(branches.length).fill(0);
  const open: number[] = []; // first index of each prefix that covers the current one
  const firstOf: number[] = [];
  branches.forEach((current, i) => {
    while (open.length > 0 && !covers(branches[open.at(-1)!]!, current)) open.pop();
    const last = open.at(-1);
    if (last === undefined || branches[last]!.length !== current.length) {
      open.push(i);
      for (const cover of open) covered[cover]!++;
    }
    firstOf.push(open.at(-1)!);
  });
  return firstOf.map((first) => covered[first]!);
}

function covers(a: Branch, b: Branch): boolean {
  const cut = branch({ ...b, length: Math.min(a.length, b.length) }, 0, NONE);
  return cut.length === a.length && cut.tags === a.tags && cut.host === a.host;
}

/** All that a rule asks for beyond the source: the destination, protocol and ports. NONE when nothing can match. */
export function destinationOf(diagram: RuleDiagram, rule: CompilableRule, number: number): number {
  const condition = conditionOf(diagram, rule, number);
  if (condition === NONE) return NONE;
  const branches = rule.destination.map((prefix) => branch(prefix, number, condition));
  return new Branching(diagram, branches.sort(byPrefix), D_DESTINATION).whole();
}

/** The diagram over the eight octets from dimension `first` of branches in the order of {@link byPrefix}. */
export class Branching {
  readonly #diagram: RuleDiagram;
  readonly #branches: readonly Branch[];
  readonly #first: number;

  constructor(diagram: RuleDiagram, branches: readonly Branch[], first: number) {
    this.#diagram = diagram;
    this.#branches = branches;
    this.#first = first;
  }

  whole(): number {
    return this.#octet(0, this.#branches.length, 0, NONE);
  }

  /** Of branches from … to−1, which agree in their first `bit` bits (whole octets), under what covers them all. */
  #octet(from: number, to: number, bit: number, cover: number): number {
    const inner = this.#ending(from, to, bit);
    const all = this.#mergeEnding(from, inner, cover);
    if (inner === to) return all;
    if (to - inner === 1) return this.#alone(this.#branches[inner]!, bit, all);
    const frame = this.#diagram.open();
    this.#halve(frame, { from: inner, to, bit, slot: 0, cover: all });
    return this.#diagram.close(this.#first + (bit >>> 3), frame);
  }

  /** The same for a single branch, which is what most octets have. */
  #alone(only: Branch, bit: number, cover: number): number {
    if (only.length <= bit) return this.#diagram.merge(cover, only.ref);
    const inner = this.#alone(only, bit + 8, cover);
    const first = ((bit < 32 ? only.tags : only.host) >>> (24 - (bit & 31))) & 255;
    const end = first + (1 << Math.max(0, bit + 8 - only.length));
    const frame = this.#diagram.open();
    this.#diagram.add(frame, 0, cover);
    this.#diagram.add(frame, first, inner);
    if (end < 256) this.#diagram.add(frame, end, cover);
    return this.#diagram.close(this.#first + (bit >>> 3), frame);
  }

  /** Adds the runs of an octet's values from `slot` on; all branches are longer than `bit`. */
  #halve(frame: number, { from, to, bit, slot, cover }: Part): void {
    const middle = this.#firstWithBit(from, to, bit);
    this.#half(frame, { from, to: middle, bit: bit + 1, slot, cover });
    this.#half(frame, { from: middle, to, bit: bit + 1, slot: slot | (0x80 >>> (bit & 7)), cover });
  }

  #half(frame: number, part: Part): void {
    const { from, to, bit, slot, cover } = part;
    const inner = (bit & 7) === 0 ? from : this.#ending(from, to, bit);
    const all = this.#mergeEnding(from, inner, cover);
    if (inner === to) this.#diagram.add(frame, slot, all);
    else if ((bit & 7) === 0) this.#diagram.add(frame, slot, this.#octet(from, to, bit, cover));
    else this.#halve(frame, { ...part, from: inner, cover: all });
  }

  /** Index of the first branch longer than `bit` bits. */
  #ending(from: number, to: number, bit: number): number {
    let i = from;
    while (i < to && this.#branches[i]!.length <= bit) i++;
    return i;
  }

  #firstWithBit(from: number, to: number, bit: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { tags, host } = this.#branches[middle]!;
      if (((bit < 32 ? tags : host) >>> (31 - (bit & 31))) & 1) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #mergeEnding(from: number, to: number, cover: number): number {
    return from === to ? cover : this.#diagram.merge(cover, this.#mergeSpan(from, to, 0, 0x4000_0000));
  }

  /**
   * Merges branches of one prefix in pairs of halves of the numbers, not of the list: one rule more or less then changes
   * only a few of the merges, and all others are found in the diagram's memory.
   */
  #mergeSpan(from: number, to: number, low: number, span: number): number {
    if (from === to) return NONE;
    if (to - from === 1) return this.#branches[from]!.ref;
    if (span === 1) return this.#mergeOne(from, to);
    const half = span >>> 1;
    let middle = from;
    while (middle < to && this.#branches[middle]!.number < low + half) middle++;
    return this.#diagram.merge(this.#mergeSpan(from, middle, low, half), this.#mergeSpan(middle, to, low + half, half));
  }

  /** Branches of one rule. */
  #mergeOne(from: number, to: number): number {
    let ref = NONE;
    for (let i = from; i < to; i++) ref = this.#diagram.merge(ref, this.#branches[i]!.ref);
    return ref;
  }
}

interface Part {
  readonly from: number;
  readonly to: number;
  /** Bits in which the branches agree. */
  readonly bit: number;
  /** First value of the octet that begins with those of its bits. */
  readonly slot: number;
  readonly cover: number;
}

/** Protocol and ports of a rule. */
function conditionOf(diagram: RuleDiagram, rule: CompilableRule, number: number): number {
  const whole = ruleRef(number);
  const { protocol, icmp } = rule;
  const ports = (rule.sourcePorts?.length ?? 0) > 0 || (rule.destinationPorts?.length ?? 0) > 0;
  if (icmp !== undefined && (ports || (protocol !== PROTOCOL_ICMP4 && protocol !== PROTOCOL_ICMP6))) return NONE;
  if (ports && protocol !== undefined && !hasPorts(protocol)) return NONE;
  if (!ports && protocol === undefined) return whole;
  const shown = icmp !== undefined ? icmpRange(diagram, icmp, whole) : portRanges(diagram, rule, whole);
  // Of a later fragment only an allow that may be meant counts (src/policy/rules.ts).
  const hidden = (ports || icmp !== undefined) && rule.action === "deny" ? NONE : whole;
  const protocols = protocol !== undefined ? [protocol] : PORT_PROTOCOLS;
  const frame = diagram.open();
  diagram.add(frame, 0, NONE);
  for (const [offset, ref] of [[0, shown] as const, [PORTS_UNKNOWN, hidden] as const]) {
    for (const value of protocols) {
      diagram.add(frame, offset + value, ref);
      if (offset + value < 511) diagram.add(frame, offset + value + 1, NONE);
    }
  }
  return diagram.close(D_PROTOCOL, frame);
}

const PORT_PROTOCOLS: readonly number[] = Array.from({ length: 256 }, (_, protocol) => protocol).filter(hasPorts);

function portRanges(diagram: RuleDiagram, rule: CompilableRule, inside: number): number {
  const source = rangesNode(diagram, D_SOURCE_PORT, rule.sourcePorts, inside);
  return rangesNode(diagram, D_DESTINATION_PORT, rule.destinationPorts, source);
}

function icmpRange(diagram: RuleDiagram, { type, code }: { type: number; code?: number }, inside: number): number {
  const first = (type << 8) | (code ?? 0);
  return rangesNode(diagram, D_SOURCE_PORT, [{ first, last: code === undefined ? first | 255 : first }], inside);
}

/** `inside` in any of the ranges, NONE elsewhere. */
function rangesNode(
  diagram: RuleDiagram,
  dimension: number,
  ranges: readonly ValueRange[] | undefined,
  inside: number,
): number {
  if (ranges === undefined || ranges.length === 0) return inside;
  const frame = diagram.open();
  diagram.add(frame, 0, NONE);
  let end = 0; // all below it is settled
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    if (last < Math.max(first, end)) continue;
    diagram.add(frame, Math.max(first, end), inside);
    end = last + 1;
    if (end > 0xffff) break;
    diagram.add(frame, end, NONE);
  }
  return diagram.close(dimension, frame);
}
