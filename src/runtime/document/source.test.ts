import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, readSource, type Source } from "#runtime/document/source";

function source(text: string): Source {
  const result = parseSource("x.yaml", text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}

const errorsOf = (text: string): string[] => {
  const result = parseSource("x.yaml", text);
  return "errors" in result ? result.errors.map(formatConfigError) : [];
};

describe("a source", () => {
  test("tells where a value, a key and a list element are written", () => {
    const s = source("name: hv1\nvms:\n  - name: web1\n    address: 10.0.0.2\n  - {name: web2}\n");
    expect(s.locate(["name"])).toEqual({ line: 1, column: 7 });
    expect(s.locate(["vms"], "key")).toEqual({ line: 2, column: 1 });
    expect(s.locate(["vms", 0, "address"])).toEqual({ line: 4, column: 14 });
    expect(s.locate(["vms", 0, "address"], "key")).toEqual({ line: 4, column: 5 });
    expect(s.locate(["vms", 1])).toEqual({ line: 5, column: 5 });
  });

  test("shows where something missing should have been", () => {
    const s = source("vms:\n  - name: web1\nroutes:\n");
    expect(s.locate(["vms", 0, "address"])).toEqual({ line: 2, column: 5 });
    expect(s.locate(["routes"])).toEqual({ line: 3, column: 1 });
    expect(s.locate(["uplinks", 3, "name"])).toEqual({ line: 1, column: 1 });
  });

  test("follows anchors, aliases and merge keys", () => {
    const s = source("base: &b {mtu: 1500}\nup: *b\ndown:\n  <<: *b\n  name: x\n");
    expect(s.value).toEqual({ base: { mtu: 1500 }, up: { mtu: 1500 }, down: { mtu: 1500, name: "x" } });
    expect(s.locate(["up", "mtu"])).toEqual({ line: 1, column: 16 });
  });

  test("keeps digits that no double holds exactly as text", () => {
    expect(source("key: 12345678901234567890123456789012\nn: 1500").value).toEqual({
      key: "12345678901234567890123456789012",
      n: 1500,
    });
    expect(source("0: 0e111111111111111111111").value).toEqual({ 0: "0e111111111111111111111" });
  });

  test("reads addresses as text in every position YAML allows them", () => {
    expect(source("a: [::1, ::/0, {b: fe80::1}]\nmac: 02:00:00:00:00:01\nv4: 10.0.0.0/24").value).toEqual({
      a: ["::1", "::/0", { b: "fe80::1" }],
      mac: "02:00:00:00:00:01",
      v4: "10.0.0.0/24",
    });
  });

  test("of an empty file has no value", () => {
    expect(source("").value).toBeUndefined();
    expect(source("# nothing\n").value).toBeUndefined();
    expect(source("").locate(["name"])).toEqual({ line: 1, column: 1 });
  });
});

describe("a syntax error", () => {
  test("names file, line and column", () => {
    expect(errorsOf("a: 1\na: 2\n")).toEqual([
      "x.yaml:2:1: found a key for the second time in one mapping, expected each key once",
    ]);
  });

  test("about an address that ends with a colon says how to write it", () => {
    expect(errorsOf("a: 2001:db8::\n")[0]).toContain('has to be in quotes: "2001:db8::"');
  });

  test("is told once a line", () => {
    const lines = errorsOf("a: [1, 2\nb: }\n").map((e) => e.split(":")[1]);
    expect(lines.length).toBeGreaterThan(0);
    expect(new Set(lines).size).toBe(lines.length);
  });

  test("covers aliases that unfold without end", () => {
    const levels = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [from, to] of ["ab", "bc", "cd", "de"].map((s) => [s[0], s[1]])) {
      levels.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(", ")}]`);
    }
    expect(errorsOf(levels.join("\n"))[0]).toContain("expected aliases that can be unfolded");
  });
});

describe("a file that cannot be read", () => {
  test("is an error without a line", () => {
    const directory = mkdtempSync(join(tmpdir(), "ain-source-"));
    try {
      const missing = readSource(join(directory, "none.yaml"));
      expect("errors" in missing && missing.errors.map(formatConfigError)).toEqual([
        `${directory}/none.yaml: found no such file, expected a readable YAML file`,
      ]);
      const folder = readSource(directory);
      expect("errors" in folder && folder.errors[0]?.found).toBe("a directory");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
