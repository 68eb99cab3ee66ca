/** The log of tenants' flows: connections from their begin to their end, and samples of flows that are none. */

import { u32 } from "#base/bytes";
import type { Millis } from "#base/time";
import { readFlow } from "#fastpath/flow-samples";
import type { ConnectionEntries } from "#fastpath/tables/connection-entries";
import type { ConnectionView } from "#fastpath/tables/connection-list";
import { connectionTicks, TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import { CONTINUE, ENDINGS } from "#fastpath/verdicts";
import { OUTSIDE_TAGS } from "#policy/homes";
import { type RouteRow, routeRows, tagsOf } from "#policy/route-table";
import type { Fabric, Network, Vm } from "#router/config/model";
import { ConnectionWatch, type Followed } from "#router/flows/connection-watch";
import {
  type ConnectionEndRecord,
  endsOf,
  type FlowEnds,
  type FlowEvent,
  type FlowRecord,
  flowEnds,
  logOf,
  networkByTags,
  type SampleRecord,
  type Sender,
  tableEnd,
} from "#router/flows/flow-record";
import { LineFile, type LineFileOptions } from "#router/flows/line-file";
import type { Punt } from "#router/forwarders";
import type { PortState, Ports } from "#router/ports";
import type { Rules } from "#router/rules";
import { monotonicNanos } from "#sys/clock";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** Looks in which the whole table is seen: two a second. */
const LOOKS = 2;
/** Records in a second; more are lost. */
const MOST_RECORDS = 10_000;

export interface RouterFlowsOptions {
  readonly node: string;
  readonly file: Pick<LineFileOptions, "file" | "limit" | "keep" | "trouble">;
  readonly entries: ConnectionEntries;
  readonly ports: Ports;
  readonly rules: Pick<Rules, "rule">;
  readonly fabric: () => Fabric;
}

/** What of a connection stays the same. */
interface About {
  readonly record: FlowRecord;
}

export class RouterFlows {
  /** Written, by event. */
  readonly records = new Map<FlowEvent, number>();
  readonly #options: RouterFlowsOptions;
  readonly #file: LineFile;
  readonly #watch: ConnectionWatch<About>;
  #lost = 0;
  #budget = { since: 0, left: MOST_RECORDS };
  /** Route rows by network, of one fabric. */
  #rows: { readonly fabric: Fabric; readonly of: Map<string, RouteRow[]> } | undefined;

  constructor(options: RouterFlowsOptions) {
    this.#options = options;
    this.#file = new LineFile(options.file);
    this.#watch = new ConnectionWatch(options.entries, {
      began: (connection) => this.#began(connection),
      ended: (followed) => this.#ended(followed),
    });
  }

  /** Records that were not written. */
  get lost(): number {
    return this.#lost + this.#file.lost + this.#watch.missed;
  }

  /** Twice a second. */
  look(): void {
    if (this.#watch.size === 0 && !this.#isWanted()) return;
    this.#watch.look(connectionTicks(monotonicNanos()), Math.ceil(this.#options.entries.slots / LOOKS));
  }

  /** A forwarder shows a frame of a flow that is no connection. */
  shown(port: PortState, { octets, adjacency }: Pick<Punt, "octets" | "adjacency">): void {
    const fabric = this.#options.fabric();
    const ends = endsOf(octets, port.vm && this.#senderOf(port.vm, fabric), fabric);
    const network = ends && logOf(...ends.networks);
    if (ends === undefined || network?.flowLog === undefined) return;
    const { verdict, side, rule } = readFlow(adjacency);
    const { networks: _, ...rest } = ends;
    const event = verdict === CONTINUE ? "sample" : "refused";
    const record: SampleRecord = {
      ...this.#record(event, network, { vm: port.vm?.name ?? null, ends: rest }),
      rule: this.#options.rules.rule(side === 0 ? "out" : "in", rule)?.name ?? null,
      sampling: network.flowLog.sample,
      reason: verdict === CONTINUE ? null : ENDINGS[verdict]!.name,
    };
    this.#write(record);
  }

  /** The connections that there are now end in the log. */
  stop(): void {
    this.#watch.end();
    this.#file.close();
  }

  #isWanted = (): boolean => this.#options.fabric().networks.some(({ flowLog }) => flowLog !== undefined);

  #began(connection: ConnectionView): About | undefined {
    const { source, destination, protocol, owner, rule } = connection;
    const fabric = this.#options.fabric();
    const [from, to] = [source, destination].map(({ address }) => networkByTags(fabric, u32(address, 8)));
    const network = logOf(from, to);
    if (network === undefined) return undefined;
    const isIcmp = protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;
    const ends = flowEnds(protocol, [
      { ...tableEnd(source.address, fabric), port: isIcmp ? null : source.port },
      { ...tableEnd(destination.address, fabric), port: isIcmp ? null : destination.port },
    ]);
    const vm = this.#options.ports.all.get(owner)?.vm?.name ?? null;
    const record = {
      ...this.#record("begin", network, { vm, ends, ago: (1000 * connection.ageTicks) / TICKS_PER_SECOND }),
      rule: this.#options.rules.rule((rule & 1) === 0 ? "out" : "in", rule >> 1)?.name ?? null,
    };
    this.#write(record);
    return { record };
  }

  #ended({ about, madeAt, usedAt, state, packets, octets, packetsBack, octetsBack }: Followed<About>): void {
    const record: ConnectionEndRecord = {
      ...about.record,
      ...{ time: new Date().toISOString(), event: "end", began: about.record.time },
      seconds: ((usedAt - madeAt) | 0) / TICKS_PER_SECOND,
      ...{ state, packets, octets, packetsBack, octetsBack },
    };
    this.#write(record);
  }

  /** `ago`: milliseconds since it happened. */
  #record(
    event: FlowEvent,
    network: Network,
    { vm, ends, ago = 0 }: { readonly vm: string | null; readonly ends: FlowEnds; readonly ago?: Millis },
  ): FlowRecord {
    const { node } = this.#options;
    const time = new Date(Date.now() - ago).toISOString();
    const tenant = network.name.split("/")[0]!;
    return { time, event, node, tenant, network: network.name, vm, rule: null, ...ends };
  }

  #write(record: FlowRecord): void {
    const now = performance.now();
    if (now - this.#budget.since >= 1000) this.#budget = { since: now, left: MOST_RECORDS };
    if (this.#budget.left === 0) {
      this.#lost++;
      return;
    }
    this.#budget.left--;
    this.records.set(record.event, (this.records.get(record.event) ?? 0) + 1);
    this.#file.write(JSON.stringify(record));
  }

  #senderOf(vm: Vm, fabric: Fabric): Sender {
    const rows = this.#rowsOf(vm.network, fabric);
    return {
      network: vm.network,
      networkOf: (ipv4) => {
        const tags = tagsOf(rows, ipv4);
        return tags === OUTSIDE_TAGS ? "outside" : tags === undefined ? undefined : networkByTags(fabric, tags);
      },
    };
  }

  #rowsOf(network: Network, fabric: Fabric): readonly RouteRow[] {
    if (this.#rows?.fabric !== fabric) this.#rows = { fabric, of: new Map() };
    const { of } = this.#rows;
    const rows = of.get(network.name) ?? routeRows(network, fabric.networks);
    of.set(network.name, rows);
    return rows;
  }
}
