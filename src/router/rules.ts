/** The rules of a configuration as forwarders have them, and how often each one decided. */
import { type CompiledRules, RuleCompiler } from "#fastpath/tables/rule-compiler";
import { RuleSpaceError } from "#fastpath/tables/rule-space";
import type { RulesPlan } from "#fastpath/tables/snapshot";
import type { Rule } from "#policy/rules";
import { type OwnedRule, type Sides, sidesFor, sidesOf } from "#policy/sides";
import { protocolName, rangesText } from "#router/config/facts";
import type { Configuration, Fabric, FabricRule } from "#router/config/model";
import { publicPrefixes, tenantPrefix } from "#router/config/rules";
import { flowText } from "#router/flow-text";
import type { Punt } from "#router/forwarders";
import type { RuleView } from "#router/views";

/** Both sides of all rules of a fabric, the defaults among them. */
export function fabricSides(fabric: Fabric): Sides {
  const owned = fabric.rules.map((rule): OwnedRule => {
    const { tenantId } = rule;
    return {
      rule: policyRule(rule),
      owner: tenantId === undefined ? undefined : tenantPrefix(tenantId, fabric.tenantBits),
    };
  });
  const { networks } = fabric;
  const withGateway = networks.filter(({ routes }) => routes.some(({ via }) => via.kind === "gateway"));
  return sidesOf(owned, { networks, publicPrefixes: publicPrefixes(networks), withGateway });
}

const policyRule = ({ from, to, ports, sourcePorts, ...rule }: FabricRule): Rule => ({
  ...{ name: rule.name, priority: rule.priority, action: rule.action, stateful: rule.stateful, log: rule.log },
  source: from.flatMap(({ prefixes }) => prefixes),
  destination: to.flatMap(({ prefixes }) => prefixes),
  ...(rule.protocol !== undefined && { protocol: rule.protocol }),
  ...(sourcePorts.length > 0 && { sourcePorts }),
  ...(ports.length > 0 && { destinationPorts: ports }),
  ...(rule.icmp !== undefined && { icmp: rule.icmp }),
});

type SideName = keyof Sides;
const SIDES: readonly SideName[] = ["out", "in"];

interface Side {
  readonly compiled: CompiledRules<Rule>;
  /** Decisions by rule number since {@link Rules} last looked: forwarders count up. */
  readonly hits: Int32Array<SharedArrayBuffer>;
}

/** What is compiled, and of what. */
interface Work {
  readonly fabric: Fabric;
  /** Tags of the networks that have VMs here. */
  readonly tags: readonly number[];
  readonly sides: Readonly<Record<SideName, Side>>;
}

