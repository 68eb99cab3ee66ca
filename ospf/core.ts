/** What the parts of the core reach one another by. */
import type { Millis } from "#base/time";
import type { Expiry } from "#ospf/database/expiry";
import type { Entry } from "#ospf/database/store";
import type { OspfEffect, SendEffect, Turn } from "#ospf/events";
import type { InterfaceEvent } from "#ospf/interface/machine";
import type { NeighborEvent } from "#ospf/neighbor/machine";
import type { Originator } from "#ospf/origination/originator";
import type { Routing } from "#ospf/routes/routing";
import type { Scope } from "#ospf/scope";
import type { Instance, Interface, Neighbor } from "#ospf/state";

export interface Core {
  readonly instance: Instance;
  /** The call of handle() that is going on. */
  turn: Turn;
  /** Events for the machines, to be worked off in their order before handle() returns. */
  readonly posts: Post[];
  readonly expiry: Expiry;
  /** MaxAge LSAs that leave the databases once every neighbor has acknowledged them (RFC 2328 §14). */
  readonly leaving: Map<Entry, Scope>;
  readonly originator: Originator;
  readonly routing: Routing;
  /** The last authentication sequence number sent (RFC 7166 §4.1.1): one count for all interfaces. */
  authenticationSequence: number;
}

export type Post =
  | { readonly interface: Interface; readonly event: InterfaceEvent }
  | { readonly neighbor: Neighbor; readonly event: NeighborEvent };

export const nowOf = (core: Core): Millis => core.turn.now;

export function postInterface(core: Core, to: Interface, event: InterfaceEvent): void {
  core.posts.push({ interface: to, event });
}

export function postNeighbor(core: Core, to: Neighbor, event: NeighborEvent): void {
  core.posts.push({ neighbor: to, event });
}

export function notice(core: Core, level: "info" | "warn", text: string): void {
  core.turn.effects.push({ type: "notice", level, text });
}

/**
 * What was gathered up to now is sent before handle() returns: somebody waits for it, and may work at his end while we do at
 * ours. Nothing changes its place: where it is behind something else that is to be done, it waits.
 */
export function sendAhead({ turn }: Core): void {
  const { effects, sendNow } = turn;
  if (sendNow === undefined || !effects.every(isSend)) return;
  turn.effects = [];
  for (const effect of effects) sendNow(effect);
}

const isSend = (effect: OspfEffect): effect is SendEffect => effect.type === "send";

/** MaxAge LSAs stay while a neighbor that gets them is in Exchange or Loading: it may hold an older instance (RFC 2328 §14). */
export function isSynchronizing(core: Core, scope: Scope): boolean {
  for (const on of interfacesOf(core, scope)) {
    for (const { state } of on.neighbors.values()) if (state === "Exchange" || state === "Loading") return true;
  }
  return false;
}

/** Interfaces on which LSAs of the scope are flooded, and whose neighbors have it (RFC 5340 §4.5.2). */
export function interfacesOf(core: Core, scope: Scope): Iterable<Interface> {
  switch (scope.kind) {
    case "link":
      return [scope.interface];
    case "area":
      return scope.area.interfaces;
    case "as":
      return interfacesOfNormalAreas(core);
  }
}

function* interfacesOfNormalAreas({ instance }: Core): IterableIterator<Interface> {
  for (const area of instance.areas.values()) if (area.config.kind === "normal") yield* area.interfaces;
}
