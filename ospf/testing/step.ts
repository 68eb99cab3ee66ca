/**
 * A test of a step that an RFC prescribes. `RECORD=1 bin/bun test ospf` writes what the core was told and did in each into
 * ospf/conformance/, where conformance.test.ts plays it again: a change of behaviour shows packet by packet.
 */
import { test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import type { OspfEffect, OspfEvent } from "#ospf/events";
import type { OspfOptions } from "#ospf/ospf";
import { toLine } from "#runtime/recording/line";

export const CONFORMANCE = new URL("../conformance/", import.meta.url).pathname;

/** One life of a core, line by line. */
export class StepRecord {
  readonly #lines: string[];

  constructor(step: string, core: OspfOptions) {
    const header = {
      recording: "ospf",
      version: 1,
      ain: "0",
      node: "conformance",
      began: "2026-01-01T00:00:00Z",
      step,
    };
    this.#lines = [toLine(header), toLine({ core })];
  }

  add(at: number, event: OspfEvent, effects: readonly OspfEffect[]): void {
    this.#lines.push(toLine({ at, event, effects }));
  }

  write(file: string): void {
    writeFileSync(file, `${this.#lines.join("\n")}\n`);
  }
}

const running: { step: string; records: StepRecord[] } = { step: "", records: [] };

/** For a core made inside of `step`. */
export function recordOf(core: OspfOptions): StepRecord {
  const record = new StepRecord(running.step, core);
  running.records.push(record);
  return record;
}

export function step(title: string, act: () => void): void {
  test(title, () => {
    running.step = title;
    running.records = [];
    act();
    if (process.env.RECORD === undefined) return;
    for (const [i, record] of running.records.entries()) {
      const file = `${CONFORMANCE}${slugOf(title)}${i === 0 ? "" : `.${i + 1}`}.jsonl`;
      rmSync(file, { force: true });
      record.write(file);
    }
  });
}

/** `step.each`, as `test.each`: the title's first %s is the case's first field. */
export function stepEach<T extends readonly [string, ...unknown[]]>(
  cases: readonly T[],
  title: string,
  act: (...fields: T) => void,
): void {
  for (const fields of cases) step(title.replace("%s", fields[0]), () => act(...fields));
}

/** The first section that is named comes first, so that files are in the RFC's order. */
function slugOf(title: string): string {
  const section = /§([0-9.]+[0-9])/.exec(title)?.[1] ?? "0";
  const words = title.toLowerCase().replaceAll(/[^a-z0-9.]+/g, "-");
  return `${section}-${words.replaceAll(/^[-.]+|[-.]+$/g, "").slice(0, 90)}`;
}
