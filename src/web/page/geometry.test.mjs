import { expect, test } from "bun:test";
import { arc, aside, between, edgeTowards, middleOf, nearest } from "./geometry.mjs";

const BOX = { x: 0, y: 0, width: 100, height: 40 };

test("a line to a point leaves a box at its edge", () => {
  expect(middleOf(BOX)).toEqual({ x: 50, y: 20 });
  expect(edgeTowards(BOX, { x: 50, y: 500 })).toEqual({ x: 50, y: 40 });
  expect(edgeTowards(BOX, { x: -500, y: 20 })).toEqual({ x: 0, y: 20 });
  expect(edgeTowards(BOX, { x: 50, y: 20 })).toEqual({ x: 50, y: 20 });
  expect(edgeTowards(BOX, { x: 60, y: 24 })).toEqual({ x: 60, y: 24 });
});

test("parallel links lie beside one another at the same distance", () => {
  const [a, b] = aside({ x: 0, y: 0 }, { x: 0, y: 10 }, 3);
  expect([a, b]).toEqual([
    { x: -3, y: 0 },
    { x: -3, y: 10 },
  ]);
  expect(between({ x: 0, y: 0 }, { x: 10, y: 20 }, 0.5)).toEqual({ x: 5, y: 10 });
});

test("an arc bends up or down whichever end it begins at, and past what lies between", () => {
  const other = { ...BOX, x: 300 };
  expect(arc(BOX, other, -60).top.y).toBeLessThan(0);
  expect(arc(other, BOX, -60).top.y).toBeLessThan(0);
  expect(arc(BOX, other, 60).top.y).toBeGreaterThan(40);
  expect(arc(BOX, { ...BOX, y: 200 }, -60).top.x).toBeGreaterThan(BOX.width);
});

test("an arrow key goes to what is nearest that way, and nowhere where nothing is", () => {
  const items = new Map([
    ["here", { x: 0, y: 0 }],
    ["right", { x: 100, y: 10 }],
    ["far", { x: 300, y: 0 }],
    ["below", { x: 20, y: 80 }],
  ]);
  const from = { x: 0, y: 0 };
  expect(nearest(from, items, { x: 1, y: 0 })).toBe("right");
  expect(nearest(from, items, { x: 0, y: 1 })).toBe("below");
  expect(nearest(from, items, { x: -1, y: 0 })).toBeUndefined();
});
