/** RFC 3810 §9. */
import type { Millis } from "#base/time";

export const ROBUSTNESS = 2;
export const QUERY_INTERVAL: Millis = 125_000;
export const QUERY_RESPONSE_INTERVAL: Millis = 10_000;
export const LISTENER_INTERVAL: Millis = ROBUSTNESS * QUERY_INTERVAL + QUERY_RESPONSE_INTERVAL;
export const OTHER_QUERIER_INTERVAL: Millis = ROBUSTNESS * QUERY_INTERVAL + QUERY_RESPONSE_INTERVAL / 2;
export const STARTUP_QUERY_INTERVAL: Millis = QUERY_INTERVAL / 4;
export const UNSOLICITED_REPORT_INTERVAL: Millis = 1000;
/** Listeners say all again after so long even if nobody asks: a router that has lost it need not ask. */
export const REFRESH_INTERVAL: Millis = 60_000;
