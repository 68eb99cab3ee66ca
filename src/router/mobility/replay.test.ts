import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIpv4 } from "#base/address";
import { DEFAULT_LIMITS, DEFAULT_TIMERS, type MobilityConfig } from "#pmip/config";
import { Mobility } from "#pmip/core";
import type { MobilityEffect } from "#pmip/events";
import { CoreRun } from "#router/mobility/core-run";
import { RECORDING_VERSION } from "#router/mobility/recording";
import { replay } from "#router/mobility/replay";
import { subjectOf } from "#router/mobility/subjects";
import { UnixClock } from "#router/mobility/unix-clock";
import { Recorder } from "#runtime/recording/recorder";

const folder = mkdtempSync(join(tmpdir(), "ain-mobility-replay-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ADDRESSES = ["20010db800a100010000000000000001", "20010db800a100020000000000000001"] as const;
const configOf = (index: 0 | 1): MobilityConfig => ({
  ...{ address: ADDRESSES[index], hashKey: "00".repeat(16), homes: ADDRESSES.map((address) => address.slice(0, 16)) },
  ...{ own: [index], fabric: [{ address: "20010db800a100000000000000000000", length: 48 }] },
  ...{ restartCounter: 7, seed: 42 + index, timers: DEFAULT_TIMERS, limits: DEFAULT_LIMITS },
  authentication: { send: 300, keys: [{ spi: 300, secret: "c0ffee" }] },
});

/** Two routers that hear one another; the first one's recording. */
function recorded(name: string): { readonly file: string; readonly first: CoreRun<Mobility> } {
  const file = join(folder, name);
  const recorder = Recorder.create({ file, limit: 1 << 20, ended: (why) => expect.unreachable(why) });
  const header = { recording: "mobility", version: RECORDING_VERSION, ain: "0", node: "hv1", began: "now" };
  recorder.write(header);
  const clock = new UnixClock();
  const runs: CoreRun<Mobility>[] = [];
  const carryOut = (effects: readonly MobilityEffect[]): void => {
    for (const effect of effects) {
      if (effect.type !== "send") continue;
      const { source, destination, octets } = effect;
      runs[ADDRESSES.indexOf(destination as (typeof ADDRESSES)[0])]!.tell({
        ...{ type: "received", source, destination, octets },
      });
    }
  };
  const failed = (error: unknown): void => expect.unreachable(String(error));
  for (const index of [0, 1] as const) {
    const begin = (config: MobilityConfig, now: number) => new Mobility(config, now);
    const own = index === 0 ? { recorder } : {};
    runs.push(new CoreRun({ ...{ config: configOf(index), begin, clock, carryOut, failed }, ...own }));
  }
  const [first, second] = runs as [CoreRun<Mobility>, CoreRun<Mobility>];
  for (let i = 1; i <= 20; i++) {
    const subjects = [subjectOf(0x401, parseIpv4(`10.0.0.${i}`)!)];
    (i % 2 === 0 ? first : second).tell({ type: "attached", vm: `vm${i}`, subjects, handoff: false });
    first.tell({ type: "wanted", subject: subjects[0]! });
  }
  for (const run of runs) run.stop();
  recorder.close();
  return { file, first };
}

describe("a recording of mobility", () => {
  test("replayed makes the very state: bindings, update list, correspondents, counters", () => {
    const { file, first } = recorded("whole.jsonl");
    const played = replay(file);
    expect(played.core.view()).toEqual(first.core.view());
    expect(played.core.view().bindings.length).toBeGreaterThan(0);
    expect(played.core.view().updateList.length).toBeGreaterThan(0);
    expect(played.header.node).toBe("hv1");
    expect([played.failure, played.notes]).toEqual([undefined, []]);
  });

  test("that is another core's, or damaged, is refused with the line", () => {
    const { file } = recorded("damaged.jsonl");
    const lines = readFileSync(file, "utf8").split("\n");
    const why = (change: (lines: string[]) => void): string => {
      const changed = [...lines];
      change(changed);
      writeFileSync(file, changed.join("\n"));
      try {
        replay(file);
        return "";
      } catch (error) {
        return String(error).replaceAll(file, "FILE");
      }
    };
    expect(why((l) => void l.splice(0, 1))).toContain("FILE:1: found no header, expected a recording of mobility");
    expect(why((l) => void l.splice(0, 1, l[0]!.replace("mobility", "ospf")))).toContain(
      "expected a recording of mobility",
    );
    expect(why((l) => void l.splice(3, 1, '{"at":1,"event":{"type":"wanted"}}'))).toContain(
      "FILE:4: found neither a core",
    );
    expect(why((l) => void l.splice(3, 1, '{"at":1,"event":{"type":"time"}}'))).toContain("FILE:");
  });
});
