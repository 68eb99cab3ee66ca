/**
 * Whose rules are asked where. A packet leaves its VM by the rules of the sender's tenant, and is delivered by those of
 * the receiver's: between two tenants both have to allow it, and neither can open the other's door. The operator's rules
 * come first on both sides, the defaults (paper §2.4) last.
 */
import { covers, type Deployment, defaultRules, type IidPrefix, inPrecedence, type Rule } from "#policy/rules";

export interface OwnedRule<R extends Rule = Rule> {
  readonly rule: R;
  /** All addresses of the tenant whose rule it is; undefined: the operator's. */
  readonly owner: IidPrefix | undefined;
}

/** Rules in the order in which they are asked: `priority` is their place in it. */
export interface Sides<R extends Rule = Rule> {
  /** Of packets that a VM sends, on their way out. */
  readonly out: readonly R[];
  /** Of packets to a VM, on their way in. */
  readonly in: readonly R[];
}

/** Both sides of these rules, and the defaults of the deployment behind them. */
export function sidesOf<R extends Rule>(rules: readonly OwnedRule<R>[], deployment: Deployment): Sides<R | Rule> {
  const side = (end: "source" | "destination"): (R | Rule)[] =>
    [
      ...inPrecedence(rules.filter(({ owner }) => owner === undefined).map(({ rule }) => rule)),
      ...inPrecedence(rules.flatMap(({ rule, owner }) => (owner === undefined ? [] : within(rule, end, owner)))),
      ...defaultRules(deployment),
    ].map((rule, priority) => ({ ...rule, priority }));
  return { out: side("source"), in: side("destination") };
}

/** The rule for the owner's addresses at that end only; none where it says nothing of them. */
function within<R extends Rule>(rule: R, end: "source" | "destination", owner: IidPrefix): R[] {
  const prefixes = rule[end].flatMap((prefix) => intersection(prefix, owner) ?? []);
  return prefixes.length === 0 ? [] : [{ ...rule, [end]: prefixes }];
}

/** Of two prefixes that overlap the longer one. */
export function intersection(a: IidPrefix, b: IidPrefix): IidPrefix | undefined {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return covers(short, long) ? long : undefined;
}

/**
 * What concerns one router: the rules that can decide about packets from, or to, these networks (tags). The others would
 * never be asked there.
 */
export function sidesFor<R extends Rule>({ out, in: into }: Sides<R>, tags: readonly number[]): Sides<R> {
  const isHere = ({ source }: Pick<Rule, "source">): boolean =>
    source.some((prefix) => tags.some((network) => intersection(prefix, { tags: network, host: 0, length: 32 })));
  return { out: out.filter(isHere), in: into.filter(({ destination }) => isHere({ source: destination })) };
}
