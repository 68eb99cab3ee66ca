/**
 * Who can reach whom, computed from all rules over sets of addresses, protocols and ports: nothing is tried out, so what
 * it says holds for every packet. Paper §2.4.
 *
 * A packet passes when both sides let it: the rules on its way out and those on its way in (sides.ts). What it says is
 * about whole packets and first fragments; that a later fragment may slip by an allow of ports is of no use to anyone
 * (rules.ts). Route tables and gateways are not looked at: this is what the rules would let pass.
 */
import { Places } from "#policy/places";
import { boxesOf, type Cut, decideBoxes, packetOf, type Traffic, type TrafficRange, trafficOf } from "#policy/regions";
import { firstMatch, type IidPrefix, overlaps, type Packet, type Rule } from "#policy/rules";

/** Rules in the order in which they are asked, on a packet's way out of its VM and on its way in. */
export interface VerifiedSides<R extends Rule> {
  readonly out: readonly R[];
  readonly in: readonly R[];
}

/** A packet that passes, and the rules that let it. */
export interface Passing<R extends Rule> {
  readonly packet: Packet;
  readonly out: R;
  readonly in: R;
  /** True when the answer to it passes too: because the rule is stateful, or by rules of the other direction. */
  readonly isAnswered: boolean;
}

/** A packet that does not pass, the side that drops it and the rule that says so; undefined: none allows it. */
export interface Blocked<R extends Rule> {
  readonly packet: Packet;
  readonly side: "out" | "in";
  readonly rule: R | undefined;
}

export interface Answer<R extends Rule> {
  /** Of what was asked about everything passes, a part of it, or nothing. */
  readonly verdict: "yes" | "some" | "no";
  /** An example; undefined when the verdict is no. */
  readonly passing?: Passing<R>;
  /** An example; undefined when the verdict is yes. */
  readonly blocked?: Blocked<R>;
  /** All that passes between at least some of the addresses, each once. */
  readonly traffic: readonly TrafficRange[];
}

/** A set of addresses that is asked about as one: a tenant network, a public prefix. */
export interface Place {
  readonly name: string;
  readonly prefix: IidPrefix;
}

export interface Reached<R extends Rule> extends Answer<R> {
  readonly from: Place;
  readonly to: Place;
}

/** Both sides ask the same rules. */
export const bothSides = <R extends Rule>(rules: readonly R[]): VerifiedSides<R> => ({ out: rules, in: rules });

/**
 * Can packets get from `from` to `to`? `traffic` narrows the question; of traffic that cannot be (ports of ICMP), nothing
 * passes. Throws RangeError when the rules cut the question into more parts than can be told.
 */
export function canReach<R extends Rule>(
  sides: VerifiedSides<R>,
  from: IidPrefix,
  to: IidPrefix,
  traffic: Traffic = {},
): Answer<R> {
  const cuts = (rules: readonly R[], source: IidPrefix, destination: IidPrefix): Cut<R>[] =>
    rules.flatMap((rule) => cutOf(rule, source, destination) ?? []);
  return answer({
    out: cuts(sides.out, from, to),
    in: cuts(sides.in, from, to),
    back: () => ({ out: cuts(sides.out, to, from), in: cuts(sides.in, to, from) }),
    boxes: boxesOf(from, to, traffic),
  });
}

function cutOf<R extends Rule>(rule: R, from: IidPrefix, to: IidPrefix): Cut<R> | undefined {
  const source = rule.source.filter((prefix) => overlaps(prefix, from));
  const destination = rule.destination.filter((prefix) => overlaps(prefix, to));
  return source.length > 0 && destination.length > 0 ? { rule, source, destination } : undefined;
}

/**
 * Between all places, row by row: every pair of which at least a part passes. Throws like {@link canReach}. A place's own
 * pair (from itself to itself) is one of them.
 */
export function* reach<R extends Rule>(sides: VerifiedSides<R>, places: readonly Place[]): Generator<Reached<R>> {
  const out = new Places(sides.out, places);
  const into = new Places(sides.in, places);
  for (const [from, source] of places.entries()) {
    const row = into.row(from);
    for (const [to, cuts] of out.row(from)) {
      const inCuts = row.get(to);
      if (inCuts === undefined) continue;
      const destination = places[to]!;
      const boxes = boxesOf(source.prefix, destination.prefix, {});
      const back = () => ({ out: out.cell(to, from), in: into.cell(to, from) });
      const found = answer({ out: cuts, in: inCuts, back, boxes });
      if (found.verdict !== "no") yield { from: source, to: destination, ...found };
    }
  }
}

interface Question<R extends Rule> {
  readonly out: readonly Cut<R>[];
  readonly in: readonly Cut<R>[];
  /** The same for the other direction. */
  readonly back: () => { readonly out: readonly Cut<R>[]; readonly in: readonly Cut<R>[] };
  readonly boxes: ReturnType<typeof boxesOf>;
}

function answer<R extends Rule>(question: Question<R>): Answer<R> {
  let passing: Passing<R> | undefined;
  let blocked: Blocked<R> | undefined;
  const traffic = new Map<string, TrafficRange>();
  for (const sent of decideBoxes(question.out, question.boxes)) {
    if (sent.rule?.action !== "allow") {
      blocked ??= { packet: packetOf(sent.box), side: "out", rule: sent.rule };
      continue;
    }
    for (const received of decideBoxes(question.in, [sent.box])) {
      const packet = packetOf(received.box);
      if (received.rule?.action !== "allow") {
        blocked ??= { packet, side: "in", rule: received.rule };
        continue;
      }
      passing ??= passingOf(question, { packet, out: sent.rule, in: received.rule });
      const range = trafficOf(received.box);
      traffic.set(JSON.stringify(range), range);
    }
  }
  const verdict = passing === undefined ? "no" : blocked === undefined ? "yes" : "some";
  return { verdict, ...(passing && { passing }), ...(blocked && { blocked }), traffic: [...traffic.values()] };
}

/** The receiver's router remembers what its rule let in, the sender's what its rule let out; else their rules are asked. */
function passingOf<R extends Rule>(question: Question<R>, passed: Omit<Passing<R>, "isAnswered">): Passing<R> {
  if (passed.in.stateful && passed.out.stateful) return { ...passed, isAnswered: true };
  const back = question.back();
  const reply = answerTo(passed.packet);
  const allows = (cuts: readonly Cut<R>[]): boolean =>
    firstMatch(
      cuts.map(({ rule }) => rule),
      reply,
    )?.action === "allow";
  const isAnswered = (passed.in.stateful || allows(back.out)) && (passed.out.stateful || allows(back.in));
  return { ...passed, isAnswered };
}

/** ICMP types that are answered, and what with (RFC 792, RFC 950, RFC 4443 §4). */
const REPLIES: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
  [128, 129],
]);

/** What the receiver sends back: to an ICMP query its reply, to other ICMP the same type, else from port to port. */
export function answerTo({ source, destination, protocol, ports, icmp }: Packet): Packet {
  return {
    source: destination,
    destination: source,
    protocol,
    ...(ports && { ports: { source: ports.destination, destination: ports.source } }),
    ...(icmp && { icmp: { type: REPLIES.get(icmp.type) ?? icmp.type, code: icmp.code } }),
  };
}
