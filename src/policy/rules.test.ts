import { describe, expect, test } from "bun:test";
import {
  decideNaively,
  defaultRules,
  type Iid,
  type IidPrefix,
  OUTSIDE,
  overlaps,
  type Packet,
  type Rule,
} from "#policy/rules";

const T = 16; // tenant bits
const network = (tenant: number, id: number): number => ((tenant << (32 - T)) | id) >>> 0;
const BLUE = network(1, 1);
const BLUE_TEST = network(1, 2);
const RED = network(2, 1);
const NETWORKS = [
  { name: "blue/prod", tags: BLUE },
  { name: "blue/test", tags: BLUE_TEST },
  { name: "red/prod", tags: RED },
];
const PRIVATE = 0x0a00_0000;
const PUBLIC = 0xc633_6400; // 198.51.100.0
const publicPrefix = (tags: number): IidPrefix => ({ tags, host: PUBLIC, length: 56 });
const defaults = defaultRules({ networks: NETWORKS, publicPrefixes: [publicPrefix(BLUE), publicPrefix(RED)] });

const iid = (tags: number, host: number): Iid => ({ tags, host });
const tcp = (source: Iid, destination: Iid, port = 80): Packet => ({
  source,
  destination,
  protocol: 6,
  ports: { source: 40_000, destination: port },
});
const verdict = (rules: readonly Rule[], packet: Packet): string => decideNaively(rules, packet)?.action ?? "drop";

const rule = (part: Partial<Rule>): Rule => ({
  name: "rule",
  priority: 1000,
  source: [{ tags: 0, host: 0, length: 0 }],
  destination: [{ tags: 0, host: 0, length: 0 }],
  action: "allow",
  stateful: true,
  log: false,
  ...part,
});

describe("the defaults (paper §2.4)", () => {
  const bluePrivate = iid(BLUE, PRIVATE + 1);
  const bluePublic = iid(BLUE, PUBLIC + 1);
  const testPrivate = iid(BLUE_TEST, PRIVATE + 2);
  const redPrivate = iid(RED, PRIVATE + 1);
  const redPublic = iid(RED, PUBLIC + 9);
  const cells: [string, Iid, Iid, string][] = [
    ["private to private inside a network", bluePrivate, iid(BLUE, PRIVATE + 7), "allow"],
    ["private to public inside a network", bluePrivate, bluePublic, "allow"],
    ["public to private inside a network", bluePublic, bluePrivate, "allow"],
    ["public to public inside a network", bluePublic, iid(BLUE, PUBLIC + 3), "allow"],
    ["private to private of another network of the tenant", bluePrivate, testPrivate, "drop"],
    ["private to private of another tenant", bluePrivate, redPrivate, "drop"],
    ["private to public of another tenant", bluePrivate, redPublic, "drop"],
    ["public to private of another tenant", bluePublic, redPrivate, "drop"],
    ["public to public of another tenant", bluePublic, redPublic, "allow"],
    ["an address that is public in another network only", iid(BLUE_TEST, PUBLIC + 1), redPublic, "drop"],
  ];
  for (const [name, from, to, wanted] of cells) {
    test(`${name}: ${wanted}, both ways`, () => {
      expect(verdict(defaults, tcp(from, to))).toBe(wanted);
      expect(verdict(defaults, tcp(to, from))).toBe(wanted);
    });
  }

  test("come after every rule of a tenant, which may allow more between private and forbid some between public ones", () => {
    const opened = rule({
      priority: 65535,
      source: [{ ...bluePrivate, length: 64 }],
      destination: [{ ...redPrivate, length: 32 }],
    });
    const closed = rule({ priority: 65535, action: "deny", destination: [publicPrefix(RED)], protocol: 6 });
    const rules = [opened, closed, ...defaults];
    expect(verdict(rules, tcp(bluePrivate, redPrivate))).toBe("allow");
    expect(verdict(rules, tcp(iid(BLUE, PRIVATE + 2), redPrivate))).toBe("drop");
    expect(verdict(rules, tcp(bluePublic, redPublic))).toBe("deny");
    expect(verdict(rules, { ...tcp(bluePublic, redPublic), protocol: 17 })).toBe("allow");
  });

  test("allow nothing between public addresses where there are none", () => {
    expect(defaultRules({ networks: NETWORKS, publicPrefixes: [] }).map(({ name }) => name)).toEqual([
      "default inside blue/prod",
      "default inside blue/test",
      "default inside red/prod",
    ]);
  });
});

describe("the outside", () => {
  const withGateway = [{ name: "blue/prod", tags: BLUE }];
  const rules = defaultRules({ networks: NETWORKS, publicPrefixes: [publicPrefix(BLUE)], withGateway });
  const host = iid(OUTSIDE.tags, 0x0909_0909);

  test("is reached from networks with a route there, statefully, by private and public addresses", () => {
    expect(verdict(rules, tcp(iid(BLUE, PRIVATE + 1), host))).toBe("allow");
    expect(verdict(rules, tcp(iid(BLUE, PUBLIC + 1), host))).toBe("allow");
    expect(decideNaively(rules, tcp(iid(BLUE, PRIVATE + 1), host))).toMatchObject({ stateful: true });
    expect(verdict(rules, tcp(iid(BLUE_TEST, PRIVATE + 1), host))).toBe("drop");
  });

  test("begins nothing, not even to public addresses (paper §2.4)", () => {
    expect(verdict(rules, tcp(host, iid(BLUE, PRIVATE + 1)))).toBe("drop");
    expect(verdict(rules, tcp(host, iid(BLUE, PUBLIC + 1)))).toBe("drop");
    const web = rule({ source: [OUTSIDE], destination: [publicPrefix(BLUE)] });
    expect(verdict([web, ...rules], tcp(host, iid(BLUE, PUBLIC + 1)))).toBe("allow");
  });

  test("is no tenant's: the least tags of one are more, however few bits tenants have", () => {
    for (let bits = 1; bits <= 31; bits++) expect(1 * 2 ** (32 - bits)).toBeGreaterThan(OUTSIDE.tags);
  });
});

