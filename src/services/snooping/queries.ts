/** The queries that VMs are asked, as frames: always of the newest version, which older hosts read as theirs. */
import type { Millis } from "#base/time";
import type { SnoopingSettings } from "#services/snooping/events";
import { groupOf } from "#services/snooping/group";
import { LAST_MEMBER_QUERY_INTERVAL, QUERY_INTERVAL, ROBUSTNESS } from "#services/snooping/times";
import * as ethernet from "#wire/ethernet";
import * as igmp from "#wire/igmp";
import * as mld from "#wire/mld";
import { ALL_NODES } from "#wire/nd";

const NO_GROUP4 = new Uint8Array(4);
const NO_GROUP6 = new Uint8Array(16);
const DETAILS = { suppress: false, robustness: ROBUSTNESS, interval: QUERY_INTERVAL / 1000, sources: [] };

/** About all groups, of IPv4 and of IPv6 (RFC 3376 §4.1.12, RFC 3810 §5.1.15). */
export const generalQueries = (from: SnoopingSettings, maxResponse: Millis): Uint8Array[] => [
  igmpQuery(from, igmp.ALL_SYSTEMS, NO_GROUP4, maxResponse),
  mldQuery(from, ALL_NODES, NO_GROUP6, maxResponse),
];

/** About one group, by its name. */
export function groupQuery(from: SnoopingSettings, name: string): Uint8Array {
  const group = groupOf(name);
  const query = group.length === 4 ? igmpQuery : mldQuery;
  return query(from, group, group, LAST_MEMBER_QUERY_INTERVAL);
}

function igmpQuery(
  from: SnoopingSettings,
  destination: Uint8Array,
  group: Uint8Array,
  maxResponse: Millis,
): Uint8Array {
  const message = { type: igmp.QUERY, version: 3, group, maxResponse, ...DETAILS } as const;
  const packet = igmp.writeIgmp({ source: from.gateway, destination, message });
  return ethernet.frame(ethernet.multicastMac4(destination), from.gatewayMac, ethernet.ETHERTYPE_IPV4, packet);
}

function mldQuery(from: SnoopingSettings, destination: Uint8Array, group: Uint8Array, maxResponse: Millis): Uint8Array {
  const message = { type: mld.QUERY, version: 2, group, maxResponse, ...DETAILS } as const;
  const packet = mld.writeMld({ source: from.gateway6, destination, message });
  return ethernet.frame(ethernet.multicastMac6(destination), from.gatewayMac, ethernet.ETHERTYPE_IPV6, packet);
}
