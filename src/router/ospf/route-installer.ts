/**
 * OSPF's routing table into the forwarding table, in slices that leave the event loop to hellos and the API in between.
 * What came last for a prefix counts, whether or not what came before was installed.
 */

import { formatIpv6 } from "#base/address";
import type { Millis } from "#base/time";
import { FibFullError } from "#fastpath/tables/fib-writer";
import type { NextHop, OspfRoute } from "#ospf/routes/model";
import { type HopList, type HopSet, type HopSets, hopList } from "#router/ospf/hop-sets";
import type { Rib } from "#router/rib";
import type { Target } from "#router/routing";
import type { UplinkNeighbors } from "#router/uplink-neighbors";
import type { RouteView } from "#router/views";

const SLICE: Millis = 4;
/** Routes between looks at the clock. */
const ROUTES_BETWEEN_LOOKS = 32;

export interface InstallerOptions {
  readonly rib: Rib;
  readonly sets: HopSets;
  /** After each slice: decisions made with the old routes are to be forgotten. */
  readonly changed: () => void;
  /** All is installed; `freed`: next hops may be in use no more. */
  readonly settled: (freed: boolean) => void;
  /** Routes that found no room, for the log. */
  readonly full: (text: string) => void;
  /** Work in one go, in place of 4 ms. */
  readonly slice?: Millis;
}

export class RouteInstaller {
  private readonly options: InstallerOptions;
  /** Undefined: what goes there is discarded. */
  private readonly installed = new Map<string, HopSet | undefined>();
  /** By prefix; undefined: to be removed. */
  private readonly pending = new Map<string, OspfRoute | undefined>();
  /** No room was found for them, or to remove them (undefined); tried again when others have gone. */
  private readonly refused = new Map<string, OspfRoute | undefined>();
  /** OSPF gives routes with the same next hops the same array. */
  private readonly lists = new WeakMap<readonly NextHop[], HopList>();
  private next: NodeJS.Immediate | undefined;
  private freed = false;
  private removals = 0;

  constructor(options: InstallerOptions) {
    this.options = options;
  }

  take(changed: readonly OspfRoute[], removed: readonly OspfRoute[]): void {
    for (const { text } of removed) this.put(text, undefined);
    for (const route of changed) this.put(route.text, route);
    // The first of it before what the core wants sent: who is told of a new link of ours will use it at once.
    if (this.next === undefined) this.slice(this.endOfSlice());
  }

  /** Whatever OSPF has is this; routes it has no more go: after a core was replaced. */
  replaceBy(table: ReadonlyMap<string, OspfRoute>): void {
    for (const text of this.installed.keys()) if (!table.has(text)) this.put(text, undefined);
    for (const [text, route] of this.pending) {
      if (route !== undefined && table.get(text) !== route) this.put(text, table.get(text));
    }
    this.schedule();
  }

  /** Does all that is pending now. */
  drain(): void {
    clearImmediate(this.next);
    this.next = undefined;
    while (this.pending.size > 0) this.slice(Number.POSITIVE_INFINITY);
  }

  /** "waiting": the last word on the prefix is still to be carried out. */
  stateOf(text: string): "installed" | "waiting" | "no room" | "absent" {
    if (this.pending.has(text)) return "waiting";
    if (this.refused.has(text)) return "no room";
    return this.installed.has(text) ? "installed" : "absent";
  }

  /** Installed, for `show routes`. */
  view(neighbors: Pick<UplinkNeighbors, "states">): RouteView[] {
    const states = neighbors.states();
    const hopsOf = (set: HopSet) =>
      set.hops.map(({ uplink, address }) => {
        const text = formatIpv6(address);
        return { uplink, address: text, state: states(uplink, text) };
      });
    const known = new Map<HopSet, RouteView["nextHops"]>();
    return [...this.installed].flatMap(([prefix, set]) => {
      if (this.options.rib.winner(prefix) !== "ospf") return [];
      if (set === undefined) return [{ prefix, origin: "ospf discard", nextHops: [] }];
      const nextHops = known.get(set) ?? hopsOf(set);
      known.set(set, nextHops);
      return [{ prefix, origin: "ospf", nextHops }];
    });
  }

  /** Prefixes that wait to be installed or removed. */
  get waiting(): number {
    return this.pending.size;
  }

  /** Prefixes that found no room. */
  get withoutRoom(): number {
    return this.refused.size;
  }

  stop(): void {
    clearImmediate(this.next);
    this.next = undefined;
    this.pending.clear();
  }

  private put(text: string, route: OspfRoute | undefined): void {
    this.refused.delete(text);
    this.pending.delete(text); // to the end: what changes often does not hold up the others
    this.pending.set(text, route);
  }

  private schedule(): void {
    if (this.pending.size > 0) this.next ??= setImmediate(() => this.slice(this.endOfSlice()));
  }

  private endOfSlice(): Millis {
    return performance.now() + (this.options.slice ?? SLICE);
  }

  private slice(until: number): void {
    this.next = undefined;
    let count = 0;
    for (const [text, route] of this.pending) {
      this.pending.delete(text);
      this.bring(text, route);
      if (++count % ROUTES_BETWEEN_LOOKS === 0 && performance.now() > until) break;
    }
    this.options.changed();
    if (this.pending.size === 0) this.settle();
    this.schedule();
  }

  private settle(): void {
    if (this.removals > 0) for (const [text, route] of this.refused) this.put(text, route);
    this.removals = 0;
    const { freed } = this;
    this.freed = false;
    if (this.pending.size === 0) this.options.settled(freed);
  }

  private bring(text: string, route: OspfRoute | undefined): void {
    try {
      if (route === undefined) this.remove(text);
      else if (route.path === "discard") this.install(route, undefined);
      else {
        const list = this.listOf(route.nextHops);
        if (list.hops.length > 0) this.install(route, list);
        else this.remove(text); // our own, or on the link itself
      }
    } catch (error) {
      if (!(error instanceof FibFullError || error instanceof RangeError)) throw error;
      if (this.refused.size === 0) this.options.full(`no room for ${text}: ${error.message}`);
      this.refused.set(text, route);
    }
  }

  private remove(text: string): void {
    if (!this.installed.has(text)) return;
    this.options.rib.remove("ospf", text);
    this.letGo(this.installed.get(text));
    this.installed.delete(text);
    this.removals++;
  }

  /** `list`: undefined to discard. */
  private install(route: OspfRoute, list: HopList | undefined): void {
    const { text, prefix } = route;
    const before = this.installed.get(text);
    const set = list && this.options.sets.acquire(list, before);
    try {
      if (set === undefined || set !== before) this.options.rib.set("ospf", { ...prefix, text }, targetOf(set));
    } catch (error) {
      this.letGo(set);
      throw error;
    }
    this.installed.set(text, set);
    this.letGo(before);
  }

  private letGo(set: HopSet | undefined): void {
    if (set !== undefined && this.options.sets.release(set)) this.freed = true;
  }

  /**
   * Without destinations on the link itself: hosts there are reached by static routes, as their addresses are not ours to
   * ask for.
   */
  private listOf(nextHops: readonly NextHop[]): HopList {
    const known = this.lists.get(nextHops);
    if (known !== undefined) return known;
    const list = hopList(nextHops.flatMap(({ interface: uplink, address }) => (address ? [{ uplink, address }] : [])));
    this.lists.set(nextHops, list);
    return list;
  }
}

const targetOf = (set: HopSet | undefined): Target =>
  set === undefined ? { kind: "discard" } : { kind: "group", value: set.value };
