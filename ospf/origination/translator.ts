/** Which border router of an NSSA translates its NSSA-LSAs to AS-external-LSAs: RFC 3101 §3.1, §3.3. */
import { type Millis, NEVER } from "#base/time";
import { isActive } from "#ospf/origination/standing";
import type { RouterPath } from "#ospf/routes/model";
import type { Area, Instance } from "#ospf/state";

/** NSSATranslatorState. */
export type TranslatorState = "disabled" | "enabled" | "elected";

/** How long one goes on that is elected no more (TranslatorStabilityInterval, appendix D). */
export const TRANSLATOR_STABILITY: Millis = 40_000;

export interface Translator {
  readonly state: TranslatorState;
  /** Elected no more, it goes on until then. NEVER: no such thing. */
  readonly until: Millis;
}

export const NO_TRANSLATOR: Translator = { state: "disabled", until: NEVER };

/** It may translate: a border router with interfaces up in the NSSA, and not told otherwise. */
export const mayTranslate = (instance: Instance, area: Area): boolean =>
  instance.isBorder && area.config.kind === "nssa" && area.config.translate !== "never" && isActive(area);

/** What becomes of `before` now. */
export function nextTranslator(instance: Instance, area: Area, before: Translator, now: Millis): Translator {
  if (!mayTranslate(instance, area)) return NO_TRANSLATOR;
  if (area.config.translate === "always") return { state: "enabled", until: NEVER };
  if (!borderRouters(instance, area).some((other) => supplants(instance, other)))
    return { state: "elected", until: NEVER };
  if (before.state !== "elected") return NO_TRANSLATOR;
  const until = before.until === NEVER ? now + TRANSLATOR_STABILITY : before.until;
  return now < until ? { state: "elected", until } : NO_TRANSLATOR;
}

const supplants = ({ config }: Instance, other: RouterPath): boolean =>
  other.translates || other.routerId > config.routerId;

/** The NSSA's other border routers that are reached over it, and as AS boundary routers over areas that are none. */
export function borderRouters(instance: Instance, nssa: Area): RouterPath[] {
  const inside = [...(instance.table.routers.get(nssa.id)?.values() ?? [])];
  return inside.filter(
    ({ routerId, isBorder }) =>
      isBorder && routerId !== instance.config.routerId && isReachedAsAsbr(instance, routerId),
  );
}

function isReachedAsAsbr(instance: Instance, routerId: number): boolean {
  for (const [areaId, routers] of instance.table.routers) {
    if (instance.areas.get(areaId)?.config.kind === "normal" && routers.get(routerId)?.isAsbr) return true;
  }
  return false;
}
