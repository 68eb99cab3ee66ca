/** The fabric as tables: the same as the map, for who reads better than sees, and for what is too much for a map. */
import { html } from "./dom.mjs";
import { bitsText, clock, millis, percent } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").LinkEnd} LinkEnd
 * @typedef {import("./scene.mjs").Selection} Selection
 * @typedef {object} Table
 * @property {string} title
 * @property {string} kind
 * @property {readonly string[]} heading
 * @property {readonly { id: string, cells: readonly string[] }[]} rows
 */

/** Rows of one table; a search finds the others. */
const MOST = 400;

/**
 * @param {Element} section
 * @param {Fabric} fabric
 * @param {{ hidden: ReadonlySet<string>, select: (selection: Selection) => void }} how
 */
export function drawTables(section, fabric, { hidden, select }) {
  const tables = tablesOf(fabric, hidden);
  const wanted = JSON.stringify(tables);
  if (section.getAttribute("data-of") === `${wanted.length} ${hash(wanted)}`) return;
  const focused = document.activeElement?.getAttribute("data-row");
  section.setAttribute("data-of", `${wanted.length} ${hash(wanted)}`);
  section.replaceChildren(...tables.flatMap((table) => tableOf(table, select)));
  const again = [...section.querySelectorAll("[data-row]")].find((row) => row.getAttribute("data-row") === focused);
  if (focused != null && again instanceof HTMLElement) again.focus();
}

/** @param {string} text */
const hash = (text) => [...text].reduce((sum, letter) => (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) | 0, 0);

/** @param {Table} table @param {(selection: Selection) => void} select @returns {Element[]} */
function tableOf({ title, kind, heading, rows }, select) {
  const head = html("tr", {}, ...heading.map((text) => html("th", { scope: "col" }, text)));
  const body = rows.slice(0, MOST).map(({ id, cells: [first = "", ...rest] }) => {
    const open = html(
      "button",
      { type: "button", "data-row": `${kind} ${id}`, click: () => select({ kind, id }) },
      first,
    );
    return html("tr", {}, html("th", { scope: "row" }, open), ...rest.map((cell) => html("td", {}, cell)));
  });
  const caption = html("caption", {}, `${title} (${rows.length})`);
  const table = html("table", {}, caption, html("thead", {}, head), html("tbody", {}, ...body));
  const frame = html("div", { class: "table-frame", tabindex: 0, role: "region", "aria-label": title }, table);
  const more = rows.length - MOST;
  return more > 0 ? [frame, html("p", { class: "note" }, `and ${more} more: search finds them`)] : [frame];
}

const collator = new Intl.Collator("en", { numeric: true });

/** @param {Table["rows"]} rows */
const sorted = (rows) => rows.toSorted((x, y) => collator.compare(x.cells.join(" "), y.cells.join(" ")));

/** @param {Fabric} fabric @param {ReadonlySet<string>} hidden tenants @returns {Table[]} */
export function tablesOf(fabric, hidden) {
  const tables = [routers(fabric), links(fabric), vms(fabric, hidden), tunnels(fabric), moves(fabric)];
  return tables.filter(({ kind, rows }) => rows.length > 0 || kind === "nodes" || kind === "vms");
}

/** @param {Fabric} fabric @param {string | null} id */
const nameOf = ({ nodes }, id) => (id === null ? "?" : (nodes[id]?.name ?? id));

/** @param {Fabric} fabric @returns {Table} */
function routers({ nodes, vms: all }) {
  const counts = Map.groupBy(Object.values(all), ({ at }) => at);
  const rows = Object.entries(nodes).map(([id, n]) => {
    const state = `${n.state.replace("-", " ")}${n.reason === null ? "" : `: ${n.reason}`}`;
    const load = [n.version ?? "–", percent(n.busy), n.drops === null ? "–" : `${n.drops}`];
    return { id, cells: [n.name, state, n.role ?? "–", n.areas.join(", "), ...load, `${counts.get(id)?.length ?? 0}`] };
  });
  const heading = ["Router", "State", "Role", "Areas", "Version", "Busy", "Drops a second", "VMs"];
  return { title: "Routers", kind: "nodes", heading, rows: sorted(rows) };
}

/** @param {Fabric} fabric @returns {Table} */
function links(fabric) {
  const end = (/** @type {LinkEnd} */ { node, port }) => `${nameOf(fabric, node)} ${port ?? ""}`.trim();
  const both = (/** @type {string | number | null} */ a, /** @type {string | number | null} */ b) =>
    [a, b].filter((each) => each !== null).join(" – ");
  const rows = Object.entries(fabric.links).map(([id, { a, b, state, reason, area, ab, ba }]) => {
    const how = `${state}${reason === null ? "" : `: ${reason}`}`;
    const ospf = [both(a.cost, b.cost), both(a.ospf, b.ospf), both(a.bfd, b.bfd)];
    return { id, cells: [end(a), end(b), how, area ?? "–", ...ospf, bitsText(ab), bitsText(ba)] };
  });
  const heading = ["From", "To", "State", "Area", "Cost", "OSPF", "BFD", "Load there", "Load back"];
  return { title: "Links", kind: "links", heading, rows: sorted(rows) };
}

/** @param {Fabric} fabric @param {ReadonlySet<string>} hidden @returns {Table} */
function vms(fabric, hidden) {
  const shown = Object.entries(fabric.vms).filter(([, { tenant }]) => !hidden.has(tenant));
  const rows = shown.map(([id, v]) => {
    const state = v.isDisputed ? `${v.state}, disputed` : v.state;
    const where = [v.addresses.join(", "), nameOf(fabric, v.at), v.home === null ? "–" : nameOf(fabric, v.home)];
    return { id, cells: [v.name, v.network, ...where, state, bitsText(v.sends), bitsText(v.gets)] };
  });
  const heading = ["VM", "Network", "Addresses", "Is at", "Home", "State", "Sends", "Gets"];
  return { title: "VMs", kind: "vms", heading, rows: sorted(rows) };
}

/** @param {Fabric} fabric @returns {Table} */
function tunnels(fabric) {
  const rows = Object.entries(fabric.tunnels).map(([id, { from, to, address, users, rate, share, mtu }]) => {
    const end = to === null ? address : nameOf(fabric, to);
    return { id, cells: [nameOf(fabric, from), end, `${users}`, bitsText(rate), percent(share), `${mtu ?? "–"}`] };
  });
  const heading = ["From", "To", "Addresses", "Load", "Share of packets to VMs", "Path MTU"];
  return { title: "Tunnels", kind: "tunnels", heading, rows: sorted(rows) };
}

/** The latest first. @param {Fabric} fabric @returns {Table} */
function moves(fabric) {
  const all = Object.entries(fabric.moves).sort(([, x], [, y]) => y.began - x.began);
  const rows = all.map(([id, m]) => {
    const figures = [millis(m.took), millis(m.downtime), `${m.held}`, `${m.lost}`];
    const ends = [nameOf(fabric, m.source), nameOf(fabric, m.target)];
    return { id, cells: [m.vm, ...ends, clock(m.began), m.outcome, ...figures] };
  });
  const heading = ["VM", "From", "To", "Began", "Outcome", "Took", "Downtime", "Held", "Lost"];
  return { title: "Moves", kind: "moves", heading, rows };
}
