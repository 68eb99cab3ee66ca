/**
 * redirect, here, inquire: where is the destination? On this router, wherever its home is; elsewhere, as the binding table says,
 * and then a tunnel leads there; or at home as far as anybody knows, which is the way that always works: nothing waits
 * for an answer. A destination that nobody has heard of yet gets an entry, and control is told of it.
 */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, TENANT_DESTINATION, TENANT_SOURCE } from "#fastpath/frame";
import { placeWord, tunnelOf, WAY_FORMER, WAY_HOME, WAY_NATIVE, WAY_TUNNEL } from "#fastpath/place";
import { tenantHome } from "#fastpath/stages/tenants";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import { type Bindings, PLACE_HOME, PLACE_TUNNEL, PLACE_UNKNOWN } from "#fastpath/tables/bindings";
import { GROUP_LOCAL, OUTSIDE_TAGS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, NO_SUCH_VM, TUNNEL_LOOP, type Verdict } from "#fastpath/verdicts";

/** Octets from a tunnel's inner packet back to the outer source address. */
const TO_OUTER_SOURCE = 40;

/** For what a VM sends, or the outside. */
export function redirect(f: Frame, t: Tables): Verdict {
  f.vm = find(f, t);
  f.binding = 0;
  if (f.vm >= 0) return CONTINUE;
  lookUp(f, t, WAY_NATIVE, WAY_TUNNEL);
  if (f.tenants !== 0 && tunnelOf(f.place) < 0 && !isForOutside(f)) toHome(f, t);
  return CONTINUE;
}

/** An IPv6 host's that is outside: the fabric's routes lead to it. */
const isForOutside = (f: Frame): boolean =>
  (f.tenants & TENANT_DESTINATION) !== 0 && f.destinationTags === OUTSIDE_TAGS;

/** For what the fabric or the metadata service sends: VMs here are found whatever the routes say. */
export function here(f: Frame, t: Tables): Verdict {
  f.binding = 0;
  if (f.outer !== 0 && !t.isInFabric(t.records, R_SOURCE)) f.tenants |= TENANT_SOURCE;
  f.vm = find(f, t);
  return CONTINUE;
}

/** The destination's VM here; −1: none. */
const find = (f: Frame, t: Tables): number =>
  (f.tenants & TENANT_DESTINATION) === 0
    ? t.findVm(t.records, R_DESTINATION)
    : t.findTenantsVm(f.destinationTags, t.words, (f.l3 + 24) >> 2);

/** Natively neither what is to an address that a tenant brought finds its way, nor what is from one an answer. */
function toHome(f: Frame, t: Tables): void {
  const isTenants = (f.tenants & TENANT_DESTINATION) !== 0;
  f.place = placeWord(WAY_TUNNEL, PLACE_HOME);
  f.tunnelKey = t.records[R_DESTINATION + 2]!;
  const from = isTenants ? t.homes : t.records;
  const of = { tags: f.destinationTags, words: t.words, word: (f.l3 + 24) >> 2 };
  const at = isTenants ? tenantHome(t, of) : R_DESTINATION;
  f.homeHigh = from[at]!;
  f.homeLow = from[at + 1]!;
}

/** The destination is not here and nobody has told us of it: its home may know better. */
export function inquire(f: Frame, t: Tables): Verdict {
  const bindings = subject(f, t);
  if (bindings === undefined || f.binding !== 0) return CONTINUE;
  const entry = bindings.ensure(t.now);
  if (entry === 0) return CONTINUE;
  f.binding = bindings.at(entry);
  f.bindingVersion = bindings.version;
  if (tunnelOf(f.place) < 0) f.place = placeWord(WAY_NATIVE, PLACE_UNKNOWN);
  if (bindings.isNew) f.wanted = entry;
  return CONTINUE;
}

/**
 * The packet came to this router for a VM that is not here: true when it goes on to where that is. Natively only what came
 * in a tunnel: what came natively to its home is at home, or nowhere.
 */
export function isElsewhere(f: Frame, t: Tables): boolean {
  lookUp(f, t, WAY_FORMER, f.outer === 0 ? WAY_HOME : WAY_FORMER);
  const isNative = f.outer !== 0 && f.tenants === 0;
  if (f.binding !== 0 && (isNative || tunnelOf(f.place) >= 0)) return true;
  f.place = 0;
  f.binding = 0;
  return false;
}

/**
 * What came in a tunnel does not go back to where it came from: the two of them know different things of the VM. But what was
 * kept while the VM left may have come from the very hypervisor that the VM went to.
 */
export function notBack(f: Frame, t: Tables): Verdict {
  if (f.outer === 0) return CONTINUE;
  const source = (f.l3 - TO_OUTER_SOURCE) >> 2;
  const tunnel = tunnelOf(f.place);
  const words = tunnel < 0 ? t.records : t.tunnels!.words;
  const to = tunnel < 0 ? R_DESTINATION : t.tunnels!.addressAt(tunnel);
  if (words[to] !== t.words[source] || words[to + 1] !== t.words[source + 1]) return CONTINUE;
  if (!f.wasKept) return TUNNEL_LOOP;
  f.isFleeting = true; // others of its flow are not let back
  return CONTINUE;
}

/** The way on leads to this very router, which does not have the VM. */
export const onward = (f: Frame, _t: Tables): Verdict => (f.group === GROUP_LOCAL ? NO_SUCH_VM : CONTINUE);

function lookUp(f: Frame, t: Tables, native: number, tunnel: number): void {
  const bindings = subject(f, t);
  if (bindings === undefined) return;
  const entry = bindings.recall();
  if (entry === 0) return;
  const place = bindings.place(entry);
  f.binding = bindings.at(entry);
  f.bindingVersion = bindings.version;
  f.place = placeWord(place >= PLACE_TUNNEL ? tunnel : native, place);
  f.tunnelKey = t.records[R_DESTINATION + 2]!;
}

/** The table, which is asked about the destination now; undefined: it is no VM's address. */
function subject(f: Frame, t: Tables): Bindings | undefined {
  const { bindings, records } = t;
  if ((f.tenants & TENANT_DESTINATION) !== 0) {
    if (isForOutside(f)) return undefined;
    bindings?.aboutIpv6(f.destinationTags, t.words, (f.l3 + 24) >> 2);
    return bindings;
  }
  const tags = records[R_DESTINATION + 2]!;
  if (bindings === undefined || tags === 0 || tags === OUTSIDE_TAGS) return undefined;
  const host = records[R_DESTINATION + 3]!;
  if (isIpv6Host(host)) bindings.aboutIpv6(tags, records, R_DESTINATION);
  else bindings.aboutIpv4(tags, host);
  return bindings;
}
