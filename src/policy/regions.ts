/**
 * Sets of packets as boxes: a span of source and of destination identifiers, of protocols and of what the transport
 * header shows. Rules cut boxes into boxes, exactly and without looking at single packets.
 */
import { asksForPorts, type IidPrefix, type Packet, type PortRange, type Rule } from "#policy/rules";
import { hasPorts, PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

/** Both included. Identifiers have 64 bits. */
interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * Source and destination identifier; protocol; source port, or of ICMP type << 8 | code; destination port. The last two
 * are whole for protocols that have neither.
 */
export type Box = readonly [source: Span, destination: Span, protocol: Span, first: Span, second: Span];

/** A rule and those of its prefixes that matter where it is looked at. */
export interface Cut<R extends Rule> {
  readonly rule: R;
  readonly source: readonly IidPrefix[];
  readonly destination: readonly IidPrefix[];
}

/** What decides about a box; undefined: no rule does. */
export interface Decided<R extends Rule> {
  readonly box: Box;
  readonly rule: R | undefined;
}

/** What a rule, or a question, says beside its ends; fields as in {@link Rule}. */
export type Traffic = Pick<Rule, "protocol" | "sourcePorts" | "destinationPorts" | "icmp">;

/** More boxes than this are more than anyone wants to wait for. */
const MOST_BOXES = 8_000;
const TOO_MANY = `the rules cut these packets into more than ${MOST_BOXES} parts: ask about fewer addresses or less traffic`;

const PORT: Span = { first: 0n, last: 0xffffn };
const PROTOCOL: Span = { first: 0n, last: 255n };
const only = (value: number): Span => ({ first: BigInt(value), last: BigInt(value) });

const spanOf = ({ tags, host, length }: IidPrefix): Span => {
  const free = BigInt(64 - length);
  const first = (((BigInt(tags) << 32n) | BigInt(host)) >> free) << free;
  return { first, last: first + (1n << free) - 1n };
};

/** All packets between two prefixes that the traffic allows; what it cannot mean is no box. */
export function boxesOf(source: IidPrefix, destination: IidPrefix, traffic: Traffic): Box[] {
  return conditionOf(traffic).map((condition) => [spanOf(source), spanOf(destination), ...condition] as const);
}

function conditionOf(traffic: Traffic): (readonly [Span, Span, Span])[] {
  const { protocol, icmp, sourcePorts, destinationPorts } = traffic;
  const ports = asksForPorts(traffic);
  if (icmp !== undefined) {
    if (ports || (protocol !== PROTOCOL_ICMP4 && protocol !== PROTOCOL_ICMP6)) return [];
    const first = (icmp.type << 8) | (icmp.code ?? 0);
    const shown = { first: BigInt(first), last: BigInt(icmp.code === undefined ? first | 255 : first) };
    return [[only(protocol), shown, PORT]];
  }
  const protocols = protocol !== undefined ? [only(protocol)] : ports ? PORT_PROTOCOLS : [PROTOCOL];
  if (ports && protocol !== undefined && !hasPorts(protocol)) return [];
  return protocols.flatMap((each) =>
    spansOf(sourcePorts).flatMap((first) => spansOf(destinationPorts).map((second) => [each, first, second] as const)),
  );
}

const PORT_PROTOCOLS: readonly Span[] = Array.from({ length: 256 }, (_, protocol) => protocol)
  .filter(hasPorts)
  .map(only);

function spansOf(ranges: readonly PortRange[] | undefined): readonly Span[] {
  if (ranges === undefined || ranges.length === 0) return [PORT];
  return ranges.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) })).filter(isSpan);
}

const isSpan = ({ first, last }: Span): boolean => first <= last;

/** Cuts the boxes by the rules, which are in the order in which they are asked. Throws RangeError when there are too many. */
export function decideBoxes<R extends Rule>(cuts: readonly Cut<R>[], boxes: readonly Box[]): Decided<R>[] {
  const decided: Decided<R>[] = [];
  let open = boxes;
  for (const cut of cuts) {
    if (open.length === 0) break;
    for (const hole of holesOf(cut)) {
      open = open.flatMap((box) => {
        const inside = intersection(box, hole);
        if (inside === undefined) return [box];
        decided.push({ box: inside, rule: cut.rule });
        return around(box, inside);
      });
      if (open.length + decided.length > MOST_BOXES) throw new RangeError(TOO_MANY);
    }
  }
  return [...decided, ...open.map((box) => ({ box, rule: undefined }))];
}

function* holesOf<R extends Rule>({ rule, source, destination }: Cut<R>): Generator<Box> {
  for (const from of source) for (const to of destination) yield* boxesOf(from, to, rule);
}

function intersection(a: Box, b: Box): Box | undefined {
  const meets = a.every(({ first, last }, i) => first <= b[i]!.last && b[i]!.first <= last);
  return meets ? (a.map((span, i) => overlap(span, b[i]!)) as unknown as Box) : undefined;
}

const overlap = (a: Span, b: Span): Span => ({
  // biome-ignore lint/complexity/useMathMinMax: Math.max takes no BigInt
  first: a.first < b.first ? b.first : a.first,
  // biome-ignore lint/complexity/useMathMinMax: Math.min takes no BigInt
  last: b.last < a.last ? b.last : a.last,
});

/** What is left of a box around one inside it, in boxes that do not meet. */
function around(box: Box, inside: Box): Box[] {
  const parts: Box[] = [];
  const rest = [...box] as [Span, Span, Span, Span, Span];
  inside.forEach(({ first, last }, i) => {
    const { first: low, last: high } = rest[i]!;
    if (low < first) parts.push(rest.with(i, { first: low, last: first - 1n }) as unknown as Box);
    if (last < high) parts.push(rest.with(i, { first: last + 1n, last: high }) as unknown as Box);
    rest[i] = { first, last };
  });
  return parts;
}

/** Protocols that make good examples. */
const FAMILIAR = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP4].map(BigInt);

/** A packet of the box. */
export function packetOf([source, destination, protocols, first, second]: Box): Packet {
  const familiar = FAMILIAR.find((each) => protocols.first <= each && each <= protocols.last);
  const protocol = Number(familiar ?? protocols.first);
  const ends = { source: iidOf(source.first), destination: iidOf(destination.first), protocol };
  if (hasPorts(protocol)) return { ...ends, ports: { source: Number(first.first), destination: Number(second.first) } };
  if (protocol !== PROTOCOL_ICMP4 && protocol !== PROTOCOL_ICMP6) return ends;
  return { ...ends, icmp: { type: Number(first.first >> 8n), code: Number(first.first & 255n) } };
}

const iidOf = (iid: bigint): { tags: number; host: number } => ({
  tags: Number(iid >> 32n),
  host: Number(iid & 0xffff_ffffn),
});

/** A box without its ends, as numbers. */
export interface TrafficRange {
  readonly protocols: PortRange;
  /** Of ICMP type << 8 | code. */
  readonly sourcePorts: PortRange;
  readonly destinationPorts: PortRange;
}

export function trafficOf([, , protocols, first, second]: Box): TrafficRange {
  return { protocols: rangeOf(protocols), sourcePorts: rangeOf(first), destinationPorts: rangeOf(second) };
}

const rangeOf = ({ first, last }: Span): PortRange => ({ first: Number(first), last: Number(last) });
