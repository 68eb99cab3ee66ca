/** How fast the map goes about: what an operator has, and what tests hurry. */
import { LINE_LIMITS, type LineLimits } from "#web/router-line";

export interface Pace {
  readonly line: LineLimits;
  /** Times as long between two looks at a view as schedule.ts says. */
  readonly slowness: number;
  /** Milliseconds between two questions to a router that does not answer. */
  readonly retry: number;
  /** Milliseconds between two models at least, and between two looks at which routers there are. */
  readonly modelEvery: number;
  readonly fleetEvery: number;
  /** For so long routers are waited for before the first model is told without them, milliseconds. */
  readonly introduction: number;
  /** Octets that may wait for a browser that reads slowly. */
  readonly mostWaiting: number;
}

export const PACE: Pace = {
  ...{ line: LINE_LIMITS, slowness: 1, retry: 1500, modelEvery: 250, fleetEvery: 3000, introduction: 3500 },
  mostWaiting: 4 * 2 ** 20,
};
