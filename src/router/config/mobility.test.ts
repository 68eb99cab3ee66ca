import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFabric, loadFabric } from "#router/config/fabric";
import type { Configuration } from "#router/config/model";
import { checkNode } from "#router/config/node";
import { describeChange, planChange } from "#router/config/plan";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
`;
const NODE = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
uplinks: [{interface: eth1}]
`;

const folder = mkdtempSync(join(tmpdir(), "ain-mobility-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function source(file: string, text: string) {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return result.source;
}

function configuration(mobility = "", node = ""): Configuration {
  const result = checkNode(source("/etc/ain/hv1.yaml", NODE + node), checkFabric(source("f.yaml", FABRIC + mobility)));
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result;
}

const settings = (mobility: string) => configuration(mobility).fabric.mobility;

const errors = (mobility: string): string[] => {
  const result = checkFabric(source("f.yaml", FABRIC + mobility));
  return result.ok ? [] : result.errors.map(formatConfigError);
};

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("the section mobility of a fabric", () => {
  test("need not be there: nothing is signed, and times are the defaults", () => {
    expect(settings("")).toEqual({
      lifetime: 300_000,
      grace: 10_000,
      heartbeat: 5000,
      idle: 30_000,
      bindings: 131_072,
      correspondents: 1024,
    });
  });

  test("has keys, of which the first is sent with unless another is named (RFC 4285 §5.1)", () => {
    const two = "keys: [{id: 256, secret: old}, {id: 4294967295, secret: new}]";
    const keys = [
      { id: 256, secret: octets("old") },
      { id: 4294967295, secret: octets("new") },
    ];
    expect(settings(`mobility: {auth: {${two}}}`).auth).toEqual({ keys, send: 256 });
    expect(settings(`mobility: {auth: {${two}, send: 4294967295}}`).auth).toEqual({ keys, send: 4294967295 });
  });

  test("finds keys' texts in files of their own, and warns of those that everybody can read", () => {
    const file = join(folder, "fabric.yaml");
    writeFileSync(file, `${FABRIC}mobility: {auth: {keys: [{id: 1000, secretFile: mobility.key}]}}\n`, { mode: 0o600 });
    writeFileSync(join(folder, "mobility.key"), "s3cret\n");
    chmodSync(join(folder, "mobility.key"), 0o644);
    const result = loadFabric(file);
    expect(result.ok && result.fabric.mobility.auth?.keys).toEqual([{ id: 1000, secret: octets("s3cret") }]);
    expect(result.warnings.map(({ path }) => path)).toEqual(["mobility.auth.keys[0].secretFile"]);
  });

  test("refuses what cannot be, and repeats no secret", () => {
    const one = (key: string): string[] => errors(`mobility: {auth: {keys: [${key}]}}`);
    const at = "f.yaml:5:26: mobility.auth.keys[0]";
    expect(one("{id: 1000}")).toEqual([
      `${at}: found neither secret nor secretFile, expected the key's text, in one of the two`,
    ]);
    expect(one("{id: 1000, secret: 271828}")).toEqual([
      "f.yaml:5:45: mobility.auth.keys[0].secret: found something else (not shown, it is secret), expected a text of 1 … 255 octets",
    ]);
    expect(one("{id: 255, secret: a}")).toEqual([
      "f.yaml:5:31: mobility.auth.keys[0].id: found 255, expected a whole number 256 … 4294967295",
    ]);
    expect(one("{id: 300, secret: a}, {id: 300, secret: b}")).toEqual([
      "f.yaml:5:53: mobility.auth.keys[1].id: found 300 again, expected each key id once",
    ]);
    expect(errors("mobility: {auth: {send: 301, keys: [{id: 300, secret: a}]}}")).toEqual([
      "f.yaml:5:25: mobility.auth.send: found 301, expected the id of one of the keys (300)",
    ]);
    expect(errors("mobility: {lifetime: 10s}")).toHaveLength(1);
    expect(errors("mobility: {lifetime: 30s}")).toHaveLength(1); // no whole number of units of four seconds
    expect(errors("mobility: {keys: []}")).toHaveLength(1);
  });
});

test("a node may record, to a file beside its own", () => {
  expect(configuration("", "mobility: {record: pmip.jsonl}\n").node.mobility).toEqual({
    record: { file: "/etc/ain/pmip.jsonl", limit: 256 * 2 ** 20 },
  });
  expect(configuration().node.mobility).toBeUndefined();
});

test("a plan shows other times, that keys differ without showing them, and what needs a restart", () => {
  const plan = (before: string, after: string): string[] =>
    planChange(configuration(before), configuration(after)).map(describeChange);
  const key = (secret: string): string => `mobility: {auth: {keys: [{id: 300, secret: ${secret}}]}}`;
  expect(plan(key("abc"), key("abc"))).toEqual([]);
  expect(plan(key("abc"), key("xyz"))).toEqual(["~ fabric mobility secrets: (secret) → (another)"]);
  expect(plan("", "mobility: {lifetime: 60s}")).toEqual([
    "~ fabric mobility: unsigned lifetime 5min grace 10s heartbeat 5s idle 30s correspondents 1024 → unsigned lifetime 1min grace 10s heartbeat 5s idle 30s correspondents 1024",
  ]);
  expect(plan("", "mobility: {bindings: 2048}")).toEqual([
    "~ fabric mobility bindings: 131072 → 2048 (needs a restart: it is laid out when the router starts)",
  ]);
});
