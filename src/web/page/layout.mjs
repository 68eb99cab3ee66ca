/**
 * Where the map's nodes are: rows by distance from the hypervisors, in a band for each OSPF area, the backbone above the
 * others with border routers on its edge. Pure: the same fabric and space give the same places.
 */

/**
 * @typedef {import("../model.ts").FabricNode} FabricNode
 * @typedef {Pick<FabricNode, "name" | "kind" | "tier" | "areas" | "isBorder">} Placeable
 * @typedef {{ readonly width: number, readonly height: number }} Size
 * @typedef {{ readonly x: number, readonly y: number, readonly width: number, readonly height: number }} Box
 * @typedef {object} Density How much of a node is shown.
 * @property {number} cellWidth
 * @property {number} boxWidth
 * @property {number} boxHeight
 * @property {number} chipsAcross VMs beside one another below a node; 0: none are shown.
 * @property {number} chipHeight
 * @property {number} tierGap Between rows of different distance, where links are.
 * @property {number} rowGap Between rows of the same one.
 * @typedef {object} Plan
 * @property {Size} size
 * @property {Density} density
 * @property {number} scale By which it fits the space.
 * @property {ReadonlyMap<string, Box>} boxes Of nodes, by id, without what is below them.
 * @property {ReadonlyMap<string, Box>} areas By area; overlapping where border routers are in both.
 */

/** @type {Density} */
export const ROOMY = {
  ...{ cellWidth: 134, boxWidth: 124, boxHeight: 44, chipsAcross: 2, chipHeight: 22, tierGap: 66, rowGap: 24 },
};
/** @type {Density} */
export const DENSE = {
  ...{ cellWidth: 104, boxWidth: 96, boxHeight: 34, chipsAcross: 0, chipHeight: 0, tierGap: 46, rowGap: 12 },
};

export const BACKBONE = "0.0.0.0";
/** Around all of it: lines have a width. */
const MARGIN = 3;
const PADDING = 14;
/** Of an area's name. */
const LABEL = 20;
const BAND_GAP = 18;
/** A small map is not made larger than so much, on a screen of any size, and on a wall of screens. */
const LARGE = 1.3;
const LARGEST = 3;
/** Of a map, pixels, at which it is drawn as large as it is planned. */
const USUAL_WIDTH = 520;
/** Below this scale text is hard to read: less is shown then. */
const LEGIBLE = 0.8;
/** Links to a row behind another one pass behind its nodes: so much of the scale is given for rows that are not broken. */
const BROKEN_ROWS_COST = 0.6;

/**
 * @typedef {object} Scene
 * @property {Readonly<Record<string, Placeable>>} nodes
 * @property {readonly { readonly a: { readonly node: string }, readonly b: { readonly node: string } }[]} links
 * @property {ReadonlyMap<string, number>} chips How many there are below a node.
 */

/**
 * @param {Scene} scene
 * @param {Size} space
 * @returns {Plan}
 */
export function planFor(scene, space) {
  const roomy = planWith(scene, space, ROOMY);
  return roomy.scale >= LEGIBLE ? roomy : planWith(scene, space, DENSE);
}

/**
 * The arrangement that can be shown largest.
 * @param {Scene} scene
 * @param {Size} space
 * @param {Density} density
 * @returns {Plan}
 */
function planWith(scene, space, density) {
  const bands = bandsOf(scene);
  const widest = Math.max(1, ...bands.flatMap(({ tiers }) => tiers.map((tier) => tier.length)));
  const largest = Math.min(LARGEST, Math.max(LARGE, space.width / USUAL_WIDTH));
  let most = 0;
  /** @type {Plan | undefined} */
  let best;
  for (let across = 1; across <= Math.max(1, bands.length); across++) {
    for (const columns of columnsToTry(widest)) {
      const plan = arrange(bands, { scene, density, columns, across });
      const scale = Math.min(largest, space.width / plan.size.width, space.height / plan.size.height);
      const worth = worthOf(scale) * (1 - BROKEN_ROWS_COST * plan.broken);
      if (worth > most + 1e-9) [most, best] = [worth, { ...plan, scale }];
    }
  }
  return /** @type {Plan} */ (best);
}

/**
 * What can be read well need not be larger.
 * @param {number} scale
 */
const worthOf = (scale) => Math.min(scale, 1) + 0.15 * Math.max(0, scale - 1);

