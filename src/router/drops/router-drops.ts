/**
 * What this router drops: by reason, port and network, how fast, and what the last of them were. Forwarders count, and show a few
 * frames (fastpath/drop-samples.ts); what ends at the control thread comes by {@link RouterDrops.lost}.
 */
import { u32 } from "#base/bytes";
import type { Millis } from "#base/time";
import { C_ENDINGS, C_RECEIVE_DROPS, C_TRANSMIT_ERRORS } from "#fastpath/counters";
import { rawOf } from "#fastpath/tables/snapshot";
import { ENDINGS, KERNEL_LOSSES, type Verdict } from "#fastpath/verdicts";
import type { Fabric, Network } from "#router/config/model";
import { frameText } from "#router/drops/frame-text";
import { RateHistory } from "#router/drops/rates";
import type { DropCount, DropPortView, DropReasonView, DropSampleView, DropsView } from "#router/drops/views";
import type { Punt } from "#router/forwarders";
import { type PortCounters, whatKey } from "#router/port-counters";
import type { PortState, Ports } from "#router/ports";
import { SIZE as ETHERNET, ETHERTYPE_IPV6, etherType } from "#wire/ethernet";
import { SIZE as IPV6 } from "#wire/ipv6";

/** Samples kept of each reason. */
const KEPT = 8;
/** Octets kept of each. */
const HEAD = 128;

interface Sample {
  readonly at: Millis;
  readonly port: string;
  readonly head: Uint8Array;
}

/** Frames of one reason, port and network. */
export interface DropRow {
  /** Name of an ending, or of a loss in the kernel. */
  readonly reason: string;
  readonly port: PortState;
  /** Of a VM its own, of a fabric port's frames whom they were for; undefined: unknown. */
  readonly network: Network | undefined;
  readonly frames: number;
  /** True: lost in the kernel, and told by its interface. */
  readonly isInterface?: true;
}

export interface RouterDropsOptions {
  readonly ports: Ports;
  readonly counters: PortCounters;
  readonly fabric: () => Fabric;
}

const REASONS: ReadonlyMap<string, string> = new Map(
  [...ENDINGS, ...KERNEL_LOSSES].map(({ name, meaning }) => [name, meaning]),
);
const DROPPED = ENDINGS.flatMap(({ fate, name }, ending) => (fate === "dropped" ? [{ name, ending }] : []));

export class RouterDrops {
  readonly #options: RouterDropsOptions;
  /** By reason, the latest last. */
  readonly #samples = new Map<string, Sample[]>();
  readonly #history = new RateHistory();

  constructor(options: RouterDropsOptions) {
    this.#options = options;
  }

  /** A frame that came in by the port `index` ended at the control thread; `octets`: of the frame, where it is at hand. */
  lost(index: number, ending: Verdict, octets?: Uint8Array): void {
    const port = this.#options.ports.all.get(index);
    const isTagged = port !== undefined && port.vm === undefined && octets !== undefined;
    const tags = isTagged ? tagsOf(octets) : 0;
    const isKnown = tags !== 0 && this.#options.fabric().networks.some((each) => each.tags === tags);
    this.#options.counters.lost(index, ending, isKnown ? rawOf(tags) : 0);
    if (port !== undefined && octets !== undefined) this.#keep(ENDINGS[ending]!.name, port, octets);
  }

  /** A forwarder shows a frame that it dropped. */
  shown(port: PortState, { adjacency, octets }: Pick<Punt, "adjacency" | "octets">): void {
    this.#keep(ENDINGS[adjacency]!.name, port, octets);
  }

  /** True when it is a second since the last {@link look}. */
  isDue(now: Millis): boolean {
    return this.#history.isDue(now);
  }

  /** Every second, for the rates. `now`: milliseconds. */
  look(now: Millis): void {
    this.#history.look(new Map(this.rows().map((row) => [keyOf(row), row.frames])), now);
  }

