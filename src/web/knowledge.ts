/** What is known of one router: whether it answers, and each view as it was last told, with the one before for rates. */
import type { ViewOf, ViewPath } from "#web/router-views";

/** Unix milliseconds of a clock that never goes back. */
export type Moment = number;

export interface Told<T> {
  readonly at: Moment;
  readonly value: T;
}

export interface View<P extends ViewPath> {
  readonly now: Told<ViewOf<P>>;
  readonly before: Told<ViewOf<P>> | undefined;
}

export type Reach =
  | { readonly kind: "asking" }
  /** `version`: as its answers' header says; null: there was none. */
  | { readonly kind: "answers"; readonly version: string | null }
  | { readonly kind: "silent"; readonly reason: string };

/** How long a VM has been in its state at the router, as far as was seen. */
export interface SeenVm {
  readonly state: string;
  readonly since: Moment;
}

export interface Knowledge {
  /** As the operator's choice of routers names it. */
  readonly name: string;
  /** How the command line names it. */
  readonly socket: string;
  readonly reach: Reach;
  readonly views: { readonly [P in ViewPath]?: View<P> };
  /** Views that it refused, or told in a way that cannot be read; why. */
  readonly lacks: Readonly<Partial<Record<ViewPath, string>>>;
  readonly seen: ReadonlyMap<string, SeenVm>;
  /** When its process was started, Unix seconds; null: it has not told yet. */
  readonly started: number | null;
}

/** Seconds. */
const ANSWER_TIME = 3;

export const newKnowledge = (name: string, socket: string): Knowledge => ({
  ...{ name, socket, reach: { kind: "asking" }, views: {}, lacks: {}, seen: new Map(), started: null },
});

/** The router has told a view. */
export function told<P extends ViewPath>(known: Knowledge, path: P, now: Told<ViewOf<P>>): Knowledge {
  const { [path]: _, ...lacks } = known.lacks as Partial<Record<string, string>>;
  const before = (known.views[path] as View<P> | undefined)?.now;
  const views = { ...known.views, [path]: { now, before } };
  const seen = path === "vms" ? see(known.seen, now as Told<ViewOf<"vms">>) : known.seen;
  const started = path === "status" ? startOf(known.started, now as Told<ViewOf<"status">>) : known.started;
  return { ...known, views, lacks, seen, started };
}

/** By its uptime; what differs by no more than answers take is the same start. */
function startOf(before: number | null, { at, value }: Told<ViewOf<"status">>): number {
  const started = Math.round(at / 1000 - value.uptime);
  return before !== null && Math.abs(started - before) <= ANSWER_TIME ? before : started;
}

/** It answers, and will not tell this view, or nothing that can be read. What it told before is old by now, and forgotten. */
export function refused(known: Knowledge, path: ViewPath, why: string): Knowledge {
  const { [path]: _, ...views } = known.views as Record<string, never>;
  return { ...known, views, lacks: { ...known.lacks, [path]: why } };
}

export const answers = (known: Knowledge, version: string | null): Knowledge =>
  known.reach.kind === "answers" && known.reach.version === version
    ? known
    : { ...known, reach: { kind: "answers", version } };

export const silent = (known: Knowledge, reason: string): Knowledge =>
  known.reach.kind === "silent" && known.reach.reason === reason
    ? known
    : { ...known, reach: { kind: "silent", reason } };

/** What tells VMs apart: networks may use the same addresses, VMs the same names. */
export const vmId = ({ network, address, ipv6 }: ViewOf<"vms">[number]): string => `${network} ${address ?? ipv6[0]}`;

function see(before: ReadonlyMap<string, SeenVm>, { at, value }: Told<ViewOf<"vms">>): Map<string, SeenVm> {
  return new Map(
    value.map((vm) => {
      const last = before.get(vmId(vm));
      return [vmId(vm), last?.state === vm.state ? last : { state: vm.state, since: at }];
    }),
  );
}
