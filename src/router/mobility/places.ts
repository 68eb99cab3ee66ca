/**
 * The tables that forwarders find moved VMs in, as the core wants them: a subject's place in the binding table, a tunnel for
 * each hypervisor that one of them names. Tunnels go when no place has named them for a while.
 */
import { fromHex, toHex } from "#base/bytes";
import type { Millis } from "#base/time";
import { type BindingEntry, Bindings, PLACE_NATIVE, PLACE_TUNNEL, PLACE_UNKNOWN } from "#fastpath/tables/bindings";
import { WAYS } from "#fastpath/tables/connection-layout";
import { connectionTicks } from "#fastpath/tables/connection-states";
import { K_KEY, KEY_WORDS } from "#fastpath/tables/keyed-slots";
import type { Tunnels } from "#fastpath/tables/tunnels";
import type { AddressHex, Place, PlaceRole, Subject } from "#pmip/events";
import { fromKey, putKey, subjectKey } from "#router/mobility/subjects";
import { monotonicNanos } from "#sys/clock";

export interface Whereabouts {
  readonly subject: Subject;
  readonly place: Place;
  readonly role: PlaceRole;
}

/** How long a tunnel that no place names stays: packets that were on their way into it are long gone then. */
const REST: Millis = 5000;

/** How long places stay that a core told which was replaced: hypervisors register with the next one when they hear of it. */
const STALE: Millis = 30_000;

interface TunnelUse {
  readonly tunnel: number;
  users: number;
  /** Since when there are none. */
  idleSince: Millis;
}

/** Slots that a key may have. */
const CANDIDATES = 2 * WAYS;

/** The control thread's view of the binding table. */
class Entries extends Bindings {
  /** Makes room for the key that was looked for last, by an entry that tells nothing. False: there is none. */
  evictUnknown(): boolean {
    for (let i = 0; i < CANDIDATES; i++) {
      const entry = this.candidate(i);
      const version = entry === 0 ? -1 : this.versionOf(entry);
      if (version < 0 || this.place(entry) !== PLACE_UNKNOWN) continue;
      if (this.removeUnused(entry, version, 0)) return true;
    }
    return false;
  }

  /** Calls for each entry from `first` to before `end`, without making anything. */
  scan(first: number, end: number, visit: (entry: number, version: number) => void): void {
    for (let entry = first; entry < end; entry++) {
      if (!this.isTaken(entry)) continue;
      const version = this.versionOf(entry);
      if (version >= 0) visit(entry, version);
    }
  }

  packetsOf(subject: Subject): number {
    putKey(this.key, subject);
    const entry = this.find();
    return entry === 0 ? 0 : this.packets(entry);
  }

  /** The subject of an entry that a forwarder told of; undefined: it is gone. */
  subjectAt(entry: number): Subject | undefined {
    const version = entry < 1 || entry > this.slots ? -1 : this.versionOf(entry);
    if (version < 0) return undefined;
    const at = this.at(entry) + K_KEY;
    const key = this.words.slice(at, at + KEY_WORDS);
    return this.isLive(entry, version) ? fromKey(key) : undefined;
  }
}

/** Good for one call only. */
export interface ScannedEntry {
  readonly entry: number;
  readonly version: number;
  readonly isUnknown: boolean;
  /** Tick of the last packet. */
  readonly usedAt: number;
  readonly packets: number;
}

export interface PlacesOptions {
  /** Of createBindingTable. */
  readonly buffer: SharedArrayBuffer;
  readonly tunnels: Tunnels;
  readonly warn: (text: string) => void;
}

export class Places {
  readonly tunnels: Tunnels;
  readonly #bindings: Entries;
  readonly #warn: (text: string) => void;
  /** What the core has said last of each subject that is somewhere. */
  readonly #told = new Map<string, Whereabouts>();
  /** The same by entry of the table. */
  readonly #at = new Map<number, { readonly version: number; readonly whereabouts: Whereabouts }>();
  /** Of these, the few that were here until lately. */
  readonly #former = new Map<string, Subject>();
  /** By the tunnel's end. */
  readonly #uses = new Map<AddressHex, TunnelUse>();
  /** Of these an earlier core spoke, since when the present one has not. */
  #stale = new Set<string>();
  #staleSince: Millis = 0;
  /** Times that a table had no room. */
  #full = 0;

  constructor({ buffer, tunnels, warn }: PlacesOptions) {
    this.#bindings = new Entries(buffer);
    this.tunnels = tunnels;
    this.#warn = warn;
  }

  get room(): number {
    return this.#bindings.slots;
  }

  /** Entries of the table that something is known of. */
  get size(): number {
    return this.#at.size;
  }

  /** Whereabouts that found no room in a table: packets went by the home. */
  get withoutRoom(): number {
    return this.#full;
  }

  of(subject: Subject): Whereabouts | undefined {
    return this.#told.get(subjectKey(subject));
  }

  /** From the next packet on. */
  set(whereabouts: Whereabouts, now: Millis): void {
    const { subject, place, role } = whereabouts;
    const key = subjectKey(subject);
    if (place !== "unknown" && role === "former") this.#former.set(key, subject);
    else this.#former.delete(key);
    const before = this.#told.get(key);
    this.#stale.delete(key);
    if (place === "unknown") {
      this.#told.delete(key);
      this.#remove(subject);
    } else {
      this.#told.set(key, whereabouts);
      if (!this.#put(whereabouts, now)) {
        this.#full++;
        this.#warn("there is no room for another binding (mobility.bindings in fabric.yaml): packets go by the home");
      }
    }
    if (before !== undefined) this.#leave(before.place, now);
  }

