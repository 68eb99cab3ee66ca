import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatPrefix, parsePrefix6 } from "#base/address";
import { formatRouterId } from "#ospf/text";
import { checkFiles } from "#router/config/check";
import { checkFabric } from "#router/config/fabric";
import type { Configuration } from "#router/config/model";
import { checkNode, type NodeResult } from "#router/config/node";
import { describeChange, planChange } from "#router/config/plan";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, 2001:db8:a1:2::/64]
`;
const HYPERVISOR = `name: hv2
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:2::/64
uplinks: [{interface: eth1, name: sw1}, {interface: eth2, name: sw2}]
`;
const SWITCH = `name: sw
fabric: fabric.yaml
role: switch
address: 2001:db8:a1:ff::1
uplinks: [{interface: eth1}, {interface: eth2}]
`;

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}

const check = (text: string, file = "node.yaml"): NodeResult =>
  checkNode(source(file, text), checkFabric(source("fabric.yaml", FABRIC)));

function configuration(text: string, file?: string): Configuration {
  const result = check(text, file);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result;
}

const ospf = (text: string, file?: string) => configuration(text, file).node.ospf!;
const errors = (text: string, file?: string): string[] => {
  const result = check(text, file);
  return result.ok ? [] : result.errors.map(formatConfigError);
};

describe("the section ospf", () => {
  test("left out or false: static routes only", () => {
    expect(configuration(HYPERVISOR).node.ospf).toBeUndefined();
    expect(configuration(`${HYPERVISOR}ospf: false\n`).node.ospf).toBeUndefined();
  });

  test("true: every uplink in the backbone, the homes advertised, a router id from the home's number", () => {
    const { config, bfd, record } = ospf(`${HYPERVISOR}ospf: true\n`);
    expect(config).toEqual({
      routerId: 2,
      areas: [{ id: 0, kind: "normal", summaries: true, defaultCost: 1, ranges: [], translate: "candidate" }],
      interfaces: ["sw1", "sw2"].map((name) => ({
        name,
        area: 0,
        kind: "point-to-point" as const,
        cost: 10,
        helloInterval: 10_000,
        deadInterval: 40_000,
        retransmitInterval: 5000,
        transmitDelay: 1,
        priority: 1,
        passive: false,
        mtuIgnore: false,
        instanceId: 0,
        prefixes: [],
        bfd: false,
      })),
      prefixes: [{ prefix: parsePrefix6("2001:db8:a1:2::/64")!, area: 0, cost: 0 }],
      external: [],
      spf: { initial: 50, short: 200, long: 5000, timeToLearn: 500, holdDown: 10_000 },
      gracefulRestart: { period: 120, helper: true },
      maxPaths: 64,
      maxLsas: 100_000,
    });
    expect([bfd.size, record]).toEqual([0, undefined]);
    expect(ospf(`${HYPERVISOR}ospf: {}\n`)).toEqual(ospf(`${HYPERVISOR}ospf: true\n`));
  });

  test("of a switch advertises its address, and has a router id that hypervisors cannot have", () => {
    const { routerId, prefixes } = ospf(`${SWITCH}ospf: true\n`).config;
    expect(routerId).toBeGreaterThanOrEqual(0x8000_0000);
    expect(prefixes.map(({ prefix }) => formatPrefix(prefix))).toEqual(["2001:db8:a1:ff::1/128"]);
    const other = ospf(SWITCH.replace("ff::1", "ff::2").concat("ospf: true\n"));
    expect(other.config.routerId).not.toBe(routerId);
  });

  test("says everything there is to say", () => {
    const { config, bfd, record } = ospf(
      `${HYPERVISOR}routes:
  - {to: "::/0", discard: true}
  - {to: 2001:db8:b::/48, discard: true}
ospf:
  routerId: 10.0.0.1
  area: 0.0.0.1
  areas:
    0.0.0.1:
      kind: nssa
      summaries: false
      defaultCost: 7
      translate: always
      ranges: [{prefix: 2001:db8:a1::/48, cost: 10}, {prefix: 2001:db8:a2::/48, advertise: false}]
  defaults: {hello: 1s, bfd: true, cost: 100}
  interfaces:
    sw2:
      area: 2
      kind: broadcast
      cost: 20
      dead: 3s
      retransmit: 500ms
      transmitDelay: 2s
      priority: 0
      passive: true
      mtuIgnore: true
      instance: 9
      prefixes: [2001:db8:a1:ee::/64]
      bfd: {interval: 50ms, multiplier: 5}
      auth:
        keys:
          - {id: 1, secret: old, acceptUntil: 2026-12-01T00:00:00Z}
          - {id: 2, secret: new, sendFrom: 2026-11-30T12:00:00+02:00}
  redistribute:
    static: {metric: 5, metricType: 1, tag: 77}
    default: true
  spf: {initial: 10ms, short: 100ms}
  gracefulRestart: {period: 2min, helper: false}
  maxPaths: 8
  maxLsas: 1000
  record: {file: ospf.rec, limit: 16}