  /** All that is not 0; what interfaces tell, which costs system calls, if it is asked for. */
  rows(withInterfaces = false): DropRow[] {
    const ports = [...this.#options.ports.all.values()];
    const drops = withInterfaces ? this.#options.ports.drops.read(ports) : undefined;
    const tagged = this.#options.counters.tagged();
    return ports.flatMap((port) => {
      const { receive = 0, transmit = 0 } = drops?.get(port) ?? {};
      const rows: DropRow[] = [
        ...DROPPED.flatMap(({ name, ending }) =>
          this.#rowsOf(port, name, ending, tagged.get(whatKey(port.index, ending))),
        ),
        ...this.#kernel(port),
        { ...this.#row(port, KERNEL_LOSSES[3]!.name, receive), isInterface: true },
        { ...this.#row(port, KERNEL_LOSSES[4]!.name, transmit), isInterface: true },
      ];
      return rows.filter(({ frames }) => frames > 0);
    });
  }

  /** `now`: as of {@link look}. */
  view(now: Millis): DropsView {
    const byReason = Map.groupBy(this.rows(true), ({ reason }) => reason);
    const reasons = [...byReason].map(([reason, rows]) => this.#reasonView(reason, rows, now));
    return { reasons: reasons.sort((a, b) => rank(b) - rank(a) || b.frames - a.frames) };
  }

  #keep(reason: string, { name }: PortState, octets: Uint8Array): void {
    const samples = this.#samples.get(reason) ?? [];
    samples.push({ at: Date.now(), port: name, head: octets.slice(0, HEAD) });
    if (samples.length > KEPT) samples.shift();
    this.#samples.set(reason, samples);
  }

  #row = (port: PortState, reason: string, frames: number): DropRow => ({
    ...{ reason, port, frames, network: port.vm?.network },
  });

  #kernel(port: PortState): DropRow[] {
    const { counters, ports } = this.#options;
    const lost = [
      counters.of(port.index, C_RECEIVE_DROPS),
      counters.of(port.index, C_TRANSMIT_ERRORS),
      ports.groups.refused(port),
    ];
    return lost.map((frames, i) => this.#row(port, KERNEL_LOSSES[i]!.name, frames));
  }

  /** Those whose network is known first, then the rest. */
  #rowsOf(port: PortState, reason: string, ending: Verdict, tagged?: ReadonlyMap<number, number>): DropRow[] {
    const { counters, fabric } = this.#options;
    const frames = counters.of(port.index, C_ENDINGS + ending);
    if (port.vm !== undefined || tagged === undefined) return [this.#row(port, reason, frames)];
    const { networks } = fabric();
    const rows = [...tagged].flatMap(([tags, count]) => {
      const network = networks.find((each) => rawOf(each.tags) === tags);
      return network === undefined ? [] : [{ reason, port, network, frames: count }];
    });
    const known = rows.reduce((sum, row) => sum + row.frames, 0);
    return [...rows, this.#row(port, reason, Math.max(0, frames - known))];
  }

  #reasonView(reason: string, rows: readonly DropRow[], now: Millis): DropReasonView {
    const ports = rows.map(
      (row): DropPortView => ({
        port: row.port.name,
        tenant: row.network === undefined ? null : tenantOf(row.network),
        network: row.network?.name ?? null,
        ...this.#count(row, now),
      }),
    );
    const fabric = this.#options.fabric();
    const samples = (this.#samples.get(reason) ?? []).map(
      ({ at, port, head }): DropSampleView => ({
        ...{ at, port, packet: frameText(head, fabric) },
      }),
    );
    return {
      ...{ reason, meaning: REASONS.get(reason)!, ...total(ports) },
      ports: ports.sort((a, b) => rank(b) - rank(a) || b.frames - a.frames),
      samples: samples.reverse(),
    };
  }

  #count(row: DropRow, now: Millis): DropCount {
    const { frames, isInterface } = row;
    if (isInterface) return { frames, lastSecond: null, lastMinute: null };
    return { frames, ...this.#history.of(keyOf(row), frames, now) };
  }
}

/** `blue` of `blue/prod`. */
export const tenantOf = ({ name }: Network): string => name.split("/")[0]!;

const rank = ({ lastMinute }: DropCount): number => lastMinute ?? 0;

const keyOf = ({ reason, port, network }: DropRow): string =>
  `${reason} ${port.index} ${port.name} ${network?.name ?? ""}`;

function total(counts: readonly DropCount[]): DropCount {
  const sum = (of: (count: DropCount) => number | null): number | null =>
    counts.reduce<number | null>((all, count) => (of(count) === null ? all : (all ?? 0) + of(count)!), null);
  return {
    frames: counts.reduce((all, { frames }) => all + frames, 0),
    lastSecond: sum(({ lastSecond }) => lastSecond),
    lastMinute: sum(({ lastMinute }) => lastMinute),
  };
}

/** Of the destination of an IPv6 packet of the fabric's; 0: none. */
const tagsOf = (frame: Uint8Array): number =>
  frame.length >= ETHERNET + IPV6 && etherType(frame, 0) === ETHERTYPE_IPV6 ? u32(frame, ETHERNET + 32) : 0;
