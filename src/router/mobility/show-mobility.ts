/** Mobility's views, made from what the core and the tables hold. */
import { toHex } from "#base/bytes";
import type { Millis } from "#base/time";
import { type Ways, waysOf } from "#fastpath/place";
import { TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import type { AddressHex, Subject } from "#pmip/events";
import type { MobilityView as CoreView } from "#pmip/view";
import type { Fabric, MobilitySettings } from "#router/config/model";
import type { PathMtus } from "#router/mobility/path-mtu";
import type { Places } from "#router/mobility/places";
import { peerView, subjectKey, subjectView } from "#router/mobility/subjects";
import type {
  BindingRole,
  BindingsView,
  BindingView,
  MobilityPeerView,
  MobilityView,
  SharesView,
  TunnelsView,
} from "#router/mobility/views";

/** Bindings, or peers, that one answer tells. */
export const TOLD = 1000;

export interface Around {
  readonly fabric: Fabric;
  readonly places: Places;
  /** As forwarders count, ten a second. */
  readonly ticks: number;
}

/** What is known of where a subject is, in one role. */
interface Known {
  readonly subject: Subject;
  readonly role: BindingRole;
  readonly peer: AddressHex | null;
  readonly state: string;
  /** Milliseconds. */
  readonly lifetime: Millis | null;
}

/** `core` undefined: nothing is known, nothing is asked. */
export function bindingsView(core: CoreView | undefined, { fabric, places, ticks }: Around): BindingsView {
  const used = new Map<string, Pick<BindingView, "packets" | "octets" | "idle">>();
  for (const { entry, subject } of places.entries()) {
    const { packets, octets, usedAt } = entry;
    const idle = packets === 0 ? null : Math.max(0, (ticks - usedAt) | 0) / TICKS_PER_SECOND;
    used.set(subjectKey(subject), { packets, octets, idle });
  }
  const bindings: BindingView[] = [];
  for (const { subject, role, peer, state, lifetime } of core === undefined ? [] : knownTo(core)) {
    if (bindings.length === TOLD) break;
    const nothing = { packets: 0, octets: 0, idle: null };
    bindings.push({
      ...subjectView(subject, fabric),
      ...{ role, peer: peer === null ? null : peerView(peer, fabric), state },
      lifetime: lifetime === null ? null : Math.max(0, lifetime) / 1000,
      ...((role !== "attached" && used.get(subjectKey(subject))) || nothing),
    });
  }
  return { bindings, size: used.size, room: places.room };
}

function* knownTo({ updateList, bindings, correspondents, formers }: CoreView): Generator<Known> {
  for (const { subject, lma, state, lifetime, status } of updateList) {
    const words = status === null ? state : `${state}, status ${status}`;
    yield { subject, role: "attached", peer: lma, state: words, lifetime };
  }
  for (const { subject, mag, lifetime } of bindings)
    yield { subject, role: "home", peer: mag, state: "bound", lifetime };
  for (const { subject, mag, state, lifetime } of correspondents)
    yield { subject, role: "correspondent", peer: mag, state, lifetime };
  for (const { subject, mag, left } of formers)
    yield { subject, role: "former", peer: mag, state: "forwarding", lifetime: left };
}

export interface AroundTunnels extends Around {
  readonly pathMtus: PathMtus;
  /** Each forwarder's counters. */
  readonly forwarders: readonly Float64Array[];
}

export function tunnelsView({ places, fabric, pathMtus, forwarders }: AroundTunnels): TunnelsView {
  const { tunnels } = places;
  const view = [...tunnels.indexes()].map((index) => {
    const end = tunnels.address(index);
    return {
      end: peerView(toHex(end), fabric),
      mtu: pathMtus.mtu(index) ?? null,
      ...tunnels.counters(index),
      users: places.users(index),
      ...pathMtus.troubles(end),
    };
  });
  const ways = forwarders.map(waysOf);
  const all = (way: keyof Ways): number => ways.reduce((sum, counted) => sum + counted[way], 0);
  const shares: SharesView = {
    native: all("native"),
    direct: all("tunnelled"),
    relayed: all("relayed") + all("forwarded"),
    hairpin: all("local"),
  };
  return { tunnels: view, shares };
}

/** What it says on a switch. */
const NO_MOBILITY: Omit<MobilityView, "address"> = {
  ...{ sendKey: null, keys: [], restarts: 0, peers: [], counters: [] },
  bindings: { home: 0, attached: 0, correspondent: 0, former: 0 },
};

export interface AroundMobility extends Around {
  /** The router's own, as text. */
  readonly address: string;
  readonly counters: ReadonlyMap<string, number>;
  /** Undefined: messages are not signed. */
  readonly keys: MobilitySettings["auth"];
}

export function mobilityView(core: CoreView | undefined, around: AroundMobility): MobilityView {
  const { address, fabric, places, counters, keys } = around;
  if (core === undefined) return { address, ...NO_MOBILITY };
  const { sizes, restartCounter } = core;
  const named = [...counters].map(([name, count]) => ({ name, count }));
  const withoutRoom = { name: "no room in the tables", count: places.withoutRoom };
  return {
    address,
    sendKey: keys?.send ?? null,
    keys: keys?.keys.map(({ id }) => id) ?? [],
    restarts: restartCounter,
    bindings: {
      ...{ home: sizes.bindings, attached: sizes.updateList },
      ...{ correspondent: sizes.correspondents, former: sizes.formers },
    },
    peers: core.peers.map(
      ({ address: peer, users, heard, restartCounter: restarts, answers }): MobilityPeerView => ({
        ...peerView(peer, fabric),
        ...{ bindings: users, heard: heard === null ? null : heard / 1000, restarts, answers },
      }),
    ),
    counters: [...named, ...(withoutRoom.count > 0 ? [withoutRoom] : [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