describe("the order of rules", () => {
  const packet = tcp(iid(1, 1), iid(2, 2));
  const decider = (...rules: Rule[]): string | undefined => decideNaively(rules, packet)?.name;

  test("is by priority, the smaller first, whatever they do", () => {
    const deny = rule({ name: "deny", priority: 2, action: "deny" });
    expect(decider(deny, rule({ name: "allow", priority: 1 }))).toBe("allow");
  });

  test("of the same priority is deny before allow, then as listed", () => {
    const allow = rule({ name: "allow" });
    expect(decider(allow, rule({ name: "deny", action: "deny" }))).toBe("deny");
    expect(decider(allow, rule({ name: "second" }))).toBe("allow");
  });
});

describe("what a rule matches", () => {
  const between = (packet: Partial<Packet>): Packet => ({ ...tcp(iid(1, 1), iid(2, 2)), ...packet });
  const matches = (part: Partial<Rule>, packet: Packet): boolean => decideNaively([rule(part)], packet) !== undefined;

  test("is any of its prefixes at each end, of every length from all addresses to one", () => {
    const ends = {
      source: [
        { tags: 1, host: 0, length: 32 },
        { tags: 7, host: 7, length: 64 },
      ],
    };
    expect(matches(ends, between({}))).toBe(true);
    expect(matches(ends, between({ source: iid(7, 7) }))).toBe(true);
    expect(matches(ends, between({ source: iid(7, 6) }))).toBe(false);
    expect(matches({ source: [] }, between({}))).toBe(false);
    for (let length = 0; length <= 64; length++) {
      const all = iid(0xffff_ffff, 0xffff_ffff);
      const after =
        length < 32 ? iid(all.tags ^ (1 << (31 - length)), 0) : iid(all.tags, all.host ^ (1 << (63 - length)));
      const unsigned = iid(after.tags >>> 0, after.host >>> 0);
      const from = [{ ...all, length }];
      expect(matches({ source: from }, between({ source: all }))).toBe(true);
      if (length < 64) expect(matches({ source: from }, between({ source: unsigned }))).toBe(true);
      if (length < 64)
        expect(matches({ source: [{ ...all, length: length + 1 }] }, between({ source: unsigned }))).toBe(false);
    }
  });

  test("with ports and no protocol is every protocol that has ports", () => {
    const part = { destinationPorts: [{ first: 80, last: 81 }] };
    for (const protocol of [6, 17, 33, 132, 136]) expect(matches(part, between({ protocol }))).toBe(true);
    expect(matches(part, { ...between({}), protocol: 47 })).toBe(false);
    expect(matches({ ...part, protocol: 47 }, { ...between({}), protocol: 47 })).toBe(false);
    expect(matches({ destinationPorts: [{ first: 81, last: 80 }] }, between({}))).toBe(false);
  });

  test("with an ICMP type is the protocol it is given with, and nothing without one", () => {
    const echo = { ...between({ protocol: 1 }), icmp: { type: 8, code: 0 } };
    expect(matches({ protocol: 1, icmp: { type: 8 } }, echo)).toBe(true);
    expect(matches({ protocol: 1, icmp: { type: 8, code: 1 } }, echo)).toBe(false);
    expect(matches({ protocol: 58, icmp: { type: 8 } }, echo)).toBe(false);
    expect(matches({ icmp: { type: 8 } }, echo)).toBe(false);
  });
});

describe("a later fragment (RFC 1858 §2)", () => {
  const { ports: _, ...fragment } = tcp(iid(1, 1), iid(2, 2));
  const http = { protocol: 6, destinationPorts: [{ first: 80, last: 80 }] };

  test("passes by an allow that may be meant", () => {
    expect(verdict([rule(http)], fragment)).toBe("allow");
    expect(verdict([rule({ ...http, protocol: 17 })], fragment)).toBe("drop");
  });

  test("is not stopped by a deny that may be meant, but by one that is", () => {
    const deny = rule({ ...http, action: "deny" });
    expect(verdict([deny, rule({})], fragment)).toBe("allow");
    expect(verdict([rule({ action: "deny", protocol: 6 }), rule({})], fragment)).toBe("deny");
    expect(verdict([deny], fragment)).toBe("drop");
  });

  test("of ICMP is judged alike by rules about types", () => {
    const icmp = { ...fragment, protocol: 1 };
    expect(verdict([rule({ protocol: 1, icmp: { type: 8 } })], icmp)).toBe("allow");
    expect(verdict([rule({ protocol: 1, icmp: { type: 8 }, action: "deny" }), rule({})], icmp)).toBe("allow");
  });
});

test("two prefixes overlap when one begins with the other", () => {
  const of = (tags: number, length: number): IidPrefix => ({ tags, host: 0, length });
  expect(overlaps(of(0x1_0000, 16), of(0x1_0001, 32))).toBe(true);
  expect(overlaps(of(0x1_0001, 32), of(0x1_0000, 16))).toBe(true);
  expect(overlaps(of(0x1_0001, 32), of(0x1_0002, 32))).toBe(false);
});
