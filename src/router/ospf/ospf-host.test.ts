import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { parsePrefix6 } from "#base/address";
import { RECORDING_VERSION } from "#router/ospf/recording";
import { replay } from "#router/ospf/replay";
import { databaseView, neighborsView, routesView } from "#router/ospf/show-ospf";
import { join, pass, settingsOf, TestHost, until as untilOf } from "#router/ospf/testing/hosts";
import { Recorder } from "#runtime/recording/recorder";
import * as ethernet from "#wire/ethernet";

const running: TestHost[] = [];
function started(...options: ConstructorParameters<typeof TestHost>): TestHost {
  const host = new TestHost(...options);
  running.push(host);
  return host;
}
const until = (what: string, holds: () => boolean): Promise<void> => untilOf(what, holds, ...running);

/** While a second passes. */
async function end({ host }: TestHost): Promise<void> {
  const ended = host.end("shutdown");
  await pass(1000, ...running);
  await ended;
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(async () => {
  for (const host of running) await end(host);
  running.length = 0;
  jest.useRealTimers();
});

/** Adjacent for a while: all is acknowledged, and what came is older than MinLSArrival. */
async function pair(): Promise<[TestHost, TestHost]> {
  const [a, b] = [started(1), started(2)];
  join(a, b);
  await until("both are adjacent", () => a.neighbor === "Full" && b.neighbor === "Full");
  await pass(10_000, ...running);
  return [a, b];
}

/** The core fails at what it is told next. */
function sabotage({ host }: TestHost): void {
  host.run.core.handle = () => {
    throw new Error("sabotaged");
  };
}

describe("two hosts on a wire", () => {
  test("become adjacent, and each has the other's prefix in its table", async () => {
    const [a, b] = await pair();
    await until("routes are installed", () => a.rib.winner("2001:db8:2::/48") === "ospf");
    await until("routes are installed", () => b.rib.winner("2001:db8:1::/48") === "ospf");
    expect(a.host.routes.stateOf("2001:db8:1::/48")).toBe("absent"); // its own
  });

  test("part when the port closes, and meet when it opens", async () => {
    const [a] = await pair();
    a.host.closed(a.port);
    expect(a.neighbor).toBe("none");
    const { length } = a.frames;
    await pass(3000, ...running);
    expect(a.frames.length).toBe(length); // three hellos would have been due
    a.host.opened(a.port);
    await until("they are adjacent", () => a.neighbor === "Full");
  });

  test("count frames of OSPF that nobody may send, and leave others to others", async () => {
    const [a] = await pair();
    const good = a.frames.at(-1)!;
    const bad = good.slice();
    bad[ethernet.SIZE + 8] = 0x20; // a source from elsewhere
    expect([a.host.take(a.port, bad), a.lost]).toEqual([true, 1]);
    const other = good.slice();
    other[ethernet.SIZE + 6] = 58;
    expect([a.host.take(a.port, other), a.lost]).toEqual([false, 1]);
    a.host.closed(a.port);
    expect([a.host.take(a.port, good), a.lost]).toEqual([true, 2]);
  });

  test("say goodbye: LSAs are taken back and acknowledged well within a second", async () => {
    const [a, b] = await pair();
    const held = () => databaseView(b.host.run.core, 0).lsas.filter((l) => l.advertisingRouter === "0.0.0.1").length;
    expect(held()).toBeGreaterThan(0);
    await end(a);
    expect(held()).toBe(0);
    expect(b.neighbor).not.toBe("Full");
  });
});

describe("a core that fails", () => {
  test("is written about, and replaced by one that asks its neighbors to wait: routes and adjacency stay", async () => {
    const [a, b] = await pair();
    await until(
      "routes are installed",
      () => a.rib.winner("2001:db8:2::/48") === "ospf" && b.rib.winner("2001:db8:1::/48") === "ospf",
    );
    const size = a.routing.fib.size;
    const before = a.host.run;
    sabotage(a);
    await until("another runs", () => a.host.run !== before);
    expect(a.logged.join("\n")).toMatch(/defect: Error: sabotaged[\s\S]*before it failed: .*"type"/);
    expect(a.routing.fib.size).toBe(size);
    expect(b.rib.winner("2001:db8:1::/48")).toBe("ospf");
    await until("it is adjacent", () => a.neighbor === "Full");
    await until("it has restarted", () => a.host.run.core.instance.restartingUntil === undefined);
    expect(b.logged.join("\n")).toContain("restarts: helped");
    expect(b.rib.winner("2001:db8:1::/48")).toBe("ospf");
    await until("its routes are its own", () => a.routes.includes("2001:db8:2::/48"));
    expect(a.rib.winner("2001:db8:2::/48")).toBe("ospf");
  });

  test("again soon is not trusted to: its routes go first", async () => {
    const [a] = await pair();
    await until("routes are installed", () => a.rib.winner("2001:db8:2::/48") === "ospf");
    const before = a.host.run;
    sabotage(a);
    await until("another runs", () => a.host.run !== before);
    const second = a.host.run;
    sabotage(a);
    await until("a third runs", () => a.host.run !== second);
    await until("the routes are gone", () => a.routing.fib.size === 0);
    expect(a.logged.join("\n")).toContain("begins anew in 1000 ms\n".trim());
  });
});

describe("settings", () => {
  test("that change are told to the core; those that do not are not", async () => {
    const [a] = await pair();
    const told: string[] = [];
    const handle = a.host.run.core.handle.bind(a.host.run.core);
    a.host.run.core.handle = (event, now) => {
      told.push(event.type);
      return handle(event, now);
    };
    a.host.configure(settingsOf(1));
    expect(told).not.toContain("configure");
    a.host.configure(settingsOf(1, { maxPaths: 1 }));
    expect(told).toContain("configure");
    expect(a.neighbor).toBe("Full");
  });

  test("say what is redistributed: not what leads nowhere just now", async () => {
    const prefix = parsePrefix6("2001:db8:e::/47")!;
    const settings = settingsOf(1, { external: [{ prefix, metric: 20, metricType: 2 }] });
    const a = started(1, { settings });
    const external = () => a.host.run.core.instance.config.external.length;
    expect(external()).toBe(1);
    a.unreachable.add(47);
    a.host.hopsChanged();
    await until("it is told no more", () => external() === 0);
    a.unreachable.clear();
    a.host.hopsChanged();
    await until("it is told again", () => external() === 1);
  });
});

describe("a recording", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(path(tmpdir(), "ain-replay-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const header = {
    recording: "ospf",
    version: RECORDING_VERSION,
    ain: "0",
    node: "hv1",
    began: "2026-01-01T00:00:00Z",
  };

  /** A life with an adjacency, a failure and another adjacency in it, and the core as it was at the end. */
  async function recorded(name: string) {
    const file = path(directory, name);
    const recorder = Recorder.create({ file, limit: 1 << 24, ended: () => {} });
    recorder.write(header);
    const [a, b] = [started(1, { recorder }), started(2)];
    join(a, b);
    await until("they are adjacent", () => a.neighbor === "Full" && a.routes.length === 2);
    const before = a.host.run;
    sabotage(a);
    await until("another runs", () => a.host.run !== before);
    await until("its routes are there", () => a.neighbor === "Full" && a.routes.length === 2);
    a.host.run.stop();
    recorder.close();
    return { file, core: a.host.run.core };
  }

  test("replayed makes the very state: neighbors, checksums, routes", async () => {
    const { file, core } = await recorded("whole");
    const played = replay(file);
    expect(played.failure).toBeUndefined();
    expect(played.notes).toEqual([expect.stringMatching(/whole:\d+: another core begins here$/)]);
    expect(databaseView(played.core, played.now)).toEqual(databaseView(core, played.now));
    expect(neighborsView(played.core, played.now)).toEqual(neighborsView(core, played.now));
    expect(routesView(played.core)).toEqual(routesView(core));
    expect(databaseView(core, played.now).lsas.length).toBeGreaterThan(3);
  });

  test("may end in the middle of a line, and may be played in part", async () => {
    const { file } = await recorded("cut");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.slice(0, -10));
    const played = replay(file);
    const last = text.trimEnd().split("\n").length;
    expect(played.notes.at(-1) ?? played.notes[0]).toContain("cut");
    expect(played.notes).toContain(`${file}:${last}: the last line was cut off, and is left out`);
    expect(replay(file, 0).events).toBeLessThan(played.events);
  });

  test("that is damaged is refused with line and column, one of anything else with what was expected", async () => {
    const { file } = await recorded("damaged");
    const lines = readFileSync(file, "utf8").split("\n");
    const why = (change: (lines: string[]) => void): string => {
      const changed = [...lines];
      change(changed);
      writeFileSync(file, changed.join("\n"));
      try {
        replay(file);
      } catch (error) {
        return error instanceof Error ? error.message.replace(file, "FILE") : String(error);
      }
      return "nothing";
    };
    expect(why((l) => (l[3] = l[3]!.replace('"event":', '"event"')))).toMatch(
      /^FILE:4:\d+: found .*expected JSON: the recording is damaged$/,
    );
    expect(why((l) => (l[3] = '{"at":"now","event":{"type":"timer"}}'))).toContain(
      "FILE:4: found neither a core nor an event",
    );
    expect(why((l) => (l[3] = '{"at":1e9,"event":{"type":"dance"}}'))).toContain(
      "FILE:4: found neither a core nor an event",
    );
    expect(why((l) => (l[4] = '{"at":0,"event":{"type":"timer"}}'))).toContain(
      "FILE:5: found an event from before the last one",
    );
    expect(why((l) => l.splice(1, 1))).toContain("FILE:2: found no core, expected the beginning of one");
    expect(why((l) => l.splice(0, 1))).toContain("FILE:1: found no header, expected a recording of OSPF");
    expect(why((l) => (l[0] = l[0]!.replace(/"version":\d+/, '"version":99')))).toContain(
      "found a recording of version 99",
    );
    expect(why((l) => l.splice(0))).toContain("FILE:1: found no header");
    expect(why((l) => l.splice(1))).toContain("found no core in it");
    expect(why((l) => (l[1] = '{"core":{"seed":1}}'))).toContain("FILE:2: a core that cannot begin");
  });

  test("of a core that fails at an event shows where it does", async () => {
    const { file } = await recorded("failing");
    const lines = readFileSync(file, "utf8").split("\n");
    const first = lines.findIndex((line) => line.includes('"packet"'));
    const { at } = JSON.parse(lines[first]!) as { at: number };
    lines[first] = JSON.stringify({ at, event: { type: "configure", config: {} } });
    writeFileSync(file, lines.slice(0, first + 3).join("\n"));
    const played = replay(file);
    expect(played.failure).toMatch(new RegExp(`failing:${first + 1}: `));
  });
});
