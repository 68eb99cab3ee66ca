/** The recorded steps of RFC 2328 and RFC 5340, played again: what the core says must be the same to the octet. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { OspfEffect, OspfEvent } from "#ospf/events";
import { Ospf, type OspfOptions } from "#ospf/ospf";
import { CONFORMANCE } from "#ospf/testing/step";
import { toLine } from "#runtime/recording/line";
import { readRecording } from "#runtime/recording/reader";

interface Line {
  readonly step?: string;
  readonly core?: OspfOptions;
  readonly at?: number;
  readonly event?: OspfEvent;
  readonly effects?: readonly OspfEffect[];
}

const files = readdirSync(CONFORMANCE).filter((name) => name.endsWith(".jsonl"));

test("there are recorded steps", () => {
  expect(files.length).toBeGreaterThan(50);
});

test.each(files)("%s", (file) => {
  let core: Ospf | undefined;
  for (const { line, value } of readRecording(CONFORMANCE + file, (at) => expect(at).toBe(0))) {
    const { core: options, at, event, effects } = value as Line;
    if (options !== undefined) core = new Ospf(options);
    if (event === undefined) continue;
    const done = core!.handle(event, at!);
    expect([line, ...done.map(toLine)]).toEqual([line, ...effects!.map(toLine)]);
  }
  expect(core).toBeDefined();
});
