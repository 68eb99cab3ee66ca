/** Architectural constants (RFC 2328 appendix B, which RFC 5340 takes over). */
import type { Millis } from "#base/time";

/** Seconds between new instances of an LSA that did not change. */
export const LS_REFRESH_TIME = 1800;
/** Seconds; an LSA of this age takes no part in anything but its own removal. */
export const MAX_AGE = 3600;
/** Seconds; ages that differ by less mean the same instance (RFC 2328 §13.1). */
export const MAX_AGE_DIFF = 900;
/** Between two new instances of one of our LSAs. */
export const MIN_LS_INTERVAL: Millis = 5000;
/**
 * After a rest of twice MinLSInterval an instance may follow the first so soon, and the next one after twice as long,
 * and so on up to MinLSInterval: a router that has just started, or a link that comes back and goes again, need not wait.
 * Receivers accept it, since MinLSArrival is over even when the first was held up on its way. RFC 2328 has MinLSInterval
 * alone; other routers' LSA throttles do the like.
 */
export const FOLLOW_UP_INTERVAL: Millis = 1250;
/** Between two new instances that we accept of one LSA of another router. */
export const MIN_LS_ARRIVAL: Millis = 1000;
/** The metric that says unreachable, of prefixes (24 bits). */
export const LS_INFINITY = 0xff_ffff;
/** The greatest metric of a link (16 bits). A router whose links all have it carries no transit traffic (RFC 6987). */
export const MAX_LINK_METRIC = 0xffff;

export const BACKBONE = 0;
