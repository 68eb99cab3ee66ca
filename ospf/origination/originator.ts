/**
 * Origination as the rest of the router sees it. Others say what changed; at the end of a turn that which it bears upon
 * is computed anew and compared with what is out. So no one else decides about our LSAs, however a change came about.
 */
import { type Millis, NEVER } from "#base/time";
import type { Entry } from "#ospf/database/store";
import type { Turn } from "#ospf/events";
import type { Desired } from "#ospf/origination/desired";
import { asExternalLsas } from "#ospf/origination/external-lsas";
import { interAreaPrefixLsas, interAreaRouterLsas } from "#ospf/origination/inter-area-lsas";
import { intraAreaPrefixLsas } from "#ospf/origination/intra-area-prefix-lsas";
import { linkLsas } from "#ospf/origination/link-lsas";
import { networkLsas } from "#ospf/origination/network-lsas";
import { nssaLsas } from "#ospf/origination/nssa-lsas";
import type { Outlet } from "#ospf/origination/outlet";
import { routerLsas } from "#ospf/origination/router-lsas";
import { endsSilence, noteEarlierLife } from "#ospf/origination/silence";
import { isActive } from "#ospf/origination/standing";
import { summariesOf } from "#ospf/origination/summaries";
import { bestOf, type Translation, translationsOf } from "#ospf/origination/translation";
import { mayTranslate, NO_TRANSLATOR, nextTranslator, type Translator } from "#ospf/origination/translator";
import { Upkeep } from "#ospf/origination/upkeep";
import {
  AS_EXTERNAL_LSA,
  GRACE_LSA,
  INTER_AREA_PREFIX_LSA,
  INTER_AREA_ROUTER_LSA,
  INTRA_AREA_PREFIX_LSA,
  LINK_LSA,
  NETWORK_LSA,
  NSSA_LSA,
  ROUTER_LSA,
} from "#ospf/packet/lsa-header";
import type { RoutingTable } from "#ospf/routes/model";
import type { Scope } from "#ospf/scope";
import type { Area, Instance, Interface } from "#ospf/state";

/** What may make our LSAs others. Cheap to say; said twice it counts once. */
export type Change =
  /** An interface, its neighbors, or a Link-LSA on its link: bears upon the LSAs of its area too. */
  | { readonly kind: "link"; readonly interface: Interface }
  /** What we say of our own links in the area. */
  | { readonly kind: "area"; readonly area: Area }
  /** Routes, or ways to routers, in the routing table: bears upon what other areas are told. */
  | { readonly kind: "table" }
  /** The configuration. */
  | { readonly kind: "all" };

export class Originator {
  readonly #instance: Instance;
  readonly #upkeep: Upkeep;
  readonly #links = new Set<Interface>();
  readonly #areas = new Set<Area>();
  #tableChanged = false;
  #everything = true;
  /** As seen last: when it changes, so may everything. */
  #standing = "";
  /** As seen last. */
  #table: RoutingTable;
  /** What depends on the routing table stays as it is until another table has been computed. */
  #awaitsTable = false;
  /** By area id. */
  readonly #translators = new Map<number, Translator>();
  readonly #translations = new Map<number, readonly Translation[]>();
  #suspended = false;
  #ended = false;

  constructor(instance: Instance, outlet: Outlet) {
    this.#instance = instance;
    this.#table = instance.table;
    this.#upkeep = new Upkeep(instance, outlet);
  }

  changed(change: Change): void {
    switch (change.kind) {
      case "link":
        this.#links.add(change.interface);
        this.#areas.add(change.interface.area);
        return;
      case "area":
        this.#areas.add(change.area);
        return;
      case "table":
        this.#tableChanged = true;
        return;
      case "all":
        this.#everything = true;
    }
  }

