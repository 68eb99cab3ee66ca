/** LSAs grow old and leave: RFC 2328 §14, and before their time §14.1. */
import { MAX_AGE } from "#ospf/constants";
import { type Core, isSynchronizing, nowOf } from "#ospf/core";
import type { Entry } from "#ospf/database/store";
import { install, removeEntry } from "#ospf/flooding/database";
import { flood } from "#ospf/flooding/flood";
import { withAge } from "#ospf/packet/lsa";
import { type Scope, storeOf } from "#ospf/scope";

/** What reached MaxAge is flooded once more, so that all forget it together. */
export function expire(core: Core): void {
  for (const { entry, scope } of core.expiry.due(nowOf(core))) {
    if (storeOf(core.instance, scope).get(entry.lsa.header) === entry) flush(core, scope, entry);
  }
}

/** Sets the age to MaxAge and floods that. */
export function flush(core: Core, scope: Scope, entry: Entry): void {
  const lsa = withAge(entry.lsa, MAX_AGE);
  flood(core, scope, install(core, scope, lsa, { body: entry.body, received: false }));
}

/** Takes out what everybody has acknowledged.  */
export function removeAcknowledged(core: Core): void {
  for (const [entry, scope] of core.leaving) {
    if (entry.unacknowledged > 0 || isSynchronizing(core, scope)) continue;
    removeEntry(core, scope, entry);
    core.originator.removed(scope, entry);
  }
}
