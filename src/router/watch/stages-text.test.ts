import { expect, test } from "bun:test";
import { STAGES } from "#fastpath/pipeline";
import { ST_STAGE, ST_VERDICT, STEP_WORDS } from "#fastpath/steps";
import { CONTINUE } from "#fastpath/verdicts";
import { StagesText } from "#router/watch/stages-text";
import { explainSteps } from "#router/why/explain";
import type { Known } from "#router/why/known";

/** Steps of stages that look at nothing but the port. */
function stepsOf(...stages: readonly string[]): { steps: Int32Array; stepCount: number; from: number } {
  const steps = new Int32Array(stages.length * STEP_WORDS);
  for (const [i, stage] of stages.entries()) {
    steps[i * STEP_WORDS + ST_STAGE] = STAGES.indexOf(stage);
    steps[i * STEP_WORDS + ST_VERDICT] = CONTINUE;
  }
  return { steps, stepCount: stages.length, from: 3 };
}

test("the very same steps are said the same, others not, and nothing outlives what is known of the router", () => {
  let asked = 0;
  const named = (name: string): Known =>
    ({
      port: () => {
        asked++;
        return { name, vm: { name, ipv6: [] } };
      },
    }) as unknown as Known;
  const [before, after] = [named("web"), named("db")];
  const text = new StagesText();
  const record = stepsOf("arrive", "admit");
  const expected = explainSteps(before, record.steps, record.stepCount, record.from);
  expect(JSON.stringify(expected)).toContain("web");
  expect(JSON.parse(text.of(before, record))).toEqual(expected);
  const once = asked;
  expect(JSON.parse(text.of(before, stepsOf("arrive", "admit")))).toEqual(expected);
  expect(asked).toBe(once);
  expect(JSON.parse(text.of(before, stepsOf("admit"))).length).toBe(1);
  expect(text.of(after, record)).toContain("db");
});
