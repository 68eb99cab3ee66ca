import { expect, test } from "bun:test";
import fc from "fast-check";
import { BACKBONE, DENSE, planFor, ROOMY } from "./layout.mjs";

/**
 * @typedef {import("./layout.mjs").Scene} Scene
 * @typedef {import("./layout.mjs").Box} Box
 * @typedef {import("./layout.mjs").Placeable} Placeable
 */

/** @type {(tier: number, areas?: readonly string[], name?: string) => Placeable} */
const node = (tier, areas = [], name = "n") => ({ name, kind: "router", tier, areas, isBorder: areas.length > 1 });

/** @type {(nodes: Record<string, Placeable>, links?: [string, string][], chips?: [string, number][]) => Scene} */
const scene = (nodes, links = [], chips = []) => ({
  ...{ nodes, links: links.map(([a, b]) => ({ a: { node: a }, b: { node: b } })), chips: new Map(chips) },
});

/** @type {(a: Box, b: Box) => boolean} */
const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const scenes = fc
  .array(fc.record({ tier: fc.nat(4), area: fc.nat(4), isBorder: fc.boolean(), chips: fc.nat(7) }), {
    minLength: 1,
    maxLength: 60,
  })
  .chain((nodes) => {
    const ends = fc.nat(nodes.length - 1);
    return fc.tuple(fc.constant(nodes), fc.array(fc.tuple(ends, ends), { maxLength: 80 }));
  })
  .map(([nodes, links]) => {
    const areas = (/** @type {number} */ area, /** @type {boolean} */ isBorder) =>
      area === 4 ? [] : [...new Set([...(isBorder ? [BACKBONE] : []), `0.0.0.${area}`])];
    return scene(
      Object.fromEntries(
        nodes.map(({ tier, area, isBorder }, i) => [`n${i}`, node(tier, areas(area, isBorder), `n${i}`)]),
      ),
      links.map(([a, b]) => [`n${a}`, `n${b}`]),
      nodes.map(({ chips }, i) => [`n${i}`, chips]),
    );
  });
const spaces = fc.record({ width: fc.integer({ min: 300, max: 3000 }), height: fc.integer({ min: 300, max: 2000 }) });

test("every node has a place, none overlaps another with what is below it, all are on the map, which fits its space", () => {
  fc.assert(
    fc.property(scenes, spaces, (given, space) => {
      const { boxes, size, scale, density } = planFor(given, space);
      expect([...boxes.keys()].sort()).toEqual(Object.keys(given.nodes).sort());
      const cells = [...boxes].map(([id, box]) => {
        const chips = given.chips.get(id) ?? 0;
        const below =
          density.chipsAcross === 0 || chips === 0 ? 0 : Math.ceil(chips / density.chipsAcross) * density.chipHeight;
        return { ...box, height: box.height + below };
      });
      cells.forEach((cell, i) => {
        expect(cell.x >= 0 && cell.y >= 0).toBe(true);
        expect(cell.x + cell.width <= size.width + 0.01 && cell.y + cell.height <= size.height + 0.01).toBe(true);
        for (const other of cells.slice(i + 1)) expect(overlap(cell, other)).toBe(false);
      });
      expect(size.width * scale).toBeLessThanOrEqual(space.width + 0.01);
      expect(size.height * scale).toBeLessThanOrEqual(space.height + 0.01);
    }),
    { numRuns: 150 },
  );
});

test("a node lies inside its area's band, and bands of different areas but the backbone's do not overlap", () => {
  fc.assert(
    fc.property(scenes, spaces, (given, space) => {
      const { boxes, areas } = planFor(given, space);
      for (const [id, { areas: own }] of Object.entries(given.nodes)) {
        const area = own.find((each) => each !== BACKBONE) ?? own[0] ?? "";
        const [box, band] = [boxes.get(id), areas.get(area)];
        if (box === undefined || band === undefined) throw new Error(`${id} or ${area} has no place`);
        expect(band.x <= box.x && box.x + box.width <= band.x + band.width).toBe(true);
        expect(band.y <= box.y && box.y + box.height <= band.y + band.height).toBe(true);
      }
      const bands = [...areas].filter(([area]) => area !== BACKBONE).map(([, band]) => band);
      bands.forEach((band, i) => {
        for (const other of bands.slice(i + 1)) expect(overlap(band, other)).toBe(false);
      });
    }),
    { numRuns: 100 },
  );
});

test("the same scene and space give the same plan", () => {
  fc.assert(
    fc.property(scenes, spaces, (given, space) => {
      expect(planFor(given, space)).toEqual(planFor(given, space));
    }),
    { numRuns: 30 },
  );
});

test("what is farther from the hypervisors is higher up", () => {
  const { boxes } = planFor(scene({ hv: node(0), acc: node(1), core: node(2) }), { width: 800, height: 600 });
  const tops = ["core", "acc", "hv"].map((id) => boxes.get(id)?.y ?? 0);
  expect(tops).toEqual(tops.toSorted((x, y) => x - y));
});

test("the backbone is above the other areas and reaches to the middle of their border routers", () => {
  const nodes = {
    ...{ core: node(2, [BACKBONE]), agg1: node(1, [BACKBONE, "0.0.0.1"]), agg2: node(1, [BACKBONE, "0.0.0.2"]) },
    ...{ hv1: node(0, ["0.0.0.1"]), hv2: node(0, ["0.0.0.2"]) },
  };
  const { boxes, areas } = planFor(scene(nodes), { width: 900, height: 600 });
  const [band, agg] = [areas.get(BACKBONE), boxes.get("agg1")];
  if (band === undefined || agg === undefined) throw new Error("not placed");
  expect(band.y + band.height).toBeCloseTo(agg.y + agg.height / 2);
});

test("rows are ordered so that links of a ladder do not cross", () => {
  const ids = ["a", "b", "c", "d"];
  const nodes = Object.fromEntries(
    ids.flatMap((id, i) => [
      [`top-${id}`, node(1, [], `${9 - i}`)],
      [`low-${id}`, node(0, [], id)],
    ]),
  );
  const { boxes } = planFor(
    scene(
      nodes,
      ids.map((id) => [`top-${id}`, `low-${id}`]),
    ),
    { width: 900, height: 600 },
  );
  for (const id of ids) expect(boxes.get(`top-${id}`)?.x).toBe(boxes.get(`low-${id}`)?.x ?? 0);
});

test("where there is little room for many less is shown of each", () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`n${i}`, node(i % 3)]));
  expect(planFor(scene(many), { width: 900, height: 600 }).density).toBe(DENSE);
  expect(planFor(scene({ a: node(0) }), { width: 900, height: 600 }).density).toBe(ROOMY);
});
