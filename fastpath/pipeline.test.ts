/** The map of the pipelines, as steps of watched frames refer to it. */
import { expect, test } from "bun:test";
import * as pipeline from "#fastpath/pipeline";

const lists = Object.entries(pipeline).filter(
  (each): each is [string, readonly pipeline.Stage[]] =>
    Array.isArray(each[1]) && each[1].every((stage) => typeof stage === "function"),
);

test("every stage of every pipeline has a name, so that a watched frame's steps can be told", () => {
  expect(lists.length).toBeGreaterThan(10);
  const nameless = lists.flatMap(([list, stages]) =>
    stages.filter((stage) => !pipeline.STAGES.includes(stage.name)).map((stage) => `${list}: ${stage.name}`),
  );
  expect(nameless).toEqual([]);
});

test("no pipeline asks a stage twice", () => {
  for (const [, stages] of lists) expect(new Set(stages).size).toBe(stages.length);
});
