/** The page: what is told is drawn, what is chosen is remembered. */
import { Details } from "./details.mjs";
import { byId, set, setText } from "./dom.mjs";
import { follow, nothing } from "./feed.mjs";
import { FabricMap } from "./map.mjs";
import { fullLoad, tenantClasses } from "./paint.mjs";
import { searchBox } from "./search.mjs";
import { drawEvents, drawLegend, drawTenants } from "./side.mjs";
import { drawTables } from "./table.mjs";
import { clock } from "./units.mjs";

/**
 * @typedef {import("./layers.mjs").Selection} Selection
 * @typedef {import("./layers.mjs").View} View
 */

let fabric = nothing();
/** @type {import("../model.ts").FabricEvent[]} */
let events = [];
/** @type {Selection | null} */
let selection = null;
/** @type {Set<string>} */
const hidden = new Set();
let isTable = false;
let hasBegun = false;
let isDue = false;

const labels = /** @type {HTMLSelectElement} */ (byId("link-labels"));
const tunnels = /** @type {HTMLInputElement} */ (byId("show-tunnels"));
const map = new FabricMap(
  { svg: /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId("map"))), frame: byId("map-frame") },
  select,
);
const details = new Details(byId("details"), select);

/** @param {Selection | null} chosen */
function select(chosen) {
  selection = chosen;
  due();
}

/** What comes at once is drawn at once. */
function due() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

function draw() {
  const view = viewOf();
  // Of links whose speed is not known none is full: their loads are told in shades, not in warnings.
  document.body.classList.toggle("relative", !fullLoad(fabric).isSpeed);
  drawHead();
  drawTenants(byId("tenants"), view, (tenant) => {
    if (!hidden.delete(tenant)) hidden.add(tenant);
    due();
  });
  byId("map-view").hidden = isTable;
  byId("table-view").hidden = !isTable;
  if (isTable) drawTables(byId("table-view"), fabric, { hidden, select });
  else map.draw(view);
  drawLegend(byId("legend"), fabric);
  drawEvents(byId("event-list"), events, select);
  details.draw(fabric, selection);
}

/** @returns {View} */
function viewOf() {
  const linkLabels = /** @type {View["linkLabels"]} */ (labels.value);
  return { fabric, selection, hidden, linkLabels, hasTunnels: tunnels.checked, tenants: tenantClasses(fabric) };
}

function drawHead() {
  const about = fabric.about[""];
  const title = about === undefined || about.title === "" ? "fabric" : about.title;
  setText(byId("title"), title);
  document.title = `${title} – AIN`;
  const [vms, links] = [
    Object.keys(fabric.vms).length,
    Object.values(fabric.links).filter(({ kind }) => kind !== "unseen"),
  ];
  const down = links.filter(({ state }) => state === "down").length;
  const silent = about === undefined ? 0 : about.asked - about.answering;
  const words = [
    `${about?.asked ?? 0} routers${silent > 0 ? `, ${silent} silent` : ""}`,
    `${links.length} links${down > 0 ? `, ${down} down` : ""}`,
    `${vms} VMs`,
  ];
  setText(byId("counts"), about === undefined ? "" : words.join(" · "));
  const empty = byId("empty");
  empty.hidden = !hasBegun || Object.keys(fabric.nodes).length > 0;
  setText(
    empty,
    "No router is known here: none runs, or the lab has none. The map shows them as soon as there are some.",
  );
}

/** @param {import("./feed.mjs").Connection} connection */
function drawConnection(connection) {
  const place = byId("connection");
  set(place, { class: connection });
  const lost = `ain web does not answer since ${clock(Date.now())}: what is shown is old`;
  const isLostAlready = connection === "lost" && place.textContent?.startsWith("ain web does not answer") === true;
  if (!isLostAlready) setText(place, { connecting: "connecting …", live: "live", lost }[connection]);
}

/** @param {boolean} wanted */
function showTable(wanted) {
  isTable = wanted;
  set(byId("show-map"), { "aria-pressed": `${!wanted}` });
  set(byId("show-table"), { "aria-pressed": `${wanted}` });
  due();
}

byId("show-map").addEventListener("click", () => showTable(false));
byId("show-table").addEventListener("click", () => showTable(true));
byId("zoom-in").addEventListener("click", () => map.zoom(true));
byId("zoom-out").addEventListener("click", () => map.zoom(false));
byId("zoom-fit").addEventListener("click", () => map.fit());
labels.addEventListener("change", due);
tunnels.addEventListener("change", due);
new ResizeObserver(due).observe(byId("map-frame"));
searchBox({ input: /** @type {HTMLInputElement} */ (byId("search")), list: byId("found") }, () => fabric, select);
document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    byId("search").focus();
  } else if (event.key === "Escape" && !isTyping && selection !== null) select(null);
});

follow((now, told, isWhole) => {
  fabric = now;
  hasBegun = true;
  events = isWhole ? told : [...events, ...told].slice(-200);
  due();
}, drawConnection);