`,
      "/etc/ain/node.yaml",
    );
    const [first, second] = config.interfaces;
    expect(first).toMatchObject({ area: 1, cost: 100, helloInterval: 1000, deadInterval: 4000, bfd: true });
    expect(second).toEqual({
      name: "sw2",
      area: 2,
      kind: "broadcast",
      cost: 20,
      helloInterval: 1000,
      deadInterval: 3000,
      retransmitInterval: 500,
      transmitDelay: 2,
      priority: 0,
      passive: true,
      mtuIgnore: true,
      instanceId: 9,
      prefixes: [parsePrefix6("2001:db8:a1:ee::/64")!],
      bfd: true,
      authentication: {
        keys: [
          { id: 1, secret: new TextEncoder().encode("old"), acceptUntil: Date.UTC(2026, 11, 1) },
          { id: 2, secret: new TextEncoder().encode("new"), sendFrom: Date.UTC(2026, 10, 30, 10) },
        ],
      },
    });
    expect(Object.fromEntries(bfd)).toEqual({
      sw1: { interval: 100, multiplier: 3 },
      sw2: { interval: 50, multiplier: 5 },
    });
    expect(config.areas.map(({ id, kind }) => `${formatRouterId(id)} ${kind}`)).toEqual([
      "0.0.0.1 nssa",
      "0.0.0.2 normal",
    ]);
    expect(config.areas[0]).toMatchObject({ summaries: false, defaultCost: 7, translate: "always" });
    expect(config.areas[0]!.ranges).toEqual([
      { prefix: parsePrefix6("2001:db8:a1::/48")!, advertise: true, cost: 10 },
      { prefix: parsePrefix6("2001:db8:a2::/48")!, advertise: false },
    ]);
    expect(config.external).toEqual([
      { prefix: parsePrefix6("2001:db8:b::/48")!, metric: 5, metricType: 1, tag: 77 },
      { prefix: parsePrefix6("::/0")!, metric: 10, metricType: 2 },
    ]);
    expect(config).toMatchObject({
      routerId: 0x0a000001,
      spf: { initial: 10, short: 100, long: 5000 },
      gracefulRestart: { period: 120, helper: false },
      maxPaths: 8,
      maxLsas: 1000,
    });
    expect(record).toEqual({ file: "/etc/ain/ospf.rec", limit: 16 * 2 ** 20 });
  });

  test("advertises the node's prefixes in an area that it has an interface in", () => {
    const text = "ospf: {area: 0, interfaces: {sw1: {area: 3}, sw2: {area: 2}}}\n";
    expect(ospf(HYPERVISOR + text).config.prefixes[0]?.area).toBe(2);
  });

  test("redistributes a default route only where there is one, or always", () => {
    const external = (text: string) => ospf(`${HYPERVISOR}${text}`).config.external.length;
    expect(external("ospf: {redistribute: {default: true}}\n")).toBe(0);
    expect(external("ospf: {redistribute: {default: {always: true}}}\n")).toBe(1);
    expect(external('routes: [{to: "::/0", discard: true}]\nospf: {redistribute: {static: true}}\n')).toBe(0);
    expect(external('routes: [{to: "::/0", discard: true}]\nospf: {redistribute: {default: {}}}\n')).toBe(1);
  });
});

describe("errors of the section ospf", () => {
  test("show all at once, each with its place, what was found and what was expected", () => {
    const text = `ospf:
  routerId: 0.0.0.0
  area: 1.2.3
  areas:
    0: {kind: stub}
    1: {summaries: false, defaultCost: 3, translate: never, kin: stub}
    0.0.0.1: {ranges: [{prefix: 2001:db8::1/32}, {prefix: 2001:db8::/32, cost: 16777215}]}
    one: {}
  interfaces:
    sw3: {cost: 0}
    sw1: {kind: p2p, hello: 10, dead: 1500ms, prority: 1, bfd: {interval: 1ms}}
    sw2: {hello: 10s, dead: 10s, metric: 1}
  redistribute: {static: {metricType: 3}, connected: true}
  spf: {short: 10s, long: 6s}
  gracefulRestart: {period: 1h}
  maxPaths: 65
