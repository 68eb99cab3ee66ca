import { describe, expect, test } from "bun:test";
import { nextBelow, nextU32, type Random } from "#base/random";
import { type CompiledRules, RuleCompiler } from "#fastpath/tables/rule-compiler";
import {
  CHILD,
  fullHead,
  matchHead,
  rangesHead,
  ruleNumber,
  V_ALLOW,
  V_LOG,
  V_STATEFUL,
} from "#fastpath/tables/rule-layout";
import { RuleSpaceError } from "#fastpath/tables/rule-space";
import { lookupRule, reverseKey } from "#fastpath/tables/rules";
import { keyOf, randomPacket, randomRule, randomRules } from "#fastpath/testing/random-rules";
import { withSeed } from "#fastpath/testing/with-seed";
import { decideNaively, inPrecedence, type Packet, type Rule } from "#policy/rules";

/** Compares many lookups with the evaluator of words; the rules a node's verdicts mean come from the compilation. */
function compare(random: Random, rules: readonly Rule[], compiled: CompiledRules<Rule>, lookups: number): void {
  for (let i = 0; i < lookups; i++) {
    const packet = randomPacket(random);
    const verdict = lookupRule(compiled.words, keyOf(packet, random));
    const wanted = decideNaively(rules, packet);
    const found = compiled.rules[ruleNumber(verdict)];
    if (found !== wanted) {
      throw new Error(`${JSON.stringify(packet)}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
    }
    if (wanted !== undefined) expect(flagsOf(verdict)).toEqual(flagsOfRule(wanted));
    else expect(verdict).toBe(0);
  }
}

const flagsOf = (verdict: number): boolean[] => [V_ALLOW, V_STATEFUL, V_LOG].map((flag) => (verdict & flag) !== 0);
const flagsOfRule = ({ action, stateful, log }: Rule): boolean[] => {
  const allow = action === "allow";
  return [allow, allow && stateful, log];
};

const compileOnce = (rules: readonly Rule[]): CompiledRules<Rule> =>
  new RuleCompiler<Rule>().compile(inPrecedence(rules));

describe("compiled rules", () => {
  test("decide as the words of the rules say, whatever overlaps (paper §2.4)", () => {
    withSeed((random) => {
      for (let set = 0; set < 150; set++) {
        const rules = randomRules(random, nextBelow(random, 40));
        compare(random, rules, compileOnce(rules), 100);
      }
    });
  });

  test("decide so with hundreds of rules on the same few ends", () => {
    withSeed((random) => {
      const rules = randomRules(random, 300);
      compare(random, rules, compileOnce(rules), 1500);
    });
  });

  test("decide so after every change, compiled by the compiler that knows the rules before", () => {
    withSeed((random) => {
      const compiler = new RuleCompiler<Rule>();
      let rules = randomRules(random, 60);
      for (let change = 0; change < 60; change++) {
        const at = nextBelow(random, rules.length);
        const added = nextBelow(random, 3) === 0 ? [] : [randomRule(random, `change ${change}`)];
        rules = rules.toSpliced(at, nextBelow(random, 3), ...added);
        if (change % 20 === 19) rules = rules.toReversed(); // of equal priority others come first now
        compare(random, rules, compiler.compile(inPrecedence(rules)), 80);
      }
    });
  });

  test("keep their numbers while they stay, and are published in a buffer of their own", () => {
    withSeed((random) => {
      const compiler = new RuleCompiler<Rule>();
      const rules = inPrecedence(randomRules(random, 50));
      const before = compiler.compile(rules);
      const copy = [...before.words];
      const after = compiler.compile(rules.toSpliced(20, 1));
      expect(after.words.buffer).not.toBe(before.words.buffer);
      expect([...before.words]).toEqual(copy);
      rules.forEach((rule, i) => {
        if (i !== 20) expect(after.rules.indexOf(rule)).toBe(before.rules.indexOf(rule));
      });
    });
  });

  test("of none at all drop everything", () => {
    withSeed((random) => {
      const { words } = compileOnce([]);
      for (let i = 0; i < 100; i++) expect(lookupRule(words, keyOf(randomPacket(random), random))).toBe(0);
    });
  });
});

const any = [{ tags: 0, host: 0, length: 0 }];
const ruleOf = (part: Partial<Rule>): Rule => ({
  name: "a rule",
  priority: 1000,
  source: any,
  destination: any,
  action: "allow",
  stateful: true,
  log: false,
  ...part,
});

describe("many rules on one pair of ends", () => {
  test("are found in as many steps as halving their ports takes", () => {
    withSeed((random) => {
      const rules = Array.from({ length: 4000 }, (_, i) =>
        ruleOf({ name: `${i}`, protocol: 6, destinationPorts: [{ first: 16 * i, last: 16 * i + 14 }] }),
      );
      const { words, rules: byNumber } = compileOnce(rules);
      expect(words.length).toBeLessThan(5 * rules.length);
      for (let i = 0; i < 5000; i++) {
        const destination = nextBelow(random, 65536);
        const ends = { source: { tags: 1, host: 2 }, destination: { tags: 3, host: 4 } };
        const packet: Packet = { ...ends, protocol: 6, ports: { source: 1, destination } };
        const found = byNumber[ruleNumber(lookupRule(words, keyOf(packet, random)))];
        expect(found?.name).toBe(destination % 16 < 15 && destination < 64000 ? `${destination >> 4}` : undefined);
      }
    });
  });

  test("of which one without conditions comes first are not even kept", () => {
    const first = ruleOf({ name: "first", priority: 0, action: "deny" });
    const rules = Array.from({ length: 500 }, (_, i) => ruleOf({ protocol: i & 255, name: `${i}` }));
    expect(compileOnce([first, ...rules]).words.length).toBe(1);
  });
});

describe("sources inside one another, each with destinations that the ones around it lack", () => {
  const rules = Array.from({ length: 64 }, (_, length) =>
    ruleOf({
      name: `${length}`,
      source: [{ tags: 0, host: 0, length }],
      destination: [0, 1, 2].map((i) => ({ tags: 0, host: (64 * i + length) << 8, length: 56 })),
    }),
  );

  test("are told apart, however many differences lead from one to the next", () => {
    withSeed((random) => {
      const compiled = compileOnce(rules);
      for (let bit = 0; bit < 64; bit++) {
        const source = bit < 32 ? { tags: (1 << bit) >>> 0, host: 0 } : { tags: 0, host: (1 << (bit - 32)) >>> 0 };
        for (let slot = 0; slot < 256; slot++) {
          const packet = { source, destination: { tags: 0, host: slot << 8 }, protocol: 47 };
          const found = compiled.rules[ruleNumber(lookupRule(compiled.words, keyOf(packet, random)))];
          expect(found).toBe(decideNaively(rules, packet)!);
        }
      }
    });
  });
});

describe("rules that need too much room", () => {
  /** Every source has destinations of its own, and each covers the next: nothing can be shared. */
  const nested = (count: number): Rule[] =>
    Array.from({ length: count }, (_, i) =>
      ruleOf({
        name: `nested ${i}`,
        source: [{ tags: 0, host: 0, length: i % 64 }],
        destination: Array.from({ length: 40 }, (_, j) => ({ tags: (i << 20) | (j << 6), host: j, length: 64 })),
      }),
    );

  test("are refused with the words needed, the words allowed and the rules behind it", () => {
    const allowedWords = compileOnce(nested(30)).words.length;
    const compiler = new RuleCompiler<Rule>({ allowedWords });
    expect(compiler.compile(nested(30)).words.length).toBe(allowedWords);
    const refuse = (): unknown => compiler.compile(nested(60));
    expect(refuse).toThrow(RuleSpaceError);
    expect(refuse).toThrow(
      new RegExp(`^the rules need (more than )?\\d+ words, ${allowedWords} are allowed; .*nested 0`),
    );
    expect(compiler.compile(nested(30)).words.length).toBe(allowedWords);
  });

  test("say exactly how many where that is known, and are the same rules that fit one word more", () => {
    const { words } = compileOnce(nested(5));
    const compiler = new RuleCompiler<Rule>({ allowedWords: words.length - 1 });
    let caught: unknown;
    try {
      compiler.compile(nested(5));
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ exact: true, words: words.length, allowed: words.length - 1 });
    expect((caught as RuleSpaceError).largest[0]).toBe("nested 0");
  });

  test("leave no more behind than a bound", () => {
    const compiler = new RuleCompiler<Rule>();
    const first = compiler.compile(nested(60)).words.length;
    for (let turn = 0; turn < 20; turn++) {
      const { words } = compiler.compile(nested(60).map((rule) => ({ ...rule, name: `${rule.name} ${turn}` })));
      expect(words.length).toBeLessThan(4 * first + (1 << 16));
    }
  });

  test("find room again that earlier rules took", () => {
    const half = nested(30);
    const allowedWords = Math.ceil(1.2 * compileOnce(half).words.length);
    const compiler = new RuleCompiler<Rule>({ allowedWords });
    for (let turn = 0; turn < 6; turn++) {
      const moved = half.map((rule) => ({ ...rule, name: `${rule.name} ${turn}` }));
      expect(compiler.compile(moved).words.length).toBeLessThanOrEqual(allowedWords);
    }
  });
});

describe("a lookup in words that no compiler made", () => {
  test("ends, and with a verdict, whatever they hold", () => {
    withSeed((random) => {
      const words = new Int32Array(64);
      const key = new Int32Array(6);
      for (let turn = 0; turn < 20_000; turn++) {
        for (let i = 0; i < words.length; i++) words[i] = hostileWord(random);
        for (let i = 0; i < key.length; i++) key[i] = nextU32(random) | 0;
        const verdict = lookupRule(words, key);
        if (!(Number.isInteger(verdict) && verdict >= 0)) throw new Error(`${verdict} from ${words.join()}`);
      }
    });
  });

  test("ends in a circle, in a node beyond the end and in no words at all", () => {
    const key = new Int32Array(6);
    expect(lookupRule(Int32Array.of(CHILD | 1, fullHead(0), CHILD | 1), key)).toBe(0);
    expect(lookupRule(Int32Array.of(CHILD | 1, rangesHead(17, 0xffff)), key)).toBe(0);
    expect(lookupRule(Int32Array.of(-1), key)).toBe(0);
    expect(lookupRule(new Int32Array(0), key)).toBe(0);
    expect(lookupRule(new Int32Array(0), new Int32Array(0))).toBe(0);
  });
});

function hostileWord(random: Random): number {
  const node = CHILD | nextBelow(random, 80);
  const heads = [
    matchHead(nextBelow(random, 16)),
    rangesHead(nextBelow(random, 32), nextBelow(random, 70)),
    fullHead(3),
  ];
  return [node, node, heads[nextBelow(random, 3)]!, nextU32(random) | 0, 0][nextBelow(random, 5)]!;
}

describe("the reverse of a key", () => {
  test("asks about the answers: ends and ports exchanged, twice is the key again", () => {
    withSeed((random) => {
      for (let i = 0; i < 2000; i++) {
        const packet = randomPacket(random);
        const { source, destination, protocol, ports } = packet;
        if (ports === undefined) continue;
        const answer: Packet = {
          source: destination,
          destination: source,
          protocol,
          ports: { source: ports.destination, destination: ports.source },
        };
        const reversed = new Int32Array(6);
        reverseKey(keyOf(packet, random), reversed);
        expect([...reversed]).toEqual([...keyOf(answer, random)]);
      }
    });
  });

  test("of an ICMP query is about its reply, of an error about the same error (RFC 792)", () => {
    const answer = (type: number, protocol = 1): number => {
      const reversed = new Int32Array(6);
      reverseKey(Int32Array.of(0, 0, 0, 0, protocol, 0x7700 | type), reversed);
      expect(reversed[5]! & 0xff00).toBe(0x7700);
      return reversed[5]! & 255;
    };
    expect([0, 8, 13, 14, 15, 16, 17, 18].map((type) => answer(type))).toEqual([8, 0, 14, 13, 16, 15, 18, 17]);
    expect([128, 129].map((type) => answer(type, 58))).toEqual([129, 128]);
    expect([3, 4, 5, 11, 12].map((type) => answer(type))).toEqual([3, 4, 5, 11, 12]);
  });
});
