import { expect, test } from "bun:test";
import fc from "fast-check";
import { isEmpty, patchBetween, wholeOf } from "../patch.ts";
import { nothing, patched } from "./feed.mjs";

/** @typedef {import("../model.ts").Fabric} Fabric */

const things = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), fc.record({ n: fc.nat(2), s: fc.string() }), {
  maxKeys: 4,
});
const fabrics = fc
  .record({
    about: things,
    nodes: things,
    areas: things,
    links: things,
    vms: things,
    tunnels: things,
    homes: things,
    moves: things,
  })
  .map((fabric) => /** @type {Fabric} */ (/** @type {unknown} */ (fabric)));

test("a browser that takes all patches has the server's model, whatever changed", () => {
  fc.assert(
    fc.property(fc.array(fabrics, { minLength: 1, maxLength: 5 }), (models) => {
      const [first, ...later] = /** @type {[Fabric, ...Fabric[]]} */ (models);
      // Over the wire everything is JSON.
      let shown = patched(nothing(), JSON.parse(JSON.stringify(wholeOf(first))));
      let before = first;
      for (const now of later) {
        shown = patched(shown, JSON.parse(JSON.stringify(patchBetween(before, now))));
        before = now;
      }
      expect(JSON.stringify(sorted(shown))).toBe(JSON.stringify(sorted(before)));
    }),
  );
});

test("models that say the same differ in nothing", () => {
  fc.assert(fc.property(fabrics, (fabric) => isEmpty(patchBetween(fabric, structuredClone(fabric)))));
});

/** @param {Fabric} fabric */
const sorted = (fabric) =>
  Object.entries(fabric).map(([kind, all]) => [kind, Object.entries(all).sort(([x], [y]) => (x < y ? -1 : 1))]);