`;
    expect(errors(HYPERVISOR + text)).toEqual([
      'node.yaml:7:13: ospf.routerId: found "0.0.0.0", expected a router id: 10.0.0.1, or a whole number 1 … 4294967295',
      'node.yaml:8:9: ospf.area: found "1.2.3", expected an area: 0.0.0.1, or a whole number 0 … 4294967295',
      "node.yaml:10:15: ospf.areas.0.kind: found stub, expected normal: all other areas meet in the backbone",
      "node.yaml:11:9: ospf.areas.1.summaries: found summaries in a normal area, expected true: only stub areas and NSSAs can do without",
      "node.yaml:11:27: ospf.areas.1.defaultCost: found defaultCost in a normal area, expected it in stub areas and NSSAs only",
      "node.yaml:11:43: ospf.areas.1.translate: found translate in a normal area, expected it in NSSAs only",
      'node.yaml:11:61: ospf.areas.1.kin: found the unknown key "kin", expected one of kind, summaries, defaultCost, translate, ranges\n    Did you mean "kind"?',
      'node.yaml:12:5: ospf.areas["0.0.0.1"]: found the area 0.0.0.1 a second time, expected each area once',
      'node.yaml:12:33: ospf.areas["0.0.0.1"].ranges[0].prefix: found "2001:db8::1/32", expected a prefix without host bits: 2001:db8::/32',
      'node.yaml:12:80: ospf.areas["0.0.0.1"].ranges[1].cost: found 16777215, expected a whole number 0 … 16777214',
      'node.yaml:13:5: ospf.areas.one: found the key "one", expected an area: 0.0.0.1, or a whole number 0 … 4294967295',
      'node.yaml:15:5: ospf.interfaces.sw3: found the unknown uplink "sw3", expected one of the uplinks sw1, sw2\n    Did you mean "sw1"?',
      "node.yaml:15:17: ospf.interfaces.sw3.cost: found 0, expected a whole number 1 … 65535",
      'node.yaml:16:17: ospf.interfaces.sw1.kind: found "p2p", expected point-to-point or broadcast',
      "node.yaml:16:29: ospf.interfaces.sw1.hello: found 10, expected a time 1s … 65535s, in whole seconds",
      'node.yaml:16:39: ospf.interfaces.sw1.dead: found "1500ms", expected a time 1s … 65535s, in whole seconds',
      'node.yaml:16:47: ospf.interfaces.sw1.prority: found the unknown key "prority", expected one of area, prefixes, kind, cost, hello, dead, retransmit, transmitDelay, priority, passive, mtuIgnore, instance, bfd, auth\n    Did you mean "priority"?',
      'node.yaml:16:75: ospf.interfaces.sw1.bfd.interval: found "1ms", expected a time 10ms … 1min',
      "node.yaml:17:29: ospf.interfaces.sw2.dead: found 10s, expected more than the hello interval, 10s",
      expect.stringContaining('ospf.interfaces.sw2.metric: found the unknown key "metric"'),
      "node.yaml:18:39: ospf.redistribute.static.metricType: found 3, expected 1 or 2",
      'node.yaml:18:43: ospf.redistribute.connected: found the unknown key "connected", expected one of static, default',
      'node.yaml:20:29: ospf.gracefulRestart.period: found "1h", expected a time 1s … 30min, in whole seconds',
      "node.yaml:21:13: ospf.maxPaths: found 65, expected a whole number 1 … 64",
    ]);
  });

  test("about what is not a section at all", () => {
    const expected = "expected true, false, or a mapping with routerId, area, areas, interfaces …";
    expect(errors(`${HYPERVISOR}ospf: on\n`)).toEqual([`node.yaml:6:7: ospf: found "on", ${expected}`]);
    expect(errors(`${HYPERVISOR}ospf:\n`)).toEqual([`node.yaml:6:1: ospf: found nothing, ${expected}`]);
    expect(errors(`${HYPERVISOR}ospf: {areas: [1], interfaces: eth1}\n`)).toEqual([
      "node.yaml:6:15: ospf.areas: found a list of 1, expected a mapping of areas",
      'node.yaml:6:32: ospf.interfaces: found "eth1", expected a mapping of interfaces',
    ]);
  });

  test("about times: hello, dead and the SPF delays (RFC 8405 §3) have an order", () => {
    expect(errors(`${HYPERVISOR}ospf: {defaults: {hello: 5h}}\n`)).toEqual([
      "node.yaml:6:26: ospf.defaults.hello: found 5h, and no dead interval, expected a dead interval too",
    ]);
    expect(errors(`${HYPERVISOR}ospf: {defaults: {hello: 5s}, interfaces: {sw1: {dead: 4s}}}\n`)).toEqual([
      "node.yaml:6:56: ospf.interfaces.sw1.dead: found 4s, expected more than the hello interval, 5s",
    ]);
    expect(errors(`${HYPERVISOR}ospf: {spf: {short: 10s, initial: 11s, timeToLearn: 20s}}\n`)).toEqual([
      "node.yaml:6:21: ospf.spf.short: found 10s, expected at most the long delay, 5s",
      "node.yaml:6:35: ospf.spf.initial: found 11s, expected at most the short delay, 10s",
      "node.yaml:6:53: ospf.spf.timeToLearn: found 20s, expected at most holdDown, 10s",
    ]);
  });

  test("about ranges and keys that come twice", () => {
    const text = `ospf:
  areas: {1: {ranges: [{prefix: 2001:db8::/32}, {prefix: 2001:db8:0::/32}]}}
  defaults: {auth: {keys: [{id: 1, secret: a}, {id: 1, secret: b}]}}
