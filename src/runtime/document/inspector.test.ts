import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { formatConfigError } from "#runtime/document/config-error";
import { Inspector } from "#runtime/document/inspector";
import { parseSource } from "#runtime/document/source";

const count = z.int({ error: "1 … 16" }).min(1, { error: "1 … 16" }).max(16, { error: "1 … 16" });
const tap = z.union(
  [z.string(), z.strictObject({ name: z.string({ error: "a name" }), netns: z.string().optional() })],
  {
    error: "an interface name or a mapping",
  },
);
const machine = z.strictObject({ name: z.string({ error: "a name" }), count: count.default(1), tap: tap.optional() });
const ports = z.record(z.string().regex(/^[a-z]+$/, { error: "lower case letters" }), count, { error: "a mapping" });

function inspector(text: string, secrets: string[] = []): Inspector {
  const result = parseSource("x.yaml", text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return new Inspector(result.source, secrets);
}

const told = (i: Inspector): string[] => i.errors.map(formatConfigError);

describe("an inspector", () => {
  test("says what was found and what was expected", () => {
    const i = inspector("name: [1, 2]\ncount: 99\n");
    expect(i.read(machine, [])).toBeUndefined();
    expect(told(i)).toEqual([
      "x.yaml:1:7: name: found a list of 2, expected a name",
      "x.yaml:2:8: count: found 99, expected 1 … 16",
    ]);
  });

  test("points at the mapping that lacks a key", () => {
    const i = inspector("- count: 2\n- name: b\n");
    expect(i.readList(machine, [])).toEqual([{ index: 1, value: { name: "b", count: 1 } }]);
    expect(told(i)).toEqual(["x.yaml:1:3: [0].name: found nothing, expected a name"]);
  });

  test("guesses which key was meant and reads on", () => {
    const i = inspector("name: a\ncuont: 3\n");
    expect(i.read(machine, [])).toEqual({ name: "a", count: 1 });
    expect(told(i)).toEqual([
      'x.yaml:2:1: cuont: found the unknown key "cuont", expected one of name, count, tap\n    Did you mean "count"?',
    ]);
  });

  test("in a choice of forms speaks of the form that was meant", () => {
    const i = inspector("name: a\ntap: {nam: x}\n");
    i.read(machine, []);
    expect(told(i)).toEqual([
      "x.yaml:2:6: tap.name: found nothing, expected a name",
      'x.yaml:2:7: tap.nam: found the unknown key "nam", expected one of name, netns\n    Did you mean "name"?',
    ]);
    const other = inspector("name: a\ntap: 5\n");
    other.read(machine, []);
    expect(told(other)).toEqual(["x.yaml:2:6: tap: found 5, expected an interface name or a mapping"]);
  });

  test("points at a key that is not allowed as a key", () => {
    const i = inspector("web: 1\nB2: 2\n");
    i.read(ports, []);
    expect(told(i)).toEqual(['x.yaml:2:1: B2: found the key "B2", expected lower case letters']);
  });

  test("does not repeat what is secret", () => {
    const i = inspector("key: 1234\n", ["key"]);
    i.read(z.object({ key: z.string({ error: "32 digits" }) }), []);
    expect(told(i)).toEqual(["x.yaml:1:6: key: found something else (not shown, it is secret), expected 32 digits"]);
  });

  test("tells its errors in the order of the file", () => {
    const i = inspector("a: 1\nb: 2\n");
    i.report(["b"], { found: "2", expected: "3" });
    i.report(["a"], { found: "1", expected: "2", hint: "Count." });
    i.warn(["b"], { found: "2", expected: "4" });
    expect(told(i)).toEqual(["x.yaml:1:4: a: found 1, expected 2\n    Count.", "x.yaml:2:4: b: found 2, expected 3"]);
    expect(i.warnings.map((w) => w.expected)).toEqual(["4"]);
    expect(i.lineOf(["b"])).toBe("line 2");
  });
});