  /** At the end of a turn, and when {@link deadline} comes. Nothing to do costs next to nothing. */
  reconcile(turn: Turn): void {
    if (this.#suspended) return;
    if (!this.#ended) {
      const outspoken = [...this.#instance.areas.values()].filter((area) => endsSilence(area, turn.now));
      if (this.#isMarked() || this.#translatorDeadline() <= turn.now) this.#renew(turn.now);
      for (const area of outspoken) this.#upkeep.speak(area, turn.now);
    }
    this.#upkeep.work(turn.now);
  }

  /** In the past while there is work to do. */
  deadline(): Millis {
    if (this.#suspended || this.#ended) return NEVER;
    return this.#isMarked()
      ? 0
      : Math.min(this.#upkeep.deadline(), this.#translatorDeadline(), this.#silenceDeadline());
  }

  /**
   * Of a newer instance that was received of an LSA of ours, after it was put into the database (RFC 2328 §13.4). The
   * next {@link reconcile} answers it by a newer one, or takes it back.
   */
  receivedOwn(turn: Turn, scope: Scope, entry: Entry): void {
    // Grace-LSAs are the restart's own affair while there is one.
    if (this.#suspended && entry.lsa.header.type === GRACE_LSA) return;
    if (scope.kind === "area" && !this.#suspended) noteEarlierLife(scope.area, turn.now);
    this.#upkeep.received(scope, entry, !this.#suspended);
    if (this.#ended) this.#upkeep.work(turn.now);
  }

  /** Of an LSA of anyone's that left the database at MaxAge: another instance may be waiting for that. */
  removed(scope: Scope, entry: Entry): void {
    if (entry.lsa.header.advertisingRouter === this.#instance.config.routerId) this.#upkeep.removed(scope, entry);
  }

  /**
   * A graceful restart: until {@link resume} nothing is originated or taken back, and what comes in of ours is kept, with
   * the Link State IDs that it gives our prefixes (RFC 3623 §2.2, RFC 5187 §3.1).
   */
  suspend(): void {
    this.#suspended = true;
  }

  /**
   * What we say of our own links is put right at once. Summaries and external LSAs wait for a routing table that knows
   * of the end of the restart: by the one at hand, routes that are about to come would be taken back (RFC 3623 §2.3).
   */
  resume(_turn: Turn): void {
    this.#suspended = false;
    this.#everything = true;
    this.#table = this.#instance.table;
    this.#awaitsTable = true;
  }

  /** For good: all LSAs are flushed, and no others follow. */
  flushAll(turn: Turn): void {
    this.#ended = true;
    this.#suspended = false;
    for (const area of this.#instance.areas.values()) area.isSilent = false;
    this.#upkeep.withdrawAll(turn.now);
  }

  /** For an operator to read. */
  translatorOf(area: Area): Translator {
    return this.#translators.get(area.id) ?? NO_TRANSLATOR;
  }

  #isMarked(): boolean {
    const isMarked = this.#everything || this.#tableChanged || this.#links.size > 0 || this.#areas.size > 0;
    return isMarked || this.#instance.table !== this.#table;
  }

  #translatorDeadline(): Millis {
    let first = NEVER;
    for (const { until } of this.#translators.values()) first = Math.min(first, until);
    return first;
  }

  #silenceDeadline(): Millis {
    let first = NEVER;
    for (const { silentUntil } of this.#instance.areas.values()) first = Math.min(first, silentUntil);
    return first;
  }

  #renew(now: Millis): void {
    const isNewTable = this.#instance.table !== this.#table;
    const translate = isNewTable || this.#everything || this.#translatorDeadline() <= now;
    const standingChanged = this.#standingChanged();
    const everything = this.#everything || standingChanged || (this.#awaitsTable && isNewTable);
    const summaries = everything || this.#tableChanged;
    const links = everything ? [...this.#instance.interfaces.values()] : [...this.#links];
    const areas = everything ? [...this.#instance.areas.values()] : [...this.#areas];
    if (isNewTable) this.#awaitsTable = false;
    this.#table = this.#instance.table;
    this.#everything = false;
    this.#tableChanged = false;
    this.#links.clear();
    this.#areas.clear();
    this.#upkeep.prune();
    for (const on of links) if (this.#instance.interfaces.get(on.name) === on) this.#renewLink(on, now);
    for (const area of areas) if (this.#instance.areas.get(area.id) === area) this.#renewArea(area, now);
    if (this.#awaitsTable) return;
    if (summaries) this.#renewSummaries(now);
    if (translate) this.#translate(now);
    if (everything || (translate && this.#translations.size > 0)) this.#renewExternal(now);
    if (everything) this.#upkeep.sweep(now);
  }

  #renewLink(on: Interface, now: Millis): void {
    this.#upkeep.want({ kind: "link", interface: on }, [LINK_LSA], linkLsas(on), now);
  }

  #renewArea(area: Area, now: Millis): void {
    const instance = this.#instance;
    const own: Desired[] = [
      ...networkLsas(instance, area),
      ...routerLsas(instance, area),
      ...intraAreaPrefixLsas(instance, area),
      ...nssaLsas(instance, area),
    ];
    const types = [NETWORK_LSA, ROUTER_LSA, INTRA_AREA_PREFIX_LSA, NSSA_LSA];
    this.#upkeep.want({ kind: "area", area }, types, own, now);
  }

  #renewSummaries(now: Millis): void {
    const summaries = summariesOf(this.#instance);
    for (const area of this.#instance.areas.values()) {
      const told = [
        ...interAreaPrefixLsas(this.#instance, area, summaries),
        ...interAreaRouterLsas(this.#instance, area),
      ];
      this.#upkeep.want({ kind: "area", area }, [INTER_AREA_PREFIX_LSA, INTER_AREA_ROUTER_LSA], told, now);
    }
  }

  /**
   * What of the NSSA-LSAs is installed the routing table says, so translations are computed when it is, and not when an
   * NSSA-LSA has changed that it does not know yet.
   */
  #translate(now: Millis): void {
    const instance = this.#instance;
    for (const id of this.#translators.keys()) {
      if (instance.areas.get(id)?.config.kind !== "nssa") this.#translators.delete(id);
    }
    for (const area of instance.areas.values()) {
      if (area.config.kind !== "nssa") continue;
      const translator = nextTranslator(instance, area, this.translatorOf(area), now);
      this.#translators.set(area.id, translator);
      if (mayTranslate(instance, area)) {
        this.#translations.set(area.id, translationsOf(instance, area, translator.state !== "disabled"));
      }
    }
  }

  #renewExternal(now: Millis): void {
    const translations: Translation[] = [];
    for (const [id, ofArea] of this.#translations) {
      const area = this.#instance.areas.get(id);
      if (area !== undefined && mayTranslate(this.#instance, area)) translations.push(...ofArea);
      else this.#translations.delete(id);
    }
    const desired = asExternalLsas(this.#instance, bestOf(translations));
    this.#upkeep.want({ kind: "as" }, [AS_EXTERNAL_LSA], desired, now);
  }

  /** Border and area standing bear upon flags, summaries, external LSAs and their P-bit alike. */
  #standingChanged(): boolean {
    const { isBorder, areas } = this.#instance;
    const standing = JSON.stringify([isBorder, Array.from(areas.values(), (area) => [area.id, isActive(area)])]);
    if (standing === this.#standing) return false;
    this.#standing = standing;
    return true;
  }
}