`;
    expect(errors(HYPERVISOR + text)).toEqual([
      "node.yaml:7:58: ospf.areas.1.ranges[1].prefix: found 2001:db8::/32, as in line 7, expected each range once",
      "node.yaml:8:53: ospf.defaults.auth.keys[1].id: found 1 again, expected each key id once",
    ]);
  });

  test("about keys: none of their texts shows", () => {
    const auth = (key: string) => errors(`${HYPERVISOR}ospf: {interfaces: {sw1: {auth: {keys: [${key}]}}}}\n`);
    const at = "node.yaml:6:41: ospf.interfaces.sw1.auth.keys[0]";
    expect(auth("{id: 1}")).toEqual([
      `${at}: found neither secret nor secretFile, expected the key's text, in one of the two`,
    ]);
    expect(auth("{id: 1, secret: a, secretFile: b}")).toEqual([
      `${at}: found both secret and secretFile, expected the key's text, in one of the two`,
    ]);
    expect(auth("{id: 1, secret: 271828}")).toEqual([
      "node.yaml:6:57: ospf.interfaces.sw1.auth.keys[0].secret: found something else (not shown, it is secret), expected a text of 1 … 255 octets",
    ]);
    expect(auth("{id: 65536, secret: hush, sendFrom: 2026-12-01}")).toEqual([
      "node.yaml:6:46: ospf.interfaces.sw1.auth.keys[0].id: found 65536, expected a whole number 0 … 65535",
      'node.yaml:6:77: ospf.interfaces.sw1.auth.keys[0].sendFrom: found "2026-12-01", expected a time such as 2026-12-01T00:00:00Z',
    ]);
    expect(auth("{id: 1, secret: x, sendFrom: 2026-12-01T00:00Z, acceptUntil: 2026-11-01T00:00Z}")).toEqual([
      expect.stringContaining(
        "keys[0].acceptUntil: found an end before the key is sent with, expected a time after sendFrom",
      ),
    ]);
    expect(auth("")).toEqual([expect.stringContaining("found an empty list, expected a list of 1 … 16 keys")]);
  });
});

test("settings of an area that no interface is in are warned of", () => {
  const { ok, warnings } = check(`${HYPERVISOR}ospf: {areas: {0: {}, 5: {kind: stub}}}\n`);
  expect(ok).toBe(true);
  expect(warnings.map(formatConfigError)).toEqual([
    "node.yaml:6:23: ospf.areas.5: found area 0.0.0.5, which no interface is in, expected an area of this router's",
  ]);
});

