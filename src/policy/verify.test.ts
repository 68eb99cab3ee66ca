import { describe, expect, test } from "bun:test";
import { nextBelow, nextU32, type Random, seeded } from "#base/random";
import { boxesOf, type Cut, decideBoxes, packetOf } from "#policy/regions";
import {
  covers,
  decideNaively,
  defaultRules,
  type Iid,
  type IidPrefix,
  inPrecedence,
  type Packet,
  type Rule,
} from "#policy/rules";
import { answerTo, bothSides, canReach, type Place, reach } from "#policy/verify";
import { hasPorts } from "#wire/protocol";

const any = <T>(random: Random, of: readonly T[]): T => of[nextBelow(random, of.length)]!;
const LENGTHS = [0, 16, 16, 31, 32, 32, 32, 60, 63, 64];
const PORTS = [0, 1, 79, 80, 81, 443, 65535];
const PROTOCOLS = [1, 6, 6, 17, 47, 58];

const nearIid = (random: Random): Iid => ({
  tags: ((1 + nextBelow(random, 2)) << 16) | nextBelow(random, 2),
  host: 0x0a00_0000 | nextBelow(random, 4),
});
const prefixOf = (random: Random): IidPrefix => ({ ...nearIid(random), length: any(random, LENGTHS) });

function range(random: Random): { first: number; last: number } {
  const [a, b] = [any(random, PORTS), any(random, PORTS)];
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

function randomRule(random: Random, name: string): Rule {
  const protocol = any(random, [undefined, ...PROTOCOLS]);
  return {
    name,
    priority: nextBelow(random, 3),
    source: [prefixOf(random), prefixOf(random)].slice(nextBelow(random, 2)),
    destination: [prefixOf(random), prefixOf(random)].slice(nextBelow(random, 2)),
    ...(protocol !== undefined && { protocol }),
    ...(nextBelow(random, 3) === 0 && { destinationPorts: [range(random), range(random)] }),
    ...(nextBelow(random, 6) === 0 && { sourcePorts: [range(random)] }),
    ...(nextBelow(random, 6) === 0 && {
      icmp: { type: any(random, [0, 3, 8]), ...(nextBelow(random, 2) && { code: 1 }) },
    }),
    action: nextBelow(random, 3) ? "allow" : "deny",
    stateful: nextBelow(random, 2) === 0,
    log: false,
  };
}

const randomRules = (random: Random, count: number): Rule[] =>
  Array.from({ length: count }, (_, i) => randomRule(random, `rule ${i}`));

/** An address that begins with the prefix, near the others where it can. */
function iidUnder(random: Random, prefix: IidPrefix): Iid {
  const near = nextBelow(random, 4) ? nearIid(random) : { tags: nextU32(random), host: nextU32(random) };
  for (let tries = 0; tries < 20; tries++) {
    const candidate = nearIid(random);
    if (covers(prefix, candidate)) return candidate;
  }
  const tagMask = prefix.length >= 32 ? -1 : prefix.length === 0 ? 0 : -1 << (32 - prefix.length);
  const hostMask = prefix.length <= 32 ? 0 : -1 << (64 - prefix.length);
  return {
    tags: ((prefix.tags & tagMask) | (near.tags & ~tagMask)) >>> 0,
    host: ((prefix.host & hostMask) | (near.host & ~hostMask)) >>> 0,
  };
}

function packetBetween(random: Random, from: IidPrefix, to: IidPrefix): Packet {
  const protocol = nextBelow(random, 6) ? any(random, PROTOCOLS) : nextBelow(random, 256);
  const ends = { source: iidUnder(random, from), destination: iidUnder(random, to), protocol };
  const port = (): number => (nextBelow(random, 4) ? any(random, PORTS) : nextBelow(random, 65536));
  if (hasPorts(protocol)) return { ...ends, ports: { source: port(), destination: port() } };
  if (protocol !== 1 && protocol !== 58) return ends;
  return { ...ends, icmp: { type: any(random, [0, 3, 8, 9]), code: nextBelow(random, 3) } };
}

function withSeed(run: (random: Random) => void): void {
  const seed = Number(process.env.SEED ?? Date.now() >>> 0);
  try {
    run(seeded(seed));
  } catch (error) {
    console.error(`failed with SEED=${seed}`);
    throw error;
  }
}

const cutsOf = (rules: readonly Rule[]): Cut<Rule>[] =>
  inPrecedence(rules).map((rule) => ({ rule, source: rule.source, destination: rule.destination }));

const isIn = (packet: Packet, box: ReturnType<typeof boxesOf>[number]): boolean => {
  const { source, destination, protocol, ports, icmp } = packet;
  const number = ({ tags, host }: Iid): bigint => (BigInt(tags) << 32n) | BigInt(host);
  const first = icmp ? (icmp.type << 8) | icmp.code : (ports?.source ?? 0);
  const values = [number(source), number(destination), ...[protocol, first, ports?.destination ?? 0].map(BigInt)];
  return box.every((span, i) => span.first <= values[i]! && values[i]! <= span.last);
};

describe("sets of packets", () => {
  test("cut by rules hold each packet once, with the rule that decides about it (paper §2.4)", () => {
    withSeed((random) => {
      for (let set = 0; set < 60; set++) {
        const rules = randomRules(random, nextBelow(random, 14));
        const [from, to] = [prefixOf(random), prefixOf(random)];
        const decided = decideBoxes(cutsOf(rules), boxesOf(from, to, {}));
        for (let i = 0; i < 60; i++) {
          const packet = packetBetween(random, from, to);
          const holding = decided.filter(({ box }) => isIn(packet, box));
          expect(holding.map(({ rule }) => rule)).toEqual([decideNaively(rules, packet)]);
        }
        for (const { box, rule } of decided) expect(decideNaively(rules, packetOf(box))).toBe(rule);
      }
    });
  });
});

describe("canReach", () => {
  /** By the words of both sides' rules. */
  const passes = (sides: { out: readonly Rule[]; in: readonly Rule[] }, packet: Packet): boolean =>
    decideNaively(sides.out, packet)?.action === "allow" && decideNaively(sides.in, packet)?.action === "allow";

  test("says of everything, some or nothing what every packet between the two confirms", () => {
    withSeed((random) => {
      for (let set = 0; set < 80; set++) {
        const sides = { out: inPrecedence(randomRules(random, 8)), in: inPrecedence(randomRules(random, 8)) };
        const [from, to] = [prefixOf(random), prefixOf(random)];
        const { verdict, passing, blocked, traffic } = canReach(sides, from, to);
        expect(passing !== undefined).toBe(verdict !== "no");
        expect(blocked !== undefined).toBe(verdict !== "yes");
        expect(traffic.length > 0).toBe(verdict !== "no");
        for (let i = 0; i < 40; i++) {
          const passed = passes(sides, packetBetween(random, from, to));
          if (passed) expect(verdict).not.toBe("no");
          else expect(verdict).not.toBe("yes");
        }
      }
    });
  });

  test("gives examples that the rules it names decide, and says whether they are answered", () => {
    withSeed((random) => {
      for (let set = 0; set < 150; set++) {
        const sides = { out: inPrecedence(randomRules(random, 8)), in: inPrecedence(randomRules(random, 8)) };
        const [from, to] = [prefixOf(random), prefixOf(random)];
        const { passing, blocked } = canReach(sides, from, to);
        if (blocked !== undefined) {
          expect(decideNaively(sides[blocked.side], blocked.packet)).toBe(blocked.rule);
          expect(passes(sides, blocked.packet)).toBe(false);
        }
        if (passing === undefined) continue;
        expect(decideNaively(sides.out, passing.packet)).toBe(passing.out);
        expect(decideNaively(sides.in, passing.packet)).toBe(passing.in);
        const answer = answerTo(passing.packet);
        const leaves = passing.in.stateful || decideNaively(sides.out, answer)?.action === "allow";
        const arrives = passing.out.stateful || decideNaively(sides.in, answer)?.action === "allow";
        expect(passing.isAnswered).toBe(leaves && arrives);
      }
    });
  });

  const all = { tags: 0, host: 0, length: 0 };
  const web: Rule = {
    name: "web",
    priority: 1,
    source: [{ tags: 1, host: 0, length: 32 }],
    destination: [{ tags: 2, host: 80, length: 64 }],
    protocol: 6,
    destinationPorts: [{ first: 80, last: 80 }],
    action: "allow",
    stateful: true,
    log: false,
  };

  test("says for which ports", () => {
    const [from, to] = [web.source[0]!, web.destination[0]!];
    const found = canReach(bothSides([web]), from, to);
    expect(found.verdict).toBe("some");
    expect(found.traffic).toEqual([
      {
        protocols: { first: 6, last: 6 },
        sourcePorts: { first: 0, last: 65535 },
        destinationPorts: { first: 80, last: 80 },
      },
    ]);
    const narrowed = canReach(bothSides([web]), from, to, { protocol: 6, destinationPorts: [{ first: 80, last: 80 }] });
    expect(narrowed).toMatchObject({ verdict: "yes", passing: { out: web, isAnswered: true } });
    expect(canReach(bothSides([web]), from, to, { protocol: 17 }).verdict).toBe("no");
    expect(canReach(bothSides([web]), to, from).verdict).toBe("no");
  });

  test("knows that a stateless rule's answers need rules of their own", () => {
    const stateless = { ...web, stateful: false };
    expect(canReach(bothSides([stateless]), all, all).passing?.isAnswered).toBe(false);
    const back = { ...stateless, name: "back", source: web.destination, destination: web.source };
    const { destinationPorts: sourcePorts, ...rest } = back;
    const both = [stateless, { ...rest, sourcePorts: sourcePorts! }];
    expect(canReach(bothSides(both), web.source[0]!, all).passing?.isAnswered).toBe(true);
  });

  test("refuses questions that the rules cut into too many parts", () => {
    const scattered = Array.from({ length: 100 }, (_, i) => ({
      ...web,
      name: `${i}`,
      source: Array.from({ length: 20 }, (_, j) => ({ tags: (i * 7919 + j * 104_729) >>> 0, host: 0, length: 32 })),
      destination: Array.from({ length: 40 }, (_, j) => ({
        tags: (i * 15_485_863 + j * 31_337) >>> 0,
        host: 0,
        length: 32,
      })),
    }));
    expect(() => canReach(bothSides(scattered), all, all)).toThrow(RangeError);
  });
});

describe("reach", () => {
  const places = (random: Random): Place[] =>
    Array.from({ length: 7 }, (_, i) => ({
      name: `${i}`,
      prefix: { ...prefixOf(random), length: any(random, [16, 32, 32, 64]) },
    }));

  test("finds for all pairs what canReach finds for each", () => {
    withSeed((random) => {
      for (let set = 0; set < 12; set++) {
        const sides = { out: inPrecedence(randomRules(random, 12)), in: inPrecedence(randomRules(random, 12)) };
        const all = places(random);
        const found = [...reach(sides, all)];
        for (const from of all) {
          for (const to of all) {
            const cell = found.find((each) => each.from === from && each.to === to);
            const { from: _, to: __, ...answer } = cell ?? { from, to };
            const wanted = canReach(sides, from.prefix, to.prefix);
            if (wanted.verdict === "no") expect(cell).toBeUndefined();
            else expect(answer).toEqual(wanted);
          }
        }
      }
    });
  });

  test("of the defaults is each network itself, and public addresses one another (paper §2.4)", () => {
    const networks = [1, 2, 3].map((tags) => ({ name: `network ${tags}`, tags }));
    const publicPrefixes = [1, 2].map((tags) => ({ tags, host: 0xc633_6400, length: 56 }));
    const rules = defaultRules({ networks, publicPrefixes });
    const asked: Place[] = [
      ...networks.map(({ name, tags }) => ({ name, prefix: { tags, host: 0x0a00_0000, length: 40 } })),
      ...publicPrefixes.map((prefix) => ({ name: `public ${prefix.tags}`, prefix })),
    ];
    const cells = [...reach(bothSides(rules), asked)].map(
      ({ from, to, verdict }) => `${from.name} > ${to.name}: ${verdict}`,
    );
    const wanted = [
      ...[1, 2, 3].map((n) => `network ${n} > network ${n}: yes`),
      ...[1, 2].flatMap((n) => [`network ${n} > public ${n}: yes`, `public ${n} > network ${n}: yes`]),
      ...[1, 2].flatMap((a) => [1, 2].map((b) => `public ${a} > public ${b}: yes`)),
    ];
    expect(cells.sort()).toEqual(wanted.sort());
  });
});