export class Rules {
  readonly #compilers: Readonly<Record<SideName, RuleCompiler<Rule>>> = {
    out: new RuleCompiler(),
    in: new RuleCompiler(),
  };
  #work: Work | undefined;
  /** By side and rule name. */
  readonly #counted = new Map<string, number>();

  /** What is wrong with the rules of a configuration, for its operator; undefined: they fit. */
  check(configuration: Configuration): string | undefined {
    try {
      const sides = sidesFor(fabricSides(configuration.fabric), tagsOf(configuration));
      for (const side of SIDES) new RuleCompiler<Rule>().compile(sides[side]);
      return undefined;
    } catch (error) {
      if (!(error instanceof RuleSpaceError)) throw error;
      return `${configuration.fabric.file}: ${error.message}`;
    }
  }

  /** For forwarders; compiled when the rules, or the networks of the VMs here, have changed. */
  plan(configuration: Configuration): RulesPlan {
    const { fabric } = configuration;
    const tags = tagsOf(configuration);
    const isSame = this.#work?.fabric === fabric && this.#work.tags.join() === tags.join();
    const work = isSame ? this.#work! : this.#compile(fabric, tags);
    const { out, in: into } = work.sides;
    return { out: out.compiled.words, in: into.compiled.words, outHits: out.hits, inHits: into.hits };
  }

  #compile(fabric: Fabric, tags: readonly number[]): Work {
    this.#count();
    const sides = sidesFor(fabricSides(fabric), tags);
    const compiled = (side: SideName): Side => {
      const result = this.#compilers[side].compile(sides[side]);
      return { compiled: result, hits: new Int32Array(new SharedArrayBuffer(4 * Math.max(1, result.rules.length))) };
    };
    this.#work = { fabric, tags, sides: { out: compiled("out"), in: compiled("in") } };
    return this.#work;
  }

  /** Takes what forwarders have counted, so that no count runs over. */
  #count(): void {
    if (this.#work === undefined) return;
    for (const side of SIDES) {
      const { compiled, hits } = this.#work.sides[side];
      compiled.rules.forEach((rule, number) => {
        if (rule === undefined) return;
        const count = Atomics.exchange(hits, number, 0) >>> 0;
        if (count > 0) this.#counted.set(`${side} ${rule.name}`, this.hits(side, rule.name) + count);
      });
    }
  }

  /** What rules of either side have decided, those that have; the most first. */
  decisions(): { readonly side: string; readonly rule: string; readonly hits: number }[] {
    this.#count();
    const all = [...this.#counted].map(([key, hits]) => {
      const space = key.indexOf(" ");
      return { side: key.slice(0, space), rule: key.slice(space + 1), hits };
    });
    return all.sort((a, b) => b.hits - a.hits);
  }

  private hits(side: SideName, name: string): number {
    return this.#counted.get(`${side} ${name}`) ?? 0;
  }

  /** The rule by its number; undefined when it is gone. */
  rule(side: SideName, number: number): Rule | undefined {
    return this.#work?.sides[side].compiled.rules[number];
  }

  /** A line for the log: what a rule that wants it decided about a flow. */
  describe({ octets, adjacency }: Pick<Punt, "octets" | "adjacency">, fabric: Fabric): string {
    const side = (adjacency & 1) === 0 ? "out" : "in";
    const rule = this.rule(side, adjacency >> 1);
    const verb = rule === undefined ? "is gone, decided about" : rule.action === "allow" ? "allows" : "denies";
    return `rule ${rule?.name ?? adjacency >> 1} ${verb} ${flowText(octets, fabric)}`;
  }

  /** In the order in which they are asked, those that concern this router. */
  view(): RuleView[] {
    this.#count();
    const { fabric, tags } = this.#work ?? {};
    if (fabric === undefined || tags === undefined) return [];
    const written = new Map(fabric.rules.map((rule) => [rule.name, rule]));
    const sides = sidesFor(fabricSides(fabric), tags);
    return SIDES.flatMap((side) => sides[side].map((rule) => this.#viewOf(side, rule, written.get(rule.name))));
  }

  #viewOf(side: SideName, rule: Rule, written: FabricRule | undefined): RuleView {
    const { name, action, stateful, log } = rule;
    return {
      side,
      name,
      priority: written?.priority ?? null,
      action,
      from: written?.from.map(({ text }) => text) ?? [defaultEnd(name)],
      to: written?.to.map(({ text }) => text) ?? [isOutward(name) ? "outside" : defaultEnd(name)],
      protocol: written?.protocol === undefined ? null : protocolName(written.protocol),
      ports: written === undefined ? "" : rangesText(written.ports),
      sourcePorts: written === undefined ? "" : rangesText(written.sourcePorts),
      icmp: written?.icmp ?? null,
      stateful,
      log,
      hits: this.hits(side, name),
    };
  }
}

const isOutward = (name: string): boolean => name.startsWith("default outside ");

/** `default inside blue/prod`, `default public`, `default outside blue/prod`: the names that defaultRules gives. */
const defaultEnd = (name: string): string => name.split(" ").at(-1)!;

/** Of the networks that have VMs here, ascending. */
const tagsOf = ({ node }: Configuration): number[] =>
  [...new Set(node.vms.map(({ network }) => network.tags))].sort((a, b) => a - b);
