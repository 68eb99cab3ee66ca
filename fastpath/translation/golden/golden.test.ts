import { expect, describe as suite, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { describe } from "#fastpath/testing/describe";
import { translate4to6 } from "../oracle/four-to-six";
import { icmp4Error, icmp6Error } from "../oracle/icmp-error";
import type { Outcome } from "../oracle/outcome";
import { translate6to4 } from "../oracle/six-to-four";
import type { GoldenCase, Step } from "./case";
import { CASES } from "./cases";
import { inboundContext, outboundContext } from "./contexts";
import { capturesOf, pathsOf } from "./frames";
import { GATEWAY, GENERATED, ROUTER6 } from "./world";

function outcomeOf(golden: GoldenCase, { input }: Step): Outcome {
  return golden.direction === "out"
    ? translate4to6(input, outboundContext(golden))
    : translate6to4(input, inboundContext(golden));
}

function packetsOf(outcome: Outcome, golden: GoldenCase, { input }: Step): readonly Uint8Array[] {
  if (outcome.kind === "dropped") return [];
  if (outcome.kind === "packets") return outcome.packets;
  return golden.direction === "out"
    ? [icmp4Error(input, outcome.owed, GATEWAY, GENERATED)]
    : [icmp6Error(input, outcome.owed, ROUTER6)];
}

suite("the oracle agrees with the golden cases", () => {
  test.each(CASES.map((golden) => [golden.title, golden] as const))("%s", (_, golden) => {
    for (const step of golden.steps) {
      const outcome = outcomeOf(golden, step);
      const ending = outcome.kind === "packets" ? undefined : outcome.reason;
      const sent = packetsOf(outcome, golden, step);
      expect({ of: describe(step.input), ending, sent: sent.map(describe) }).toEqual({
        of: describe(step.input),
        ending: step.ending,
        sent: step.output.map(describe),
      });
      expect(sent).toEqual([...step.output]);
    }
  });

  test("and every case has a name and a title of its own", () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
    expect(new Set(CASES.map(({ title }) => title)).size).toBe(CASES.length);
  });
});

suite("the captures in this directory", () => {
  test("are those of the cases (else run golden/write.ts)", () => {
    for (const golden of CASES) {
      const { input, output } = capturesOf(golden);
      const paths = pathsOf(golden);
      expect([golden.name, readFileSync(paths.input).equals(input)]).toEqual([golden.name, true]);
      expect([golden.name, readFileSync(paths.output).equals(output)]).toEqual([golden.name, true]);
    }
    const kept = readdirSync(import.meta.dir).filter((file) => file.endsWith(".pcap"));
    expect(kept.length).toBe(2 * CASES.length);
  });
});
