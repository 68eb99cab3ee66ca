/** The page: what is told is drawn, what is chosen is remembered. */
import { Details } from "./details.mjs";
import { byId, set, setText } from "./dom.mjs";
import { follow, nothing } from "./feed.mjs";
import { FabricMap } from "./map.mjs";
import { fullLoad, tenantClasses } from "./paint.mjs";
import { SearchBox } from "./search.mjs";
import { drawEvents, drawLegend, drawTenants } from "./side.mjs";
import { drawTables } from "./table.mjs";
import { clock } from "./units.mjs";

/**
 * @typedef {import("./scene.mjs").Selection} Selection
 * @typedef {import("./scene.mjs").View} View
 */

const MOST_EVENTS = 200;

class Page {
  #fabric = nothing();
  /** @type {import("../model.ts").FabricEvent[]} */
  #events = [];
  /** @type {Selection | null} */
  #selection = null;
  /** Tenants whose VMs are not shown. @type {Set<string>} */
  #hidden = new Set();
  #isTable = false;
  #hasBegun = false;
  #isDue = false;
  #labels = /** @type {HTMLSelectElement} */ (byId("link-labels"));
  #tunnels = /** @type {HTMLInputElement} */ (byId("show-tunnels"));
  #map;
  #details;
  #select = (/** @type {Selection | null} */ chosen) => {
    this.#selection = chosen;
    this.#due();
  };

  constructor() {
    const svg = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId("map")));
    this.#map = new FabricMap({ svg, frame: byId("map-frame") }, this.#select);
    this.#details = new Details(byId("details"), this.#select);
    this.#listen();
    follow((now, told, isWhole) => this.#take(now, told, isWhole), drawConnection);
  }

  #listen() {
    byId("show-map").addEventListener("click", () => this.#showTable(false));
    byId("show-table").addEventListener("click", () => this.#showTable(true));
    byId("zoom-in").addEventListener("click", () => this.#map.zoom(true));
    byId("zoom-out").addEventListener("click", () => this.#map.zoom(false));
    byId("zoom-fit").addEventListener("click", () => this.#map.fit());
    this.#labels.addEventListener("change", () => this.#due());
    this.#tunnels.addEventListener("change", () => this.#due());
    new ResizeObserver(() => this.#due()).observe(byId("map-frame"));
    const input = /** @type {HTMLInputElement} */ (byId("search"));
    new SearchBox({ input, list: byId("found") }, () => this.#fabric, this.#select);
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (isTyping) return;
    if (event.key === "/") {
      event.preventDefault();
      byId("search").focus();
    } else if (event.key === "Escape" && this.#selection !== null) this.#select(null);
  }

  /**
   * @param {import("./feed.mjs").Fabric} fabric
   * @param {import("../model.ts").FabricEvent[]} events
   * @param {boolean} isWhole
   */
  #take(fabric, events, isWhole) {
    this.#fabric = fabric;
    this.#hasBegun = true;
    this.#events = isWhole ? events : [...this.#events, ...events].slice(-MOST_EVENTS);
    this.#due();
  }

  /** @param {boolean} isTable */
  #showTable(isTable) {
    this.#isTable = isTable;
    set(byId("show-map"), { "aria-pressed": `${!isTable}` });
    set(byId("show-table"), { "aria-pressed": `${isTable}` });
    this.#due();
  }

  /** What comes at once is drawn at once. */
  #due() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    const [fabric, hidden, view] = [this.#fabric, this.#hidden, this.#view()];
    // Of links whose speed is not known none is full: their loads are told in shades, not in warnings.
    document.body.classList.toggle("relative", !fullLoad(fabric).isSpeed);
    drawHead(fabric);
    const empty = byId("empty");
    empty.hidden = !this.#hasBegun || Object.keys(fabric.nodes).length > 0;
    drawTenants(byId("tenants"), view, (tenant) => {
      if (!hidden.delete(tenant)) hidden.add(tenant);
      this.#due();
    });
    byId("map-view").hidden = this.#isTable;
    byId("table-view").hidden = !this.#isTable;
    if (this.#isTable) drawTables(byId("table-view"), fabric, { hidden, select: this.#select });
    else this.#map.draw(view);
    drawLegend(byId("legend"), fabric);
    drawEvents(byId("event-list"), this.#events, this.#select);
    this.#details.draw(fabric, this.#selection);
  }

  /** @returns {View} */
  #view() {
    const [fabric, selection, hidden] = [this.#fabric, this.#selection, this.#hidden];
    const linkLabels = /** @type {View["linkLabels"]} */ (this.#labels.value);
    const tenants = tenantClasses(fabric);
    return { fabric, selection, hidden, linkLabels, hasTunnels: this.#tunnels.checked, tenants };
  }
}

/** @param {import("./feed.mjs").Fabric} fabric */
function drawHead(fabric) {
  const about = fabric.about[""];
  const title = about === undefined || about.title === "" ? "fabric" : about.title;
  setText(byId("title"), title);
  document.title = `${title} – AIN`;
  const links = Object.values(fabric.links).filter(({ kind }) => kind !== "unseen");
  const down = links.filter(({ state }) => state === "down").length;
  const silent = about === undefined ? 0 : about.asked - about.answering;
  const words = [
    `${about?.asked ?? 0} routers${silent > 0 ? `, ${silent} silent` : ""}`,
    `${links.length} links${down > 0 ? `, ${down} down` : ""}`,
    `${Object.keys(fabric.vms).length} VMs`,
  ];
  setText(byId("counts"), about === undefined ? "" : words.join(" · "));
}

/** @param {import("./feed.mjs").Connection} connection */
function drawConnection(connection) {
  const place = byId("connection");
  const wasLost = place.classList.contains("lost");
  set(place, { class: connection });
  const lost = `ain web does not answer since ${clock(Date.now())}: what is shown is old`;
  if (connection !== "lost" || !wasLost) setText(place, { connecting: "connecting …", live: "live", lost }[connection]);
}

new Page();
