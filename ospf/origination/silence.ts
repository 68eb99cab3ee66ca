/**
 * While we are adjacent to nobody in an area, what we say there is for our own routing table alone: it is neither flooded
 * nor described. What is out first, or again, so has our links in it. If it had not, they would follow in a second instance
 * at once, which routers further away refuse because of MinLSArrival until RxmtInterval is over (RFC 2328 §13 step 5a), or
 * which waits for MinLSInterval here when the first was an answer to our earlier life's (§13.4).
 */
import { type Millis, NEVER } from "#base/time";
import { MIN_LS_INTERVAL } from "#ospf/constants";
import { atLeast } from "#ospf/neighbor/machine";
import { type Area, isAdjacent } from "#ospf/state";

/** For adjacencies that come up together with the first: they share one instance. */
export const COMPANY_WAIT: Millis = 500;

interface Company {
  isAdjacent: boolean;
  /** Somebody takes what is flooded. */
  hears: boolean;
  /** Somebody is about to be adjacent, or may be. */
  isExpected: boolean;
}

/** To be asked in each turn, before what changed is originated. True: the silence is over. */
export function endsSilence(area: Area, now: Millis): boolean {
  const company = companyIn(area);
  if (!area.isSilent) {
    area.isSilent = !company.hears;
    return false;
  }
  if (company.isAdjacent) breakSilenceBy(area, now + COMPANY_WAIT);
  const isOver = area.silentUntil <= now;
  const ends = company.isAdjacent ? isOver || !company.isExpected : isOver && company.hears;
  if (isOver || ends) area.silentUntil = NEVER;
  area.isSilent = !ends;
  area.hasSpoken ||= ends;
  return ends;
}

/** Others hold an instance of our earlier life, which says what is no longer so: they shall not for long. */
export function noteEarlierLife(area: Area, now: Millis): void {
  if (area.isSilent) breakSilenceBy(area, now + MIN_LS_INTERVAL);
}

function breakSilenceBy(area: Area, at: Millis): void {
  area.silentUntil = Math.min(area.silentUntil, at);
}

/** Two routers of a LAN may stay two-way. On an interface where nobody was heard yet somebody may be when we begin. */
function companyIn({ interfaces, hasSpoken }: Area): Company {
  const company: Company = { isAdjacent: false, hears: false, isExpected: false };
  for (const { neighbors, config } of interfaces) {
    if (neighbors.size === 0 && !hasSpoken && !config.passive) company.isExpected = true;
    for (const neighbor of neighbors.values()) {
      if (isAdjacent(neighbor)) company.isAdjacent = true;
      else if (neighbor.state !== "TwoWay") company.isExpected = true;
      if (isAdjacent(neighbor) || atLeast(neighbor.state, "Exchange")) company.hears = true;
    }
  }
  return company;
}
