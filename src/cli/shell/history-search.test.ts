/** Reverse search, key by key: what is found, and what becomes of the line. */
import { expect, test } from "bun:test";
import {
  CTRL_R,
  keysOf,
  NO_SEARCH,
  pressed,
  type Search,
  type SearchStep,
  searchText,
} from "#cli/shell/history-search";

/** The latest first. */
const HISTORY = ["show vms", "use hv1", "@hv2 show ports", "show ports | count", "why a b"];

/** What comes of the keys: the last step, and what was shown before it. */
function after(keys: string): { step: SearchStep; shown: string } {
  let search: Search = NO_SEARCH;
  let shown = "";
  let step: SearchStep = { type: "leave" };
  for (const key of keysOf(keys)) {
    step = pressed(HISTORY, search, key);
    if (step.type !== "go on") return { step, shown };
    search = step.search;
    shown = searchText(search, HISTORY);
  }
  return { step, shown };
}

test("each letter narrows it down to the latest line that has them all", () => {
  expect(after("sh").shown).toBe("(search) `sh': show vms");
  expect(after("show p").shown).toBe("(search) `show p': @hv2 show ports");
});

test("Ctrl-R again looks further back, and stays at the last one there is", () => {
  expect(after(`ports${CTRL_R}`).shown).toBe("(search) `ports': show ports | count");
  expect(after(`ports${CTRL_R}${CTRL_R}${CTRL_R}`).shown).toBe("(search) `ports': show ports | count");
});

test("what no line has is said, and what is taken back is looked for anew", () => {
  expect(after("shoq").shown).toBe("(nothing has) `shoq': ");
  expect(after("shoq\x7f").shown).toBe("(search) `sho': show vms");
  expect(after("sh\x15").shown).toBe("(search) `': ");
});

test("enter carries it out, an arrow or Tab edits it, Escape leaves it there", () => {
  expect(after("why\r").step).toEqual({ type: "take", line: "why a b", keys: "\r" });
  expect(after("why\x1b[D").step).toEqual({ type: "take", line: "why a b", keys: "\x1b[D" });
  expect(after("why\x1b").step).toEqual({ type: "take", line: "why a b", keys: "" });
});

test("Ctrl-G and Ctrl-C leave the line as it was", () => {
  expect(after("why\x07").step).toEqual({ type: "leave" });
  expect(after("why\x03").step).toEqual({ type: "leave" });
});