/**
 * The widest first, so that what fits is not broken into rows.
 * @param {number} widest
 * @returns {number[]}
 */
function columnsToTry(widest) {
  return [...new Set(Array.from({ length: widest }, (_, rows) => Math.ceil(widest / (rows + 1))))];
}

/**
 * @typedef {object} Band Nodes of an area, as rows from the farthest to the hypervisors, each in its order.
 * @property {string} area
 * @property {readonly (readonly string[])[]} tiers
 */

/**
 * The backbone first.
 * @param {Scene} scene
 * @returns {Band[]}
 */
function bandsOf({ nodes, links }) {
  const byArea = Map.groupBy(Object.keys(nodes), (id) => areaOf(/** @type {Placeable} */ (nodes[id])));
  const areas = [...byArea.keys()].sort((x, y) => rankOf(x) - rankOf(y) || natural(x, y));
  return areas.map((area) => {
    const ids = byArea.get(area) ?? [];
    const byTier = Map.groupBy(ids, (id) => nodes[id]?.tier ?? 0);
    const tiers = [...byTier.keys()]
      .sort((x, y) => y - x)
      .map((tier) => (byTier.get(tier) ?? []).sort((x, y) => natural(nodes[x]?.name ?? x, nodes[y]?.name ?? y)));
    return { area, tiers: untangled(tiers, links) };
  });
}

/** @param {string} area */
const rankOf = (area) => (area === BACKBONE ? 0 : area === "" ? 2 : 1);

/**
 * A border router is drawn in the area that is not the backbone.
 * @param {Placeable} node
 */
const areaOf = ({ areas }) => areas.find((area) => area !== BACKBONE) ?? areas[0] ?? "";

const collator = new Intl.Collator("en", { numeric: true });
/** @type {(x: string, y: string) => number} */
const natural = (x, y) => collator.compare(x, y);

/**
 * Rows in an order in which fewer links cross: each node to the middle of those it is joined to in the row before, down and
 * up a few times (Sugiyama, Tagawa, Toda, 1981).
 * @param {readonly (readonly string[])[]} tiers
 * @param {Scene["links"]} links
 */
function untangled(tiers, links) {
  /** @type {Map<string, string[]>} */
  const joined = new Map();
  for (const { a, b } of links) {
    joined.set(a.node, [...(joined.get(a.node) ?? []), b.node]);
    joined.set(b.node, [...(joined.get(b.node) ?? []), a.node]);
  }
  let rows = tiers;
  for (let round = 0; round < 4; round++) {
    rows = swept(rows, joined);
    rows = swept(rows.toReversed(), joined).toReversed();
  }
  return rows;
}

/**
 * @param {readonly (readonly string[])[]} rows
 * @param {ReadonlyMap<string, readonly string[]>} joined
 */
function swept(rows, joined) {
  /** @type {(readonly string[])[]} */
  const out = [];
  for (const row of rows) {
    const above = out.at(-1) ?? [];
    const at = new Map(above.map((id, i) => [id, (i + 0.5) / above.length]));
    const middle = new Map(
      row.map((id, i) => {
        const places = (joined.get(id) ?? []).flatMap((other) => at.get(other) ?? []);
        const own = (i + 0.5) / row.length;
        return [id, places.length === 0 ? own : places.reduce((sum, place) => sum + place, 0) / places.length];
      }),
    );
    out.push(row.toSorted((x, y) => (middle.get(x) ?? 0) - (middle.get(y) ?? 0)));
  }
  return out;
}

/**
 * @typedef {object} Arrangement
 * @property {Scene} scene
 * @property {Density} density
 * @property {number} columns Nodes beside one another in a band.
 * @property {number} across Bands beside one another.
 */

/**
 * @param {readonly Band[]} bands
 * @param {Arrangement} how
 * @returns {Omit<Plan, "scale"> & { broken: number }} `broken`: share of the rows that did not fit into one line.
 */
