import { expect, test } from "bun:test";
import { CORRESPONDENCE } from "#pmip/correspondence-machine";
import { REGISTRATION } from "#pmip/registration-machine";

/** State and event → state. */
const rowsOf = (machine: Record<string, Partial<Record<string, { readonly to: string }>>>): string[] =>
  Object.entries(machine).flatMap(([state, row]) =>
    Object.entries(row).map(([event, transition]) => `${state} ${event} → ${transition!.to}`),
  );

/** States that can be reached from one of them. */
function reachable(machine: Record<string, Partial<Record<string, { readonly to: string }>>>, from: string): string[] {
  const seen = new Set([from]);
  for (const state of seen) for (const transition of Object.values(machine[state] ?? {})) seen.add(transition!.to);
  return [...seen].sort();
}

test("every state of a registration is reached from idle, and ends there", () => {
  const states = Object.keys(REGISTRATION).sort();
  expect(reachable(REGISTRATION, "idle")).toEqual(states);
  for (const state of states) expect(reachable(REGISTRATION, state)).toContain("idle");
});

test("a registration that is being ended never comes back to life: a new one is begun", () => {
  expect(
    rowsOf(REGISTRATION).filter((row) => row.startsWith("deregistering") && /→ (?!idle|deregistering)/.test(row)),
  ).toEqual([]);
});

test("every state of a correspondence is reached from asking, and ends in gone", () => {
  const states = Object.keys(CORRESPONDENCE).sort();
  expect(reachable(CORRESPONDENCE, "asking")).toEqual(states);
  for (const state of states) expect(reachable(CORRESPONDENCE, state)).toContain("gone");
});

test("a direct way is left by what is known for certain, by time, and for want of use; never for want of an answer", () => {
  expect(rowsOf(CORRESPONDENCE).filter((row) => row.startsWith("direct") && !row.endsWith("direct"))).toEqual([
    "direct atHome → native",
    "direct lapsed → native",
    "direct idle → gone",
  ]);
});
