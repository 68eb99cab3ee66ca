/**
 * The pipelines: which stages a frame passes, in order. This page is the map; each stage answers one question and
 * either lets the frame go on or names its ending. The stages only decide; rewrite/ alone changes octets.
 */
import { R_DESTINATION } from "#fastpath/decision";
import { type Frame, KIND_IPV6 } from "#fastpath/frame";
import {
  adjacency,
  adjacencyEntering,
  adjacencyFromOutside,
  adjacencyOriginate,
  adjacencyStraight,
  adjacencyToOutside,
  adjacencyTransit,
  adjacencyTurned,
} from "#fastpath/stages/adjacency";
import { admit } from "#fastpath/stages/admit";
import { admit6 } from "#fastpath/stages/admit-ipv6";
import { answer } from "#fastpath/stages/answer";
import { answer6 } from "#fastpath/stages/answer-ipv6";
import { arrive } from "#fastpath/stages/arrive";
import { counterpart } from "#fastpath/stages/counterpart";
import { deliver } from "#fastpath/stages/deliver";
import { forMe } from "#fastpath/stages/for-me";
import { fromService, onlyLocal } from "#fastpath/stages/from-service";
import { guardIn, guardOut } from "#fastpath/stages/guard";
import { home } from "#fastpath/stages/home";
import { inner, whole } from "#fastpath/stages/inner";
import { locate } from "#fastpath/stages/locate";
import { mapOut } from "#fastpath/stages/map-out";
import { origin } from "#fastpath/stages/origin";
import { admitOutside, answerOutside } from "#fastpath/stages/outside";
import { nameOwn } from "#fastpath/stages/own-word";
import { here, inquire, isElsewhere, notBack, onward, redirect } from "#fastpath/stages/redirect";
import { resolve } from "#fastpath/stages/resolve";
import { resolve6 } from "#fastpath/stages/resolve-ipv6";
import { addresses, route, routeTransit } from "#fastpath/stages/route";
import { segment, segment6 } from "#fastpath/stages/segment";
import { admitOutside6, answerOutside6, enter, isPublicTenants, leave, turnBack } from "#fastpath/stages/straight";
import { nameIn, nameOut } from "#fastpath/stages/tenants";
import { trackIn, trackOut } from "#fastpath/stages/track";
import { translatableTo4, translatableTo6 } from "#fastpath/stages/translatable";
import { isTurned, turnAround } from "#fastpath/stages/turn-around";
import { unmap } from "#fastpath/stages/unmap";
import type { Steps } from "#fastpath/steps";
import { GROUP_LOCAL, V_IPV4 } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export type Stage = (f: Frame, t: Tables) => Verdict;

// Every frame starts with classify (stages/classify.ts); then, unless the flow cache knows the flow:

/** VM, IPv4 or ARP → network address and route. */
export const OUTBOUND: readonly Stage[] = [
  ...[arrive, admit, segment, answer, resolve, guardOut, trackOut, home],
  ...[redirect, route],
];
/** … then into the fabric, natively or in a tunnel, */
export const INTO_FABRIC: readonly Stage[] = [translatableTo6, inquire, adjacency];
/** … or, when the route is local, to the VM next door. */
export const HAIRPIN_TO_VM: readonly Stage[] = [guardIn, trackIn, locate, deliver];

/** Fabric → route. */
export const FROM_FABRIC: readonly Stage[] = [forMe, addresses, here, routeTransit];
/** Fabric, in a tunnel for this router that `unwrap` has taken off: for a VM, and nobody else. */
export const FROM_TUNNEL: readonly Stage[] = [addresses, here, nameIn];
/** … then to a local VM, whose address is its own or is translated, */
export const INBOUND: readonly Stage[] = [inner, origin, guardIn, trackIn, locate, counterpart];
export const TO_IPV6_HOST: readonly Stage[] = [deliver];
export const TO_IPV4_HOST: readonly Stage[] = [translatableTo4, deliver];
/** … or after a VM that is elsewhere: this is its home, or where it was, */
export const RELAY: readonly Stage[] = [inner, origin, notBack, routeTransit, onward, adjacencyTransit];
/** … or on to the next router. */
export const TRANSIT_STAGES: readonly Stage[] = [adjacencyTransit];

/** VM, IPv6 → route; then as a packet of the fabric's into it, or to the VM next door. */
export const OUTBOUND_6: readonly Stage[] = [
  ...[arrive, whole, admit6, segment6, answer6, resolve6, addresses, nameOut, guardOut, trackOut],
  ...[redirect, routeTransit],
];
export const INTO_FABRIC_6: readonly Stage[] = [inquire, adjacencyTransit];

/** Metadata service → a local VM, and nowhere else. */
export const FROM_SERVICE: readonly Stage[] = [
  ...[fromService, addresses, here, routeTransit, onlyLocal],
  ...[inner, guardIn, trackIn, locate, counterpart, translatableTo4, deliver],
];

/** Outside → the inside host that an address stands for, into the fabric. */
export const FROM_OUTSIDE: readonly Stage[] = [
  ...[admitOutside, answerOutside, unmap, redirect, route],
  ...[translatableTo6, inquire, adjacencyFromOutside],
];
/** Fabric → outside: what a gateway's prefix covers is for it, and leaves with an address of the outside's. */
export const TO_OUTSIDE: readonly Stage[] = [inner, origin, mapOut, translatableTo4, adjacencyToOutside];

/** … or back in, to the inside host that an address outside stands for. */
export const TURN_AROUND: readonly Stage[] = [
  ...[inner, origin, turnAround, translatableTo4],
  ...[redirect, routeTransit, inquire, adjacencyTurned],
];

