/**
 * Which frames are watched: a condition as data, which control makes of an operator's words (src/router/watch), and the code
 * that asks it of each frame. What only the pipeline finds out is not known before it has run: then the answer is MAYBE.
 */
import type { PacketView } from "#fastpath/watch/packet-view";

export type Side = "source" | "destination" | "either";

/** Numbers are raw where they are compared with octets, as they lie in a packet. */
export type Filter =
  | { readonly op: "all" }
  | { readonly op: "and" | "or"; readonly of: readonly Filter[] }
  | { readonly op: "not"; readonly of: Filter }
  /** An IPv6 prefix: four words and their masks. */
  | {
      readonly op: "prefix6";
      readonly side: Side;
      readonly words: readonly number[];
      readonly masks: readonly number[];
    }
  /** An IPv4 prefix, of an IPv4 packet or inside a network address. */
  | { readonly op: "prefix4"; readonly side: Side; readonly word: number; readonly mask: number }
  /** Networks whose tags are these under a mask. */
  | { readonly op: "tags"; readonly side: Side; readonly word: number; readonly mask: number }
  | { readonly op: "protocol"; readonly number: number }
  /** Of TCP, UDP and others with ports. */
  | { readonly op: "ports"; readonly side: Side; readonly first: number; readonly last: number }
  /** One of KIND_…. */
  | { readonly op: "kind"; readonly kind: number }
  /** In a tunnel. */
  | { readonly op: "tunnelled" }
  /** Came in by one of the ports; a captured frame that is sent: leaves by one. */
  | { readonly op: "on"; readonly ports: readonly number[] }
  | { readonly op: "ending"; readonly verdicts: readonly number[] }
  /** Octets of the frame. */
  | { readonly op: "length"; readonly least: number; readonly most: number }
  /** Four words in a row among the first of the packet. */
  | { readonly op: "nonce"; readonly words: readonly number[] };

export const NO = 0;
export const YES = 1;
/** Not known until the frame has ended. */
export const MAYBE = 2;
export type Answer = typeof NO | typeof YES | typeof MAYBE;

export type Matcher = (view: PacketView) => Answer;

export function compileFilter(filter: Filter): Matcher {
  switch (filter.op) {
    case "all":
      return () => YES;
    case "and":
      return and(filter.of.map(compileFilter));
    case "or":
      return or(filter.of.map(compileFilter));
    case "not":
      return not(compileFilter(filter.of));
    case "prefix6":
      return sided(filter.side, (v, at) => isIn6(v, at, filter.words, filter.masks));
    case "prefix4":
      return sided(filter.side, (v, at) => yes(v.hasIpv4(at) && (v.address(at, 3) & filter.mask) === filter.word));
    case "tags":
      return sided(filter.side, (v, at) => {
        const tags = v.tags(at);
        return tags === undefined ? (v.isDecided ? NO : MAYBE) : yes((tags & filter.mask) === filter.word);
      });
    case "protocol":
      return (v) => yes(v.protocol === filter.number);
    case "ports":
      return sided(filter.side, (v, at) => {
        const port = v.port(at);
        return yes(port >= filter.first && port <= filter.last);
      });
    case "kind":
      return (v) => yes(v.kind === filter.kind);
    case "tunnelled":
      return (v) => yes(v.isTunnelled);
    case "on":
      return on(filter.ports);
    case "ending":
      return (v) => (v.isDecided ? yes(filter.verdicts.includes(v.ending)) : MAYBE);
    case "length":
      return (v) => yes(v.length >= filter.least && v.length <= filter.most);
    case "nonce":
      return (v) => yes(v.contains(filter.words));
  }
}

function on(ports: readonly number[]): Matcher {
  const [only] = ports;
  return ports.length === 1 ? (v) => yes(v.on === only) : (v) => yes(ports.includes(v.on));
}

/** Ends of a packet, as PacketView counts them. */
export const SOURCE = 0;
export const DESTINATION = 1;

const yes = (is: boolean): Answer => (is ? YES : NO);

function sided(side: Side, of: (v: PacketView, end: number) => Answer): Matcher {
  if (side === "source") return (v) => of(v, SOURCE);
  if (side === "destination") return (v) => of(v, DESTINATION);
  return (v) => {
    const source = of(v, SOURCE);
    if (source === YES) return YES;
    const destination = of(v, DESTINATION);
    return destination === NO ? source : destination;
  };
}

function isIn6(v: PacketView, end: number, words: readonly number[], masks: readonly number[]): Answer {
  if (!v.hasIpv6) return NO;
  for (let i = 0; i < 4; i++) if ((v.address(end, i) & masks[i]!) !== words[i]) return NO;
  return YES;
}

// Asked of every frame: loops by index, which cost no iterator.

function and(of: readonly Matcher[]): Matcher {
  if (of.length === 1) return of[0]!;
  return (v) => {
    let all: Answer = YES;
    for (let i = 0; i < of.length; i++) {
      const answer = of[i]!(v);
      if (answer === NO) return NO;
      if (answer === MAYBE) all = MAYBE;
    }
    return all;
  };
}

function or(of: readonly Matcher[]): Matcher {
  return (v) => {
    let any: Answer = NO;
    for (let i = 0; i < of.length; i++) {
      const answer = of[i]!(v);
      if (answer === YES) return YES;
      if (answer === MAYBE) any = MAYBE;
    }
    return any;
  };
}

const not =
  (of: Matcher): Matcher =>
  (v) => {
    const answer = of(v);
    return answer === MAYBE ? MAYBE : answer === YES ? NO : YES;
  };
