/** Lines between boxes. */

/**
 * @typedef {import("./layout.mjs").Box} Box
 * @typedef {{ readonly x: number, readonly y: number }} Point
 */

/** @param {Box} box @returns {Point} */
export const middleOf = ({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 });

/**
 * Where the line from the middle of a box to a point leaves the box.
 * @param {Box} box
 * @param {Point} to
 * @returns {Point}
 */
export function edgeTowards(box, to) {
  const from = middleOf(box);
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (dx === 0 && dy === 0) return from;
  const share = Math.min(
    dx === 0 ? Number.POSITIVE_INFINITY : box.width / 2 / Math.abs(dx),
    dy === 0 ? Number.POSITIVE_INFINITY : box.height / 2 / Math.abs(dy),
  );
  return { x: from.x + dx * Math.min(1, share), y: from.y + dy * Math.min(1, share) };
}

/**
 * A point of the way from one to the other.
 * @param {Point} a
 * @param {Point} b
 * @param {number} share 0 … 1
 * @returns {Point}
 */
export const between = (a, b, share) => ({ x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share });

/**
 * Both ends moved to the side, so that parallel links lie beside one another.
 * @param {Point} a
 * @param {Point} b
 * @param {number} by
 * @returns {[Point, Point]}
 */
export function aside(a, b, by) {
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const [nx, ny] = [(-(b.y - a.y) / length) * by, ((b.x - a.x) / length) * by];
  return [
    { x: a.x + nx, y: a.y + ny },
    { x: b.x + nx, y: b.y + ny },
  ];
}

/**
 * An arc from box to box, bent up or down.
 * @param {Box} a
 * @param {Box} b
 * @param {number} bend how far; upwards when negative.
 * @returns {{ path: string, top: Point, head: Point }} `head`: a point of it nearer to its end.
 */
export function arc(a, b, bend) {
  const middle = between(middleOf(a), middleOf(b), 0.5);
  // One that stands above the other is passed by on the right.
  const isUpright = Math.abs(middle.x - middleOf(a).x) < a.width / 4;
  const control = isUpright
    ? { x: middle.x + a.width / 2 + Math.abs(bend), y: middle.y }
    : { x: middle.x, y: middle.y + bend };
  const [from, to] = [edgeTowards(a, control), edgeTowards(b, control)];
  const path = `M${round(from.x)} ${round(from.y)} Q${round(control.x)} ${round(control.y)} ${round(to.x)} ${round(to.y)}`;
  const at = (/** @type {number} */ share) =>
    between(between(from, control, share), between(control, to, share), share);
  return { path, top: at(0.5), head: at(0.75) };
}

/** @param {number} value */
export const round = (value) => Math.round(value * 10) / 10;

/**
 * The nearest item in a direction: straight ahead counts more than to the side.
 * @param {Point} from
 * @param {ReadonlyMap<string, Point>} items
 * @param {Point} direction a unit vector along an axis.
 * @returns {string | undefined}
 */
export function nearest(from, items, direction) {
  let best = Number.POSITIVE_INFINITY;
  /** @type {string | undefined} */
  let found;
  for (const [key, { x, y }] of items) {
    const [dx, dy] = [x - from.x, y - from.y];
    const ahead = dx * direction.x + dy * direction.y;
    const beside = Math.abs(dx * direction.y) + Math.abs(dy * direction.x);
    const distance = ahead + 2.5 * beside;
    if (ahead > 1 && distance < best) [best, found] = [distance, key];
  }
  return found;
}