function arrange(bands, how) {
  const { density, across } = how;
  const top = bands.find(({ area }) => area === BACKBONE && bands.length > 1);
  const others = bands.filter((band) => band !== top);
  const lower = others.map((band) => ({ area: band.area, ...rowsOf(band, how) }));
  const lines = Array.from({ length: Math.ceil(lower.length / across) }, (_, i) =>
    lower.slice(i * across, (i + 1) * across),
  );
  const widths = lines.map((line) => sumOf(line, ({ size }) => size.width + BAND_GAP) - BAND_GAP);
  const columns = Math.max(1, Math.floor((Math.max(...widths, density.cellWidth) - 2 * PADDING) / density.cellWidth));
  const upper = top === undefined ? undefined : rowsOf(top, { ...how, columns });
  const width = Math.max(...widths, upper?.size.width ?? 0);
  const paper = new Paper();
  let y = MARGIN;
  if (upper !== undefined) {
    paper.put(upper.boxes, MARGIN + (width - upper.size.width) / 2, y + LABEL);
    y += LABEL + upper.size.height + density.tierGap / 2;
    // Down to the middle of the border routers, which are in both.
    const edge = y + PADDING + density.boxHeight / 2;
    paper.areas.set(BACKBONE, { x: MARGIN, y: MARGIN, width, height: edge - MARGIN });
  }
  lines.forEach((line, i) => {
    let x = MARGIN + (width - (widths[i] ?? 0)) / 2;
    for (const { area, size, boxes } of line) {
      paper.put(boxes, x, y);
      paper.areas.set(area, { x, y, width: size.width, height: size.height + LABEL });
      x += size.width + BAND_GAP;
    }
    y += Math.max(...line.map(({ size }) => size.height)) + LABEL + BAND_GAP;
  });
  const { boxes, areas } = paper;
  const height = Math.max(...[...areas.values()].map((box) => box.y + box.height)) + MARGIN;
  const rows = bands.flatMap((band) => band.tiers.map((tier) => tier.length > (band === top ? columns : how.columns)));
  const broken = rows.filter(Boolean).length / rows.length;
  return { size: { width: width + 2 * MARGIN, height }, density, boxes, areas, broken };
}

/** Where things have been put. */
class Paper {
  /** @type {Map<string, Box>} */
  boxes = new Map();
  /** @type {Map<string, Box>} */
  areas = new Map();

  /**
   * @param {ReadonlyMap<string, Box>} boxes
   * @param {number} x
   * @param {number} y
   */
  put(boxes, x, y) {
    for (const [id, box] of boxes) this.boxes.set(id, { ...box, x: box.x + x, y: box.y + y });
  }
}

/**
 * A band's nodes, from its own corner on.
 * @param {Band} band
 * @param {Arrangement} how
 * @returns {{ size: Size, boxes: ReadonlyMap<string, Box> }}
 */
function rowsOf({ tiers }, { scene, density, columns }) {
  const { cellWidth, boxWidth, boxHeight, tierGap, rowGap } = density;
  const widest = Math.min(columns, Math.max(...tiers.map((tier) => tier.length)));
  const width = widest * cellWidth + 2 * PADDING;
  /** @type {Map<string, Box>} */
  const boxes = new Map();
  let y = PADDING;
  tiers.forEach((tier, i) => {
    if (i > 0) y += tierGap - rowGap;
    for (const row of broken(tier, columns)) {
      const left = (width - row.length * cellWidth) / 2 + (cellWidth - boxWidth) / 2;
      row.forEach((id, column) => {
        boxes.set(id, { x: left + column * cellWidth, y, width: boxWidth, height: boxHeight });
      });
      y += boxHeight + Math.max(...row.map((id) => chipsHeight(scene.chips.get(id) ?? 0, density))) + rowGap;
    }
  });
  return { size: { width, height: y - rowGap + PADDING }, boxes };
}

/**
 * What the chips below a node take, the gap above them included.
 * @param {number} chips
 * @param {Density} density
 */
export const chipsHeight = (chips, { chipsAcross, chipHeight }) =>
  chipsAcross === 0 || chips === 0 ? 0 : Math.ceil(chips / chipsAcross) * chipHeight + 4;

/**
 * Into rows of about the same length.
 * @template T
 * @param {readonly T[]} all
 * @param {number} columns
 * @returns {T[][]}
 */
function broken(all, columns) {
  const rows = Math.ceil(all.length / columns);
  const each = Math.ceil(all.length / rows);
  return Array.from({ length: rows }, (_, i) => all.slice(i * each, (i + 1) * each)).filter((row) => row.length > 0);
}

/**
 * @template T
 * @param {readonly T[]} all
 * @param {(each: T) => number} of
 */
const sumOf = (all, of) => all.reduce((sum, each) => sum + of(each), 0);
