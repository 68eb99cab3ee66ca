/** Filters: what operators write, what it means, and what they are told of what means nothing. */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { ENDINGS } from "#fastpath/verdicts";
import type { Filter } from "#fastpath/watch/filter";
import { FilterError, type FilterNames, parseFilter } from "#router/watch/filter-parser";

const BLUE = 0x401;
const WEB = parseIpv4("10.0.0.2")!;
const WEB_IN_FABRIC = parseIpv6("2001:db8:a1:1:0:401:a00:2")!;
const names: FilterNames = {
  tenant: (name) => (name === "blue" ? { tags: 0x400, length: 22 } : undefined),
  network: (name) => (name === "blue/prod" ? BLUE : undefined),
  vm: (name) => (name === "web" ? { port: 7, tags: BLUE, addresses: [WEB, WEB_IN_FABRIC] } : undefined),
  port: (name) => ({ eth1: 0, web: 7 })[name],
  known: (what) => ({ tenant: ["blue"], network: ["blue/prod"], vm: ["web"], port: ["eth1", "web"] })[what],
};
const parse = (text: string) => parseFilter(text, names);
const message = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof FilterError) return error.message;
    throw error;
  }
  return "";
};

const TCP: Filter = { op: "protocol", number: 6 };
const UDP: Filter = { op: "protocol", number: 17 };
const HTTP: Filter = { op: "ports", side: "either", first: 80, last: 80 };

describe("a filter", () => {
  test("of nothing is everything", () => {
    expect(parse("")).toEqual({ op: "all" });
    expect(parse("  ")).toEqual({ op: "all" });
  });

  test("has and before or, parentheses and not; and may be left out", () => {
    expect(parse("tcp and port 80 or udp")).toEqual({ op: "or", of: [{ op: "and", of: [TCP, HTTP] }, UDP] });
    expect(parse("tcp port 80 || udp")).toEqual(parse("tcp && port 80 or udp"));
    expect(parse("tcp (port 80 or udp)")).toEqual({ op: "and", of: [TCP, { op: "or", of: [HTTP, UDP] }] });
    expect(parse("not not tcp")).toEqual({ op: "not", of: { op: "not", of: TCP } });
    expect(parse("!tcp")).toEqual({ op: "not", of: TCP });
  });

  test("names addresses and prefixes, of either end or one", () => {
    const web: Filter = { op: "prefix4", side: "either", word: raw(WEB), mask: -1 };
    expect(parse("10.0.0.2")).toEqual(web);
    expect(parse("host 10.0.0.2")).toEqual(web);
    expect(parse("src 10.0.0.2")).toEqual({ ...web, side: "source" });
    expect(parse("dst net 10.0.0.0/8")).toEqual({ op: "prefix4", side: "destination", word: 10, mask: 0xff });
    expect(parse("10.0.0.0/8")).toEqual(parse("net 10.0.0.0/8"));
    expect(parse("2001:db8:a1:1:0:401:a00:2")).toEqual({
      ...{ op: "prefix6", side: "either", masks: [-1, -1, -1, -1] },
      words: [...rawWords(WEB_IN_FABRIC)],
    });
    expect(parse("net ::/0")).toMatchObject({ words: [0, 0, 0, 0], masks: [0, 0, 0, 0] });
  });

  test("names ports, protocols, kinds, lengths", () => {
    expect(parse("dst port 80-90")).toEqual({ op: "ports", side: "destination", first: 80, last: 90 });
    expect(parse("proto 89")).toEqual({ op: "protocol", number: 89 });
    expect(parse("ip6")).toEqual({ op: "kind", kind: 6 });
    expect(parse("greater 1000")).toEqual({ op: "length", least: 1000, most: 65_550 });
    expect(parse("less 64")).toEqual({ op: "length", least: 0, most: 64 });
    expect(parse("tunnelled")).toEqual({ op: "tunnelled" });
  });

  test("names tenants, networks, VMs and ports of this router", () => {
    expect(parse("tenant blue")).toEqual({ op: "tags", side: "either", word: rawOf(0x400), mask: rawOf(~0x3ff) });
    expect(parse("src network blue/prod")).toEqual({ op: "tags", side: "source", word: rawOf(BLUE), mask: -1 });
    expect(parse("on eth1")).toEqual({ op: "on", ports: [0] });
    expect(parse("vm web")).toMatchObject({
      op: "or",
      of: [{ op: "on", ports: [7] }, { op: "and" }, { op: "prefix6" }],
    });
    expect(parse("dst vm web")).toMatchObject({ op: "or", of: [{ op: "and" }, { op: "prefix6" }] });
  });

  test("names endings, one or all of a fate", () => {
    const noRule = ENDINGS.findIndex(({ name }) => name === "no-rule");
    expect(parse("ending no-rule")).toEqual({ op: "ending", verdicts: [noRule] });
    const dropped = parse("dropped");
    expect(dropped).toMatchObject({ op: "ending" });
    expect(dropped.op === "ending" && dropped.verdicts).toEqual(
      ENDINGS.flatMap(({ fate }, i) => (fate === "dropped" ? [i] : [])),
    );
  });
});

describe("what is no filter is refused with what was found and expected, and where", () => {
  const CASES: readonly (readonly [text: string, found: string, at: number])[] = [
    ["tcp and", "the end", 7],
    ["tcpp", '"tcpp"', 0],
    ["host web", '"web"', 5],
    ["(tcp", "the end", 4],
    ["tcp)", '")"', 3],
    ["port 70000", '"70000"', 5],
    ["port 90-80", '"90-80"', 5],
    ["10.0.0.0/33", '"10.0.0.0/33"', 0],
    ["vm db", '"db"', 3],
    ["ending no-such", '"no-such"', 7],
    ["greater x", '"x"', 8],
    ["src", "the end", 3],
  ];
  for (const [text, found, at] of CASES)
    test(text, () => {
      expect(message(text)).toStartWith(`filter: found ${found}, expected `);
      expect(message(text)).toEndWith(`\n  ${text}\n  ${" ".repeat(at)}^`);
    });

  test("names that mean nothing are told with those that do", () => {
    expect(message("vm db")).toContain("the name of a VM here: web");
    expect(message("tenant red")).toContain("the name of a tenant here: blue");
  });
});
