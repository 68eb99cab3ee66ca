/** What became of a stream's packets: those lost, those that came twice, those that went in circles, by path. */

/** A packet that was sent. Times are milliseconds of the kernel's monotonic clock. */
export interface Packet {
  readonly n: number;
  readonly flow: number;
  readonly at: number;
  /** Times it reached the other end. */
  readonly arrivals: number;
  /** Where it was seen on the way. */
  readonly places: readonly string[];
  /** The most times that it was seen at one place. */
  readonly rounds: number;
}

export interface Account {
  readonly packets: number;
  readonly lost: number;
  /** From the first lost packet to the last, milliseconds; one lost alone: 0. */
  readonly outage: number;
  /** The longest time that a flow went without a packet, from the last that came to the first that came again. */
  readonly longestGap: number;
  readonly duplicates: number;
  /** Packets that were seen twice at a place, and the time from the first of them to the last. */
  readonly looped: number;
  readonly loopedFor: number;
  /** Lost packets by the places where they had been seen. */
  readonly lostAfter: Readonly<Record<string, number>>;
}

export function accountOf(packets: readonly Packet[]): Account {
  const lost = packets.filter(({ arrivals }) => arrivals === 0);
  const looped = packets.filter(({ rounds }) => rounds > 1);
  return {
    packets: packets.length,
    lost: lost.length,
    outage: spanOf(lost),
    longestGap: longestGap(packets),
    duplicates: packets.filter(({ arrivals }) => arrivals > 1).length,
    looped: looped.length,
    loopedFor: spanOf(looped),
    lostAfter: Object.fromEntries(
      [...Map.groupBy(lost, ({ places }) => places.join(", "))].map(([places, { length }]) => [places, length]),
    ),
  };
}

/** In one line, times in whole milliseconds. */
export function describe({ lostAfter, ...counts }: Account): string {
  const numbers = Object.entries(counts).map(([name, value]) => `${name} ${Math.round(value)}`);
  const losses = Object.entries(lostAfter).map(([places, count]) => `${count} after ${places || "no place"}`);
  return [...numbers, ...losses].join(", ");
}

const spanOf = (packets: readonly Packet[]): number => (packets.length > 0 ? packets.at(-1)!.at - packets[0]!.at : 0);

function longestGap(packets: readonly Packet[]): number {
  const last = new Map<number, number>();
  let longest = 0;
  for (const { flow, at, arrivals } of packets) {
    if (arrivals === 0) continue;
    longest = Math.max(longest, at - (last.get(flow) ?? at));
    last.set(flow, at);
  }
  return longest;
}
