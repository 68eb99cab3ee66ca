/** Rates out of counters that were looked at twice. */
import type { View } from "#web/knowledge";
import type { ViewOf, ViewPath } from "#web/router-views";

/**
 * How fast a counter grew between a view and the one before, a second; null: it was told only once, or has begun anew.
 * @param pick the counter in the view; undefined: the view has it not.
 */
export function rateOf<P extends ViewPath>(
  view: View<P> | undefined,
  pick: (value: ViewOf<P>) => number | undefined,
): number | null {
  if (view?.before === undefined) return null;
  const seconds = (view.now.at - view.before.at) / 1000;
  const [now, before] = [pick(view.now.value), pick(view.before.value)];
  if (now === undefined || before === undefined || now < before || seconds <= 0) return null;
  return (now - before) / seconds;
}

/** Bits a second of a counter of octets, rounded. */
export function bitsOf<P extends ViewPath>(
  view: View<P> | undefined,
  pick: (value: ViewOf<P>) => number | undefined,
): number | null {
  const octets = rateOf(view, pick);
  return octets === null ? null : rounded(8 * octets);
}

/** To two significant digits; whole above ten. */
export function rounded(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return 0;
  return Number(value.toPrecision(2));
}

/** What a router's port sends and gets, bits a second. */
export function portLoad(ports: View<"ports"> | undefined, name: string): { tx: number | null; rx: number | null } {
  const port = (value: ViewOf<"ports">) => value.find((each) => each.name === name);
  return {
    tx: bitsOf(ports, (value) => port(value)?.txOctets),
    rx: bitsOf(ports, (value) => port(value)?.rxOctets),
  };
}
