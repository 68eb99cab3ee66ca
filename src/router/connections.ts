/** The connection table as the control thread sees it: made, swept, shown. */
import { formatIpv4, formatIpv6 } from "#base/address";
import { u32 } from "#base/bytes";
import { MAX_PORTS } from "#fastpath/counters";
import type { ConnectionEntries } from "#fastpath/tables/connection-entries";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { type ConnectionSide, type ConnectionView, listConnections } from "#fastpath/tables/connection-list";
import { connectionTicks, TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import { Connections } from "#fastpath/tables/connections";
import { createFragmentTable } from "#fastpath/tables/fragments";
import { networkAddress, OUTSIDE_TAGS } from "#policy/homes";
import { protocolName } from "#router/config/facts";
import type { Fabric, Vm } from "#router/config/model";
import type { Ports } from "#router/ports";
import type { Rules } from "#router/rules";
import type { ConnectionEnd, ConnectionsView } from "#router/views";
import { type CarriedConnection, carriedOf, takeOver } from "#router/vms/carried-connections";
import { monotonicNanos } from "#sys/clock";

/** Sweeps in which every entry is looked at once: a minute of them. What has expired before is found by who meets it. */
const SWEEPS = 120;
/** Packets in fragments that are remembered at once. */
const FRAGMENTED = 8192;
/** Connections that one answer tells. */
const TOLD = 1000;

/** What is needed to tell connections by names. */
export interface Names {
  readonly fabric: Fabric;
  readonly ports: Ports;
  readonly rules: Rules;
}

export class RouterConnections {
  readonly buffer: SharedArrayBuffer;
  readonly fragments: SharedArrayBuffer;
  readonly entries: ConnectionEntries;
  /** For connections that come from another router. */
  readonly table: Connections;

  /** `perVm`: of `entries`, what one VM may have. */
  constructor({ entries, perVm }: { readonly entries: number; readonly perVm: number }) {
    const key = crypto.getRandomValues(new Int32Array(2));
    this.buffer = createConnectionTable({ entries, owners: MAX_PORTS, quota: perVm, key });
    this.fragments = createFragmentTable(FRAGMENTED, key);
    this.table = new Connections(this.buffer);
    this.entries = this.table.entries;
  }

  /** Those that have more keep them. */
  setQuota(perVm: number): void {
    for (let owner = 0; owner < MAX_PORTS; owner++) this.entries.setQuota(owner, perVm);
  }

  /** Twice a second. */
  sweep(): void {
    this.entries.sweep(connectionTicks(monotonicNanos()), Math.ceil(this.entries.slots / SWEEPS));
  }

  get usage(): { readonly size: number; readonly room: number } {
    return { size: this.entries.size, room: this.entries.slots };
  }

  /** What goes with a VM to another router; `port`: its own here. */
  carried(vm: Vm, port: number | undefined): CarriedConnection[] {
    return carriedOf(this.table, { addresses: tableAddresses(vm), owner: port }, connectionTicks(monotonicNanos()));
  }

  /** What came with the VM of that port. @returns how many were taken, some perhaps in the place of others of its. */
  takeOver(all: readonly CarriedConnection[], port: number): number {
    return takeOver(this.table, all, { owner: port, now: connectionTicks(monotonicNanos()) });
  }

  /** Of one VM, or of all. Undefined: no VM is called that. */
  view({ fabric, ports, rules }: Names, vm?: string): ConnectionsView | undefined {
    const port = vm === undefined ? undefined : ports.find("vm", vm);
    if (vm !== undefined && port === undefined) return undefined;
    const filter = port === undefined ? {} : { owner: port.index };
    const connections = [];
    for (const each of listConnections(this.entries, connectionTicks(monotonicNanos()), filter)) {
      if (connections.length === TOLD) break;
      const { state, idleTicks, ageTicks, rule, owner } = each;
      connections.push({
        ...{ protocol: protocolName(each.protocol), state, vm: ports.all.get(owner)?.name ?? null },
        from: endOf(each, each.source, fabric),
        to: endOf(each, each.destination, fabric),
        rule: rules.rule((rule & 1) === 0 ? "out" : "in", rule >> 1)?.name ?? null,
        idle: idleTicks / TICKS_PER_SECOND,
        age: ageTicks / TICKS_PER_SECOND,
      });
    }
    return { size: this.entries.size, room: this.entries.slots, connections };
  }
}

/** Addresses of a VM as the connection table has them; not those that its tenant brought. */
export const tableAddresses = ({ ipv4, ipv6, network }: Vm): Uint8Array[] => [
  ...(ipv4 === undefined ? [] : [networkAddress(new Uint8Array(8), network.tags, ipv4.address.bytes)]),
  ...ipv6.flatMap(({ owned, bytes }) => (owned === "fabric" ? [bytes] : [])),
];

function endOf({ protocol }: ConnectionView, { address, port }: ConnectionSide, { networks }: Fabric): ConnectionEnd {
  const isIpv4 = u32(address, 0) === 0 && u32(address, 4) === 0;
  const tags = u32(address, 8);
  const network = tags === OUTSIDE_TAGS ? "outside" : networks.find((each) => each.tags === tags)?.name;
  return {
    network: network ?? null,
    address: isIpv4 ? formatIpv4(address, 12) : formatIpv6(address),
    port: protocol === ICMP4 || port === 0 ? null : port,
  };
}

const ICMP4 = 1;
