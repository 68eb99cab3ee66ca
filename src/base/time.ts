/** Units of time, in the type's name. The clock is whoever calls; a core is told what time it is. */

/** Milliseconds of a clock that never goes back, since some moment in the past; or a span of them. */
export type Millis = number;

/** No deadline: nothing is waiting. */
export const NEVER: Millis = Number.POSITIVE_INFINITY;