/** IPv6 from outside, straight in: to where the VM is, natively or in a tunnel. */
export const FROM_OUTSIDE_6: readonly Stage[] = [
  ...[admitOutside6, whole, answerOutside6, enter],
  ...[redirect, routeTransit, inquire, adjacencyEntering],
];
/** … straight out, */
export const TO_OUTSIDE_6: readonly Stage[] = [inner, leave, adjacencyStraight];
/** … or a fabric router's word to a VM whose address a tenant brought, to which only gateways lead. */
export const TURN_BACK: readonly Stage[] = [inner, turnBack, redirect, routeTransit, inquire, adjacencyEntering];

/** What this router sends itself, to VMs that moved too: a route and a next hop. */
export const ORIGINATE: readonly Stage[] = [addresses, nameOwn, redirect, routeTransit, adjacencyOriginate];

/** A copy of a VM's frame, in a tunnel to another hypervisor with members of its Ethernet segment (floods.ts). */
export const FLOOD_COPY: readonly Stage[] = [addresses, routeTransit, adjacencyOriginate];

export function run(stages: readonly Stage[], f: Frame, t: Tables): Verdict {
  if (t.steps !== undefined) return runWatched(stages, f, t, t.steps);
  for (let i = 0; i < stages.length; i++) {
    const verdict = stages[i]!(f, t);
    if (verdict !== CONTINUE) return verdict;
  }
  return CONTINUE;
}

/** The same for a frame that somebody watches. */
function runWatched(stages: readonly Stage[], f: Frame, t: Tables, steps: Steps): Verdict {
  for (let i = 0; i < stages.length; i++) {
    const verdict = stages[i]!(f, t);
    steps.passed(NUMBERS.get(stages[i]!) ?? 0, f, t, verdict);
    if (verdict !== CONTINUE) return verdict;
  }
  return CONTINUE;
}

/** Stages by the number that steps have of them: names as on this page, before all of them what the engine does itself. */
const NAMED: readonly (readonly [name: string, stage: Stage | undefined])[] = Object.entries({
  ...{ unknown: undefined, classify: undefined, unwrap: undefined, send: undefined },
  ...{ arrive, admit, answer, resolve, guardOut, trackOut, home, redirect, route },
  ...{ translatableTo6, inquire, adjacency, guardIn, trackIn, locate, deliver },
  ...{ forMe, addresses, here, routeTransit, inner, origin, counterpart, translatableTo4 },
  ...{ notBack, onward, adjacencyTransit, whole, admit6, answer6, resolve6, nameOut, nameIn },
  ...{ fromService, onlyLocal, admitOutside, answerOutside, unmap, adjacencyFromOutside },
  ...{ mapOut, adjacencyToOutside, adjacencyOriginate, segment, segment6 },
  ...{
    admitOutside6,
    answerOutside6,
    enter,
    leave,
    turnBack,
    nameOwn,
    turnAround,
    adjacencyTurned,
    adjacencyStraight,
    adjacencyEntering,
  },
});
export const STAGES: readonly string[] = NAMED.map(([name]) => name);
const NUMBERS = new Map(NAMED.map(([, stage], number) => [stage, number]));
export const STAGE_CLASSIFY: number = STAGES.indexOf("classify");
export const STAGE_UNWRAP: number = STAGES.indexOf("unwrap");
/** Hop limit, fit, rewriting and the port: all that comes after the decision. */
export const STAGE_SEND: number = STAGES.indexOf("send");

/** Fills the scratch record of `t` for a classified frame. CONTINUE: REWRITE may go to work. */
export function decide(f: Frame, t: Tables): Verdict {
  if (t.isService(f.port)) return run(FROM_SERVICE, f, t);
  if (t.isVm(f.port)) return decideOutbound(f, t);
  if (t.isOutside(f.port)) return run(f.kind === KIND_IPV6 ? FROM_OUTSIDE_6 : FROM_OUTSIDE, f, t);
  const verdict = run(f.outer === 0 ? FROM_FABRIC : FROM_TUNNEL, f, t);
  if (verdict !== CONTINUE) return verdict;
  if (f.outer === 0 && f.group !== GROUP_LOCAL) return run(TRANSIT_STAGES, f, t);
  return t.gateway === undefined ? decideInbound(f, t) : decideOut(f, t);
}

/** At a gateway, for what lies outside as the fabric sees it. */
function decideOut(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const isIpv4 = r[R_DESTINATION] === t.outsidePrefix[0] && r[R_DESTINATION + 1] === t.outsidePrefix[1];
  if (isIpv4) return run(isTurned(t) ? TURN_AROUND : TO_OUTSIDE, f, t);
  return run(isPublicTenants(f, t) ? TURN_BACK : TO_OUTSIDE_6, f, t);
}

function decideInbound(f: Frame, t: Tables): Verdict {
  if (f.vm < 0 && isElsewhere(f, t)) return run(RELAY, f, t);
  const found = run(INBOUND, f, t);
  if (found !== CONTINUE) return found;
  return run(t.vms[f.vm + V_IPV4] === 0 ? TO_IPV6_HOST : TO_IPV4_HOST, f, t);
}

function decideOutbound(f: Frame, t: Tables): Verdict {
  const isIpv6 = f.kind === KIND_IPV6;
  const verdict = run(isIpv6 ? OUTBOUND_6 : OUTBOUND, f, t);
  if (verdict !== CONTINUE) return verdict;
  if (f.group === GROUP_LOCAL) return run(HAIRPIN_TO_VM, f, t);
  return run(isIpv6 ? INTO_FABRIC_6 : INTO_FABRIC, f, t);
}
