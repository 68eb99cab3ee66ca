/**
 * The pipelines: which stages a frame passes, in order. This page is the map; each stage answers one question and
 * either lets the frame go on or names its ending. The stages only decide; rewrite/ alone changes octets.
 */
import type { Frame } from "#fastpath/frame";
import { adjacency, adjacencyOriginate, adjacencyTransit } from "#fastpath/stages/adjacency";
import { admit } from "#fastpath/stages/admit";
import { answer } from "#fastpath/stages/answer";
import { deliver } from "#fastpath/stages/deliver";
import { forMe } from "#fastpath/stages/for-me";
import { fromService, onlyLocal } from "#fastpath/stages/from-service";
import { guardIn, guardOut } from "#fastpath/stages/guard";
import { home } from "#fastpath/stages/home";
import { inner } from "#fastpath/stages/inner";
import { locate } from "#fastpath/stages/locate";
import { origin } from "#fastpath/stages/origin";
import { redirect } from "#fastpath/stages/redirect";
import { resolve } from "#fastpath/stages/resolve";
import { route, routeTransit } from "#fastpath/stages/route";
import { trackIn, trackOut } from "#fastpath/stages/track";
import { translatableTo4, translatableTo6 } from "#fastpath/stages/translatable";
import { GROUP_LOCAL } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export type Stage = (f: Frame, t: Tables) => Verdict;

// Every frame starts with classify (stages/classify.ts); then, unless the flow cache knows the flow:

/** VM → network address and route. */
export const OUTBOUND: readonly Stage[] = [admit, answer, resolve, guardOut, trackOut, home, redirect, route];
/** … then into the fabric, */
export const INTO_FABRIC: readonly Stage[] = [translatableTo6, adjacency];
/** … or, when the route is local, to the VM next door. */
export const HAIRPIN_TO_VM: readonly Stage[] = [guardIn, trackIn, locate, deliver];

/** Fabric → route. */
export const FROM_FABRIC: readonly Stage[] = [forMe, routeTransit];
/** … then to a local VM, */
export const INBOUND: readonly Stage[] = [inner, origin, guardIn, trackIn, locate, translatableTo4, deliver];
/** … or on to the next router. */
export const TRANSIT_STAGES: readonly Stage[] = [adjacencyTransit];

/** Metadata service → a local VM, and nowhere else. */
export const FROM_SERVICE: readonly Stage[] = [
  ...[fromService, routeTransit, onlyLocal],
  ...[inner, guardIn, trackIn, locate, translatableTo4, deliver],
];

/** What this router sends itself: a route and a next hop. */
export const ORIGINATE: readonly Stage[] = [routeTransit, adjacencyOriginate];

export function run(stages: readonly Stage[], f: Frame, t: Tables): Verdict {
  for (let i = 0; i < stages.length; i++) {
    const verdict = stages[i]!(f, t);
    if (verdict !== CONTINUE) return verdict;
  }
  return CONTINUE;
}

/** Fills the scratch record of `t` for a classified frame. CONTINUE: REWRITE may go to work. */
export function decide(f: Frame, t: Tables): Verdict {
  if (t.isService(f.port)) return run(FROM_SERVICE, f, t);
  const fromVm = t.isVm(f.port);
  const verdict = run(fromVm ? OUTBOUND : FROM_FABRIC, f, t);
  if (verdict !== CONTINUE) return verdict;
  const local = f.group === GROUP_LOCAL;
  if (fromVm) return run(local ? HAIRPIN_TO_VM : INTO_FABRIC, f, t);
  return run(local ? INBOUND : TRANSIT_STAGES, f, t);
}
