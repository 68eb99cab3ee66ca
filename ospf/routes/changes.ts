/** What a change of the databases means for the routing table: RFC 2328 §13.2, RFC 5340 §4.8. */
import { sameAddress } from "#base/address";
import { BACKBONE } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import { sameContents } from "#ospf/packet/lsa";
import {
  AS_EXTERNAL_LSA,
  INTER_AREA_PREFIX_LSA,
  INTER_AREA_ROUTER_LSA,
  INTRA_AREA_PREFIX_LSA,
  LINK_LSA,
  type LsaHeader,
  NETWORK_LSA,
  NSSA_LSA,
  ROUTER_LSA,
} from "#ospf/packet/lsa-header";
import type { Changes } from "#ospf/routes/computation";
import type { Scope } from "#ospf/scope";
import type { Area, Instance, Interface } from "#ospf/state";
import { formatRouterId } from "#ospf/text";

/** An LSA that came, changed or went; an instance of MaxAge is as good as none. */
export interface LsaChange {
  readonly scope: Scope;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** True: the routing table may be different, `changes` has where. */
export function noteChange(instance: Instance, changes: Changes, { scope, before, after }: LsaChange): boolean {
  const old = before !== undefined && !isMaxAge(before) ? before : undefined;
  const now = after !== undefined && !isMaxAge(after) ? after : undefined;
  if (old === undefined && now === undefined) return false;
  if (old !== undefined && now !== undefined && sameContents(old.lsa, now.lsa)) return false;
  const { header } = (now ?? old)!.lsa;
  switch (scope.kind) {
    case "link":
      return noteLink(changes, scope.interface, header.type === LINK_LSA && addressChanged(old, now));
    case "area":
      return noteArea(instance, changes, scope.area, header);
    case "as":
      return noteExternal(instance, changes, header, AS_EXTERNAL_LSA);
  }
}

/**
 * Of Link-LSAs only the address counts: prefixes are advertised again by the Designated Router. On point-to-point links
 * that is the neighbor's own (first-hops.ts).
 */
function noteLink(changes: Changes, on: Interface, isOther: boolean): boolean {
  const counts = isOther && on.config.kind === "broadcast";
  if (counts) changes.trees.add(on.area.id);
  return counts;
}

function addressChanged(before: Entry | undefined, after: Entry | undefined): boolean {
  if (before?.body.kind !== "link" || after?.body.kind !== "link") return true;
  return !sameAddress(before.body.linkLocalAddress, after.body.linkLocalAddress);
}

function noteArea(instance: Instance, changes: Changes, area: Area, header: LsaHeader): boolean {
  switch (header.type) {
    case ROUTER_LSA:
    case NETWORK_LSA:
      changes.trees.add(area.id);
      return true;
    case INTRA_AREA_PREFIX_LSA:
      changes.internal = true;
      return true;
    case INTER_AREA_PREFIX_LSA:
    case INTER_AREA_ROUTER_LSA: {
      const counts = isOthers(instance, header) && (!instance.isBorder || area.id === BACKBONE);
      changes.internal ||= counts;
      return counts;
    }
    default:
      return area.config.kind === "nssa" && noteExternal(instance, changes, header, NSSA_LSA);
  }
}

function noteExternal(instance: Instance, changes: Changes, header: LsaHeader, type: number): boolean {
  const counts = header.type === type && isOthers(instance, header);
  changes.external ||= counts;
  return counts;
}

/** What we tell of other areas and systems ourselves is no way for us (RFC 2328 §16.2 (2), §16.4 (2)). */
const isOthers = ({ config }: Instance, header: LsaHeader): boolean => header.advertisingRouter !== config.routerId;

const NAMES: ReadonlyMap<number, string> = new Map([
  [ROUTER_LSA, "router"],
  [NETWORK_LSA, "network"],
  [INTER_AREA_PREFIX_LSA, "inter-area-prefix"],
  [INTER_AREA_ROUTER_LSA, "inter-area-router"],
  [AS_EXTERNAL_LSA, "AS-external"],
  [NSSA_LSA, "NSSA"],
  [LINK_LSA, "link"],
  [INTRA_AREA_PREFIX_LSA, "intra-area-prefix"],
]);

/** For the log: "router-LSA 0.0.0.1 of 10.0.0.1 came". */
export function describeChange({ before, after }: LsaChange): string {
  const { type, linkStateId, advertisingRouter } = (after ?? before)!.lsa.header;
  const goes = after === undefined || isMaxAge(after);
  const did = goes ? "went" : before === undefined || isMaxAge(before) ? "came" : "changed";
  return `${NAMES.get(type) ?? "unknown"}-LSA ${formatRouterId(linkStateId)} of ${formatRouterId(advertisingRouter)} ${did}`;
}
