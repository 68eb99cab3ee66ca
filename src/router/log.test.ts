import { afterEach, expect, setSystemTime, test } from "bun:test";
import { type Level, Log, type LogFormat } from "#router/log";

const START = Date.UTC(2026, 0, 1);

afterEach(() => {
  setSystemTime();
});

/** What a log writes; it is its first millisecond. */
function logOf(level: Level = "info", format: LogFormat = "text"): { log: Log; lines: string[] } {
  setSystemTime(START);
  const lines: string[] = [];
  return { log: new Log(level, (line) => lines.push(line), { format }), lines };
}

test("a line for people has its time and level, and levels below the least are left out", () => {
  const { log, lines } = logOf("warn");
  log.info("nothing", "vm");
  log.warn("port web1: gone", "port-down", { port: "web1" });
  expect(lines).toEqual(["2026-01-01T00:00:00.000Z warn port web1: gone"]);
});

test("a line for programs is a JSON object with the event's name and what it is about", () => {
  const { log, lines } = logOf("info", "json");
  log.error('quotes " and\nlines', "port-down", { port: "web1" });
  expect(lines[0]).not.toContain("\n");
  expect(JSON.parse(lines[0]!)).toEqual({
    ...{ time: "2026-01-01T00:00:00.000Z", level: "error", event: "port-down", message: 'quotes " and\nlines' },
    port: "web1",
  });
});

test("the same line comes once a second, and how many were held back is told", () => {
  const { log, lines } = logOf();
  for (let i = 0; i < 5; i++) log.info("again", "vm");
  log.info("other", "vm");
  expect(lines).toHaveLength(2);
  setSystemTime(START + 1000);
  log.info("again", "vm");
  expect(lines.slice(2).map((line) => line.replace(/^\S+ /, ""))).toEqual([
    "info again (4 more held back)",
    "info again",
  ]);
  expect([log.heldBack, log.written.get("info")]).toEqual([4, 4]);
});

test("lines of one event are bounded whatever they say, and others' are not for that", () => {
  const { log, lines } = logOf("info", "json");
  for (let i = 0; i < 5000; i++) log.info(`flow ${i}`, "rule-decision");
  log.error("worse", "defect");
  expect(lines).toHaveLength(201);
  setSystemTime(START + 1000);
  log.info("later", "vm");
  expect(lines.slice(201).map((line) => JSON.parse(line))).toMatchObject([
    { level: "warn", event: "rule-decision", heldBack: 4800 },
    { event: "vm", message: "later" },
  ]);
});

test("what was held back is told though nothing more happens", async () => {
  const lines: string[] = [];
  const log = new Log("info", (line) => lines.push(line));
  log.info("again", "vm");
  log.info("again", "vm");
  for (let i = 0; i < 200 && lines.length < 2; i++) await Bun.sleep(20);
  expect(lines[1]).toEndWith("info again (1 more held back)");
});

test("texts without end are forgotten, and nothing grows", () => {
  const { log, lines } = logOf();
  for (let second = 0; second < 20; second++) {
    setSystemTime(START + 10 * second);
    for (const event of ["vm", "ospf", "bfd", "nat-block", "mobility", "metadata", "change"] as const)
      for (let i = 0; i < 200; i++) log.info(`${event} ${second} ${i}`, event);
  }
  expect(lines.length).toBe(7 * 200);
});
