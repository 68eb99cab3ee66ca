/** What the control thread shows of the connection table: a copy of each entry, whole although forwarders write. */
import { BACK, type ConnectionEntries, FORWARD } from "#fastpath/tables/connection-entries";
import {
  E_CONTROL,
  E_DESTINATION,
  E_MADE,
  E_PORTS,
  E_PROTOCOL,
  E_RULE,
  E_SOURCE,
  E_USED,
} from "#fastpath/tables/connection-layout";
import { FIRST_STATE, STATE_BITS, STATE_MASK, STATE_NAMES } from "#fastpath/tables/connection-states";

/** One end's, or one direction's: of the end that sent the first packet. */
export interface ConnectionSide {
  /** 16 octets: of an IPv4 VM 8 zeros, tags and IPv4 address; of an IPv6 host its address. */
  readonly address: Uint8Array;
  /** Port, or ICMP identifier. */
  readonly port: number;
  /** What it sent, as far as it was counted. */
  readonly packets: number;
  readonly octets: number;
}

export interface ConnectionView {
  readonly entry: number;
  readonly version: number;
  readonly protocol: number;
  /** One of STATE_NAMES. */
  readonly state: string;
  /** The end that sent the first packet. */
  readonly source: ConnectionSide;
  readonly destination: ConnectionSide;
  readonly idleTicks: number;
  readonly ageTicks: number;
  readonly owner: number;
  readonly rule: number;
  readonly ruleGeneration: number;
}

/** All that is given must hold. */
export interface ConnectionFilter {
  readonly owner?: number;
  readonly protocol?: number;
  /** Of either end, 16 octets. */
  readonly address?: Uint8Array;
  /** Of either end. */
  readonly port?: number;
}

/**
 * The connections that are not expired, by entry, each as it was at one moment while this went on. A connection that is
 * there all the time is told once. `from`: the entry to begin with, 1 or more; so a long list can be told in pieces.
 */
export function* listConnections(
  entries: ConnectionEntries,
  now: number,
  filter: ConnectionFilter = {},
  from = 1,
): Generator<ConnectionView> {
  for (let entry = from; entry <= entries.slots; entry++) {
    if (!entries.isTaken(entry)) continue;
    const view = viewOf(entries, entry, now, filter);
    if (view !== undefined) yield view;
  }
}

/** The connection of that entry; undefined: there is none, or it has expired. */
export const connectionAt = (entries: ConnectionEntries, entry: number, now: number): ConnectionView | undefined =>
  viewOf(entries, entry, now, {});

const TRIES = 4;

function viewOf(
  entries: ConnectionEntries,
  entry: number,
  now: number,
  filter: ConnectionFilter,
): ConnectionView | undefined {
  const at = entries.at(entry) + E_CONTROL;
  for (let i = 0; i < TRIES; i++) {
    const before = Atomics.load(entries.words, at);
    if ((before & STATE_MASK) < FIRST_STATE || entries.isExpired(entry, now)) return undefined;
    const view = matches(entries, entry, filter) ? decoded(entries, entry, before, now) : undefined;
    if (Atomics.load(entries.words, at) >>> STATE_BITS === before >>> STATE_BITS) return view;
  }
  return undefined; // changes hands all the time: no connection lasts here
}

function matches(entries: ConnectionEntries, entry: number, filter: ConnectionFilter): boolean {
  const { owner, protocol, address, port } = filter;
  const at = entries.at(entry);
  const whose = entries.words[at + E_PROTOCOL]!;
  if (owner !== undefined && whose >>> 8 !== owner) return false;
  if (protocol !== undefined && (whose & 0xff) !== protocol) return false;
  const ports = entries.words[at + E_PORTS]!;
  if (port !== undefined && portOf(ports) !== port && portOf(ports >>> 16) !== port) return false;
  if (address === undefined) return true;
  return same(addressAt(entries, at + E_SOURCE), address) || same(addressAt(entries, at + E_DESTINATION), address);
}

function decoded(entries: ConnectionEntries, entry: number, control: number, now: number): ConnectionView {
  const { words } = entries;
  const at = entries.at(entry);
  const version = control >>> STATE_BITS;
  const side = (direction: number): ConnectionSide => ({
    address: addressAt(entries, at + (direction === FORWARD ? E_SOURCE : E_DESTINATION)),
    port: portOf(words[at + E_PORTS]! >>> (direction === FORWARD ? 0 : 16)),
    packets: entries.packets(entry, direction),
    octets: entries.octets(entry, direction),
  });
  return {
    entry,
    version,
    protocol: words[at + E_PROTOCOL]! & 0xff,
    state: STATE_NAMES[control & STATE_MASK]!,
    source: side(FORWARD),
    destination: side(BACK),
    idleTicks: Math.max(0, (now - words[at + E_USED]!) | 0),
    ageTicks: Math.max(0, (now - words[at + E_MADE]!) | 0),
    owner: words[at + E_PROTOCOL]! >>> 8,
    rule: words[at + E_RULE]!,
    ruleGeneration: entries.ruleGeneration(entry, version),
  };
}

const addressAt = (entries: ConnectionEntries, at: number): Uint8Array =>
  new Uint8Array(entries.words.slice(at, at + 4).buffer);

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((octet, i) => octet === b[i]);

/** A raw port in the low half. */
const portOf = (raw: number): number => ((raw & 0xff) << 8) | ((raw >>> 8) & 0xff);