  /** Another core begins: what it does not say again goes when {@link sweep} is told so late that it would have. */
  coreReplaced(now: Millis): void {
    this.#stale = new Set(this.#told.keys());
    this.#staleSince = now;
  }

  subjectAt(entry: number): Subject | undefined {
    return this.#bindings.subjectAt(entry);
  }

  /** −1: there is no such entry. */
  versionAt(entry: number): number {
    return entry < 1 || entry > this.room ? -1 : this.#bindings.versionOf(entry);
  }

  /** All entries, with their subjects and what was said of them. */
  *entries(): Generator<{ readonly entry: BindingEntry; readonly subject: Subject; readonly told?: Whereabouts }> {
    for (const entry of this.#bindings.entries()) {
      const subject = fromKey(entry.key);
      const told = this.#told.get(subjectKey(subject));
      yield { entry, subject, ...(told !== undefined && { told }) };
    }
  }

  /**
   * A quick look at entries, the `part`th of so many parts of the table. `told`: what was said of it; undefined: nothing, it
   * is a forwarder's question.
   */
  scan(
    { part, parts }: { readonly part: number; readonly parts: number },
    visit: (entry: ScannedEntry, told: Whereabouts | undefined) => void,
  ): void {
    const bindings = this.#bindings;
    const border = (which: number): number => 1 + Math.floor((which * bindings.slots) / parts);
    const seen = { entry: 0, version: 0, isUnknown: false, usedAt: 0, packets: 0 };
    bindings.scan(border(part), border(part + 1), (entry, version) => {
      seen.entry = entry;
      seen.version = version;
      seen.isUnknown = bindings.place(entry) === PLACE_UNKNOWN;
      seen.usedAt = bindings.usedAt(entry);
      seen.packets = bindings.packets(entry);
      const told = this.#at.get(entry);
      visit(seen, told?.version === version ? told.whereabouts : undefined);
    });
  }

  /** An entry that is nobody's question any more. */
  forget({ entry, version }: Pick<ScannedEntry, "entry" | "version">): void {
    this.#bindings.remove(entry, version);
  }

  /** Packets sent on by places of the former host's, of subjects that are `whose`. */
  formerPackets(whose: (subject: Subject) => boolean): number {
    let packets = 0;
    for (const subject of this.#former.values()) if (whose(subject)) packets += this.#bindings.packetsOf(subject);
    return packets;
  }

  /** Places that name the tunnel. */
  users(tunnel: number): number {
    return this.#uses.get(toHex(this.tunnels.address(tunnel)))?.users ?? 0;
  }

  /** Takes away tunnels that have rested long enough, and what nobody says any more. About once a second. */
  sweep(now: Millis): void {
    if (this.#stale.size > 0 && now - this.#staleSince > STALE) {
      for (const key of [...this.#stale]) this.set({ ...this.#told.get(key)!, place: "unknown" }, now);
    }
    for (const [mag, use] of this.#uses) {
      if (use.users > 0 || now - use.idleSince < REST) continue;
      this.tunnels.remove(use.tunnel);
      this.#uses.delete(mag);
    }
  }

  // ---- within ----

  #put(whereabouts: Whereabouts, now: Millis): boolean {
    const { subject, place } = whereabouts;
    const word = this.#placeOf(place, now);
    if (word === undefined) return false;
    const bindings = this.#bindings;
    const ticks = connectionTicks(monotonicNanos());
    putKey(bindings.key, subject);
    let entry = bindings.put(word, ticks);
    // A VM that asks for everybody must not keep those out that are known.
    if (entry === 0 && bindings.evictUnknown()) entry = bindings.put(word, ticks);
    if (entry !== 0) this.#at.set(entry, { version: bindings.version, whereabouts });
    return entry !== 0;
  }

  /** The word that stands for the place. Undefined: no tunnel is left. */
  #placeOf(place: Place, now: Millis): number | undefined {
    if (place === "unknown") return PLACE_UNKNOWN;
    if (place === "native") return PLACE_NATIVE;
    const use = this.#uses.get(place.mag) ?? this.#dig(place.mag, now);
    if (use === undefined) return undefined;
    use.users++;
    return PLACE_TUNNEL + use.tunnel;
  }

  #dig(mag: AddressHex, now: Millis): TunnelUse | undefined {
    const tunnel = this.tunnels.add(fromHex(mag)!);
    if (tunnel < 0) return undefined;
    const use = { tunnel, users: 0, idleSince: now };
    this.#uses.set(mag, use);
    return use;
  }

  #leave(place: Place, now: Millis): void {
    if (typeof place === "string") return;
    const use = this.#uses.get(place.mag);
    if (use === undefined) return;
    use.users--;
    use.idleSince = now;
  }

  #remove(subject: Subject): void {
    const bindings = this.#bindings;
    putKey(bindings.key, subject);
    const entry = bindings.find();
    if (entry === 0) return;
    this.#at.delete(entry);
    bindings.remove(entry, bindings.version);
  }
}
