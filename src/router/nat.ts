/** A gateway's NAT as the control thread sees it: made, swept, its log read, shown. */
import { formatIpv4, formatIpv6 } from "#base/address";
import { u32 } from "#base/bytes";
import type { NatBuffers } from "#fastpath/shared";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { connectionTicks, TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import { Connections } from "#fastpath/tables/connections";
import { Nat, sessionOwners } from "#fastpath/tables/nat";
import { createNatTable } from "#fastpath/tables/nat-layout";
import { listBindings, listBlocks } from "#fastpath/tables/nat-list";
import { NatLogReader } from "#fastpath/tables/nat-log";
import { protocolName } from "#router/config/facts";
import type { Fabric, OutsideLink } from "#router/config/model";
import { addressesOf } from "#router/config/outside-link";
import type { Log } from "#router/log";
import { natShares } from "#router/nat-shares";
import type { NatEnd, NatView } from "#router/views";
import { monotonicNanos } from "#sys/clock";

/** Sweeps in which every entry is looked at once: a minute of them. */
const SWEEPS = 120;
const LOGGED = 4096;
/** Bindings that one answer tells. */
const TOLD = 1000;
const LEAST_SUBSCRIBERS = 256;
const MOST_SUBSCRIBERS = 1 << 19;

export class RouterNat {
  readonly buffers: NatBuffers;
  readonly #nat: Nat;
  readonly #log: NatLogReader;

  /** `link`: with at least one NAT address. */
  constructor(link: OutsideLink) {
    const { pool, portBlock, entries } = link;
    const key = crypto.getRandomValues(new Int32Array(2));
    const table = createNatTable({
      addresses: pool.flatMap(addressesOf),
      blockSize: portBlock,
      shares: natShares(link),
      bindings: entries,
      subscribers: Math.min(MOST_SUBSCRIBERS, Math.max(LEAST_SUBSCRIBERS, entries >> 3)),
      logged: LOGGED,
      key,
    });
    // A port may talk to many, as a resolver's does, and to no more than a share of all.
    const quota = Math.max(64, entries >> 4);
    const sessions = createConnectionTable({ entries, owners: sessionOwners(entries), quota, key });
    this.buffers = { table, sessions };
    this.#nat = new Nat(table, new Connections(sessions), { filtering: "address-and-port-dependent", seed: key[0]! });
    this.#log = new NatLogReader(table);
  }

  /** Twice a second: what has expired goes, and who got and gave back which ports is told. */
  look(log: Log, fabric: Fabric): void {
    const { bindings, sessions } = this.#nat;
    const slots = Math.max(bindings.slots, sessions.entries.slots, bindings.places.blockCount);
    this.#nat.sweep(connectionTicks(monotonicNanos()), Math.ceil(slots / SWEEPS));
    const { events, lost } = this.#log.read();
    if (lost > 0)
      log.warn(`NAT: ${lost} events of port blocks were lost: more than ${LOGGED} in half a second`, "nat-log-lost");
    for (const { kind, inside, outside, firstPort, ports } of events) {
      const verb = kind === "allocated" ? "allocated to" : "released by";
      const { network, address } = insideOf(inside, fabric);
      const range = `${formatIpv4(outside)} ports ${firstPort}-${firstPort + ports - 1}`;
      log.info(`NAT: ${range} ${verb} ${network === null ? "" : `${network} `}${address}`, "nat-block");
    }
  }

  get usage(): { readonly size: number; readonly room: number; readonly blocks: number } {
    const { bindings, sessions } = this.#nat;
    const { size, slots } = sessions.entries;
    return { size, room: slots, blocks: [...listBlocks(bindings)].length };
  }

  view(fabric: Fabric): NatView {
    const { bindings, sessions } = this.#nat;
    const now = connectionTicks(monotonicNanos());
    const list: NatView["bindings"][number][] = [];
    for (const each of listBindings(bindings, (binding) => sessions.entries.ownerCount(binding), now)) {
      if (list.length === TOLD) break;
      list.push({
        protocol: protocolName(each.protocol),
        inside: { ...insideOf(each.inside, fabric), port: each.insidePort },
        outside: { address: formatIpv4(each.outside), port: each.outsidePort },
        sessions: each.sessions,
        age: each.ageTicks / TICKS_PER_SECOND,
      });
    }
    const blocks = [...listBlocks(bindings)].map(({ outside, firstPort, ports, inside, used }) => ({
      ...{ address: formatIpv4(outside), firstPort, ports, used },
      inside: inside === undefined ? null : insideOf(inside, fabric),
    }));
    return { sessions: sessions.entries.size, room: sessions.entries.slots, blocks, bindings: list };
  }
}

function insideOf(address: Uint8Array, { networks }: Fabric): NatEnd {
  const tags = u32(address, 8);
  const isIpv4 = u32(address, 0) === 0 && u32(address, 4) === 0;
  return {
    network: networks.find((each) => each.tags === tags)?.name ?? null,
    address: isIpv4 ? formatIpv4(address, 12) : formatIpv6(address),
  };
}