describe("files", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ain-ospf-"));
    writeFileSync(join(directory, "fabric.yaml"), FABRIC, { mode: 0o600 });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("with a key's text: without its line end, and no secret from others", () => {
    const file = join(directory, "node.yaml");
    const text = `${HYPERVISOR}ospf: {defaults: {auth: {keys: [{id: 1, secretFile: key}]}}}\n`;
    expect(errors(text, file)).toEqual([
      `${file}:6:53: ospf.defaults.auth.keys[0].secretFile: found key (no such file), expected a readable file with a text of 1 … 255 octets`,
    ]);
    writeFileSync(join(directory, "key"), "s3cret\r\n", { mode: 0o600 });
    const keys = ospf(text, file).config.interfaces[0]!.authentication!.keys;
    expect(new TextDecoder().decode(keys[0]!.secret)).toBe("s3cret");
    expect(check(text, file).warnings).toEqual([]);
    chmodSync(join(directory, "key"), 0o644);
    expect(check(text, file).warnings.map(({ found }) => found)).toEqual(["key, which every user can read"]);
    writeFileSync(join(directory, "key"), "\n");
    expect(errors(text, file)[0]).toContain("found key with 0 octets");
  });

  test("of two nodes with one router id are told apart by nobody", () => {
    const nodes = {
      "hv1.yaml": HYPERVISOR.replace("hv2", "hv1").replace("a1:2::", "a1:1::").concat("ospf: true\n"),
      "hv2.yaml": `${HYPERVISOR}ospf: {routerId: 0.0.0.1}\n`,
    };
    for (const [name, text] of Object.entries(nodes)) writeFileSync(join(directory, name), text, { mode: 0o600 });
    const results = checkFiles(Object.keys(nodes).map((name) => join(directory, name)));
    expect(results.flatMap((result) => result.errors.map(formatConfigError))).toEqual([
      `${directory}/hv2.yaml:6:18: ospf.routerId: found the OSPF router id 0.0.0.1, as in ${directory}/hv1.yaml, expected a router id that no other node has`,
    ]);
  });
});

describe("a plan", () => {
  const plan = (before: string, after: string): string[] =>
    planChange(configuration(HYPERVISOR + before), configuration(HYPERVISOR + after)).map(describeChange);

  test("is empty when what is said differs and what is meant does not", () => {
    const said = "ospf: {defaults: {cost: 10, hello: 10s}, interfaces: {sw1: {dead: 40000ms}}, areas: {0: {}}}\n";
    expect(plan("ospf: true\n", said)).toEqual([]);
  });

  test("shows OSPF that comes and goes", () => {
    const lines = [
      "ospf 0.0.0.2: prefixes 2001:db8:a1:2::/64 in 0.0.0.0",
      "ospf area 0.0.0.0: kind normal",
      "ospf interface sw1: area 0.0.0.0, kind point-to-point, cost 10, hello 10s, dead 40s",
      "ospf interface sw2: area 0.0.0.0, kind point-to-point, cost 10, hello 10s, dead 40s",
    ];
    expect(plan("", "ospf: true\n")).toEqual(lines.map((line) => `+ ${line}`));
    expect(plan("ospf: true\n", "ospf: false\n")).toEqual(lines.map((line) => `- ${line}`));
  });

  test("shows what changes of areas, interfaces and the rest, and no key", () => {
    const before =
      "ospf: {areas: {1: {kind: stub}}, interfaces: {sw1: {area: 1, auth: {keys: [{id: 1, secret: a}]}}}}\n";
    const after = `ospf:
  areas: {1: {kind: stub, summaries: false, ranges: [{prefix: 2001:db8::/32, advertise: false}]}}
  interfaces: {sw1: {area: 1, cost: 20, bfd: true, auth: {keys: [{id: 1, secret: b}]}}}
  redistribute: {default: {always: true, tag: 3}}
  spf: {initial: 0ms}
  record: /var/tmp/ospf.rec
`;
    const lines = plan(before, after);
    expect(lines).toEqual([
      "~ ospf 0.0.0.2: redistributes default → ::/0 metric 10 type 2 tag 3, default route default → always, spf delays default → 0ms 200ms 5s, spf windows default → 500ms 10s, record default → /var/tmp/ospf.rec up to 256 MiB",
      "~ ospf area 0.0.0.1: kind stub → totally stubby, ranges default → 2001:db8::/32 hidden",
      expect.stringMatching(
        /^~ ospf interface sw1: cost 10 → 20, auth key 1 #[0-9a-f]{8} → key 1 #[0-9a-f]{8}, bfd default → 100ms × 3$/,
      ),
    ]);
    const [was, is] = [...lines[2]!.matchAll(/#(\w+)/g)].map((match) => match[1]);
    expect(was).not.toBe(is);
  });

  test("of another router id begins OSPF anew", () => {
    const lines = plan("ospf: true\n", "ospf: {routerId: 9.9.9.9}\n");
    expect(lines.map((line) => line.split(":")[0])).toEqual(["- ospf 0.0.0.2", "+ ospf 9.9.9.9"]);
  });
});
