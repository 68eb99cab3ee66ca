/** The databases of a router as flooding sees them: RFC 5340 §4.5.3, RFC 2328 §13.2. */
import { type Core, nowOf } from "#ospf/core";
import { type Entry, isMaxAge, type LsaStore } from "#ospf/database/store";
import { forgetRetransmission } from "#ospf/flooding/retransmit";
import { noteTopologyChange } from "#ospf/graceful/helper";
import { type Lsa, sameContents } from "#ospf/packet/lsa";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { floodingScope, LINK_LSA, scopeOf } from "#ospf/packet/lsa-header";
import { type Scope, storeOf } from "#ospf/scope";
import type { Interface } from "#ospf/state";

/** Where an LSA of the type that is heard on the interface belongs; undefined: nowhere (§4.5.1 steps 2 and 3). */
export function scopeOfType(type: number, on: Interface): Scope | undefined {
  if (scopeOf(type) === "reserved") return undefined; // the U-bit does not come into it
  switch (floodingScope(type)) {
    case "link":
      return { kind: "link", interface: on };
    case "area":
      return { kind: "area", area: on.area };
    case "as":
      return on.area.config.kind === "normal" ? { kind: "as" } : undefined;
    case "reserved":
      return undefined;
  }
}

/** All that a neighbor on the interface should have. */
export function storesFor(core: Core, on: Interface): LsaStore[] {
  const stores = [on.database, on.area.database];
  return on.area.config.kind === "normal" ? [...stores, core.instance.external] : stores;
}

interface Origin {
  readonly body: LsaBody;
  readonly received: boolean;
  readonly withheld?: boolean;
}

/** Puts the instance in place of an earlier one, which nobody needs to acknowledge any more. */
export function install(core: Core, scope: Scope, lsa: Lsa, of: Origin): Entry {
  const store = storeOf(core.instance, scope);
  const before = store.get(lsa.header);
  const { body, received, withheld = false } = of;
  const fresh = { installedAt: nowOf(core), unacknowledged: 0, answeredAt: -Infinity };
  const entry: Entry = { lsa, body, received, withheld, ...fresh };
  if (before !== undefined) {
    forgetRetransmission(core, scope, before);
    core.expiry.remove(before);
  } else core.instance.lsaCount++;
  core.instance.lsaOctets += lsa.header.length - (before?.lsa.header.length ?? 0);
  store.set(entry);
  core.expiry.add(entry, scope);
  if (isMaxAge(entry)) core.leaving.set(entry, scope);
  if (contentsChanged(before, entry)) {
    core.routing.lsaChanged(nowOf(core), scope, before, entry);
    noteTopologyChange(core, scope, entry);
    noteLinkLsa(core, scope, entry);
  }
  return entry;
}

/** As Designated Router we tell of the prefixes and options in the others' Link-LSAs (RFC 5340 §4.4.3). */
function noteLinkLsa(core: Core, scope: Scope, { lsa: { header } }: Entry): void {
  if (scope.kind !== "link" || header.type !== LINK_LSA) return;
  if (header.advertisingRouter === core.instance.config.routerId) return;
  core.originator.changed({ kind: "link", interface: scope.interface });
}

/** RFC 2328 §13.2: what is on its way out says nothing, whatever its octets. */
function contentsChanged(before: Entry | undefined, after: Entry): boolean {
  if (before === undefined) return !isMaxAge(after);
  if (isMaxAge(before) !== isMaxAge(after)) return true;
  return !isMaxAge(after) && !sameContents(before.lsa, after.lsa);
}

/** Takes the instance out, unless another took its place. */
export function removeEntry(core: Core, scope: Scope, entry: Entry): void {
  const store = storeOf(core.instance, scope);
  core.leaving.delete(entry);
  core.expiry.remove(entry);
  if (store.get(entry.lsa.header) !== entry) return;
  forgetRetransmission(core, scope, entry);
  store.delete(entry.lsa.header);
  core.instance.lsaCount--;
  core.instance.lsaOctets -= entry.lsa.header.length;
  if (isMaxAge(entry)) store.tombs.add(entry.lsa.header, nowOf(core));
  else core.routing.lsaChanged(nowOf(core), scope, entry, undefined);
}

/** The scope itself is gone: an interface that went down, an area without interfaces. */
export function forgetScope(core: Core, scope: Scope): void {
  for (const entry of [...storeOf(core.instance, scope).entries()]) removeEntry(core, scope, entry);
}
