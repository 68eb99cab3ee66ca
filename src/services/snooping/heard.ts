/** A frame from a VM → what it says of groups, whichever protocol and version says it. */
import { isLinkLocal6, isUnspecified } from "#base/address";
import { Malformed } from "#base/reader";
import * as ethernet from "#wire/ethernet";
import { ALLOW, BLOCK, type GroupRecord, IS_EX, IS_IN, TO_EX, TO_IN } from "#wire/group-membership";
import * as igmp from "#wire/igmp";
import * as mld from "#wire/mld";

/** IGMP's; MLD's versions 1 and 2 do what IGMP's 2 and 3 do (RFC 3810 §1). */
export type Version = 1 | 2 | 3;

/** What is said of one group. Sources are not told apart: a VM gets a group from all of them (RFC 4541 §2.1.2). */
export interface Report {
  readonly group: Uint8Array;
  readonly version: Version;
  /** It is listened to; no longer; or less than before, and perhaps no longer. */
  readonly kind: "wants" | "ends" | "blocks";
}

export type Heard =
  | { readonly type: "reports"; readonly reports: readonly Report[] }
  /** `isRouter`: from an address of its own, so by a multicast router (RFC 4541 §2.1.1). */
  | { readonly type: "query"; readonly isRouter: boolean }
  | { readonly type: "unknown" }
  | { readonly type: "malformed" };

const MALFORMED: Heard = { type: "malformed" };

export function heardIn(frame: Uint8Array): Heard {
  if (!ethernet.fits(frame, 0, frame.length)) return MALFORMED;
  switch (ethernet.etherType(frame, 0)) {
    case ethernet.ETHERTYPE_IPV4:
      return heardInIgmp(igmp.readIgmp(frame, ethernet.SIZE, frame.length));
    case ethernet.ETHERTYPE_IPV6:
      return heardInMld(mld.readMld(frame, ethernet.SIZE, frame.length));
    default:
      return MALFORMED;
  }
}

function heardInIgmp(packet: igmp.IgmpPacket | Malformed): Heard {
  if (packet instanceof Malformed) return packet.error === igmp.UNKNOWN_TYPE ? { type: "unknown" } : MALFORMED;
  const { source, message } = packet;
  switch (message.type) {
    case igmp.QUERY:
      return { type: "query", isRouter: !isUnspecified(source) };
    case igmp.REPORT_1:
      return one(message.group, 1, "wants");
    case igmp.REPORT_2:
      return one(message.group, 2, "wants");
    case igmp.LEAVE:
      return one(message.group, 2, "ends");
    case igmp.REPORT_3:
      return { type: "reports", reports: message.records.flatMap(reportIn) };
  }
}

function heardInMld(packet: mld.MldPacket | Malformed): Heard {
  if (packet instanceof Malformed) return MALFORMED;
  const { source, message } = packet;
  const isNobody = isUnspecified(source);
  // A host without an address yet is heard too: it is on this port, and nobody else (RFC 4541 §3).
  if (!isLinkLocal6(source) && !isNobody) return MALFORMED;
  switch (message.type) {
    case mld.QUERY:
      return isNobody ? MALFORMED : { type: "query", isRouter: true };
    case mld.REPORT_1:
      return one(message.group, 2, "wants");
    case mld.DONE:
      return one(message.group, 2, "ends");
    case mld.REPORT_2:
      return { type: "reports", reports: message.records.flatMap(reportIn) };
  }
}

const one = (group: Uint8Array, version: Version, kind: Report["kind"]): Heard => ({
  type: "reports",
  reports: [{ group, version, kind }],
});

/** Nothing where a record has a type that is not known, or says nothing (RFC 3376 §4.2.12, §5.1). */
function reportIn({ type, group, sources }: GroupRecord): Report[] {
  const kind = KINDS[type]?.[sources.length === 0 ? "none" : "some"];
  return kind === undefined ? [] : [{ group, version: 3, kind }];
}

/** What a record means that names no sources, or some. */
const KINDS: Readonly<Record<number, { readonly none?: Report["kind"]; readonly some: Report["kind"] }>> = {
  [IS_IN]: { some: "wants" },
  [IS_EX]: { none: "wants", some: "wants" },
  [TO_IN]: { none: "ends", some: "wants" },
  [TO_EX]: { none: "wants", some: "wants" },
  [ALLOW]: { some: "wants" },
  [BLOCK]: { some: "blocks" },
};
