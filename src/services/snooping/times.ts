/** Times and counts of IGMP and MLD, the same in both: RFC 3376 §8, RFC 3810 §9. */
import type { Millis } from "#base/time";

export const ROBUSTNESS = 2;
export const QUERY_INTERVAL: Millis = 125_000;
/** Of general queries. */
export const QUERY_RESPONSE_INTERVAL: Millis = 10_000;
/** How long a group is listened to that nothing more is heard of, and an older host is thought to be there. */
export const GROUP_MEMBERSHIP_INTERVAL: Millis = ROBUSTNESS * QUERY_INTERVAL + QUERY_RESPONSE_INTERVAL;
/** How long somebody who asks is thought to be a multicast router. */
export const OTHER_QUERIER_PRESENT_INTERVAL: Millis = ROBUSTNESS * QUERY_INTERVAL + QUERY_RESPONSE_INTERVAL / 2;
export const LAST_MEMBER_QUERY_INTERVAL: Millis = 1000;
export const LAST_MEMBER_QUERY_COUNT = ROBUSTNESS;
export const LAST_MEMBER_QUERY_TIME: Millis = LAST_MEMBER_QUERY_INTERVAL * LAST_MEMBER_QUERY_COUNT;
export const STARTUP_QUERY_COUNT = ROBUSTNESS;
/**
 * Much shorter than the default of both RFCs, and the time to answer such a query as well: behind a port is one VM, whose
 * answers make no burst, and one that has moved here, or whose router has, listens to groups that nobody here knows of.
 */
export const STARTUP_QUERY_INTERVAL: Millis = 1000;
/** After so long a VM that is there has answered the first or the second query: until then it is sent everything. */
export const LEARNING: Millis = (STARTUP_QUERY_COUNT + 1) * STARTUP_QUERY_INTERVAL;
