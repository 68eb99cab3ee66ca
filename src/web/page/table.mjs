/** The fabric as tables: the same as the map, for who reads better than sees, and for what is too much for a map. */
import { html } from "./dom.mjs";
import { bitsText, clock, millis, percent } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").LinkEnd} LinkEnd
 * @typedef {import("./layers.mjs").Selection} Selection
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

/** @param {Fabric} fabric @param {ReadonlySet<string>} hidden @returns {Table[]} */
export function tablesOf(fabric, hidden) {
  const { nodes, links, vms, tunnels, moves } = fabric;
  const name = (/** @type {string | null} */ id) => (id === null ? "?" : (nodes[id]?.name ?? id));
  const end = (/** @type {LinkEnd} */ { node, port }) => `${name(node)} ${port ?? ""}`.trim();
  const both = (/** @type {string | number | null} */ a, /** @type {string | number | null} */ b) =>
    [a, b].filter((each) => each !== null).join(" – ");
  const all = Object.entries(vms).filter(([, { tenant }]) => !hidden.has(tenant));
  /** @type {Table[]} */
  const tables = [
    {
      ...{ title: "Routers", kind: "nodes" },
      heading: ["Router", "State", "Role", "Areas", "Version", "Busy", "Drops a second", "VMs"],
      rows: sorted(
        Object.entries(nodes).map(([id, n]) => {
          const state = `${n.state.replace("-", " ")}${n.reason === null ? "" : `: ${n.reason}`}`;
          const count = Object.values(vms).filter(({ at }) => at === id).length;
          const load = [n.version ?? "–", percent(n.busy), n.drops === null ? "–" : `${n.drops}`, `${count}`];
          return { id, cells: [n.name, state, n.role ?? "–", n.areas.join(", "), ...load] };
        }),
      ),
    },
    {
      ...{ title: "Links", kind: "links" },
      heading: ["From", "To", "State", "Area", "Cost", "OSPF", "BFD", "Load there", "Load back"],
      rows: sorted(
        Object.entries(links).map(([id, { a, b, state, reason, area, ab, ba }]) => {
          const how = `${state}${reason === null ? "" : `: ${reason}`}`;
          const ospf = [both(a.cost, b.cost), both(a.ospf, b.ospf), both(a.bfd, b.bfd)];
          return { id, cells: [end(a), end(b), how, area ?? "–", ...ospf, bitsText(ab), bitsText(ba)] };
        }),
      ),
    },
    {
      ...{ title: "VMs", kind: "vms" },
      heading: ["VM", "Network", "Addresses", "Is at", "Home", "State", "Sends", "Gets"],
      rows: sorted(
        all.map(([id, v]) => {
          const state = v.isDisputed ? `${v.state}, disputed` : v.state;
          const where = [v.addresses.join(", "), name(v.at), v.home === null ? "–" : name(v.home)];
          return { id, cells: [v.name, v.network, ...where, state, bitsText(v.sends), bitsText(v.gets)] };
        }),
      ),
    },
    {
      ...{ title: "Tunnels", kind: "tunnels" },
      heading: ["From", "To", "Addresses", "Load", "Share of packets to VMs", "Path MTU"],
      rows: sorted(
        Object.entries(tunnels).map(([id, t]) => {
          const to = t.to === null ? t.address : name(t.to);
          return { id, cells: [name(t.from), to, `${t.users}`, bitsText(t.rate), percent(t.share), `${t.mtu ?? "–"}`] };
        }),
      ),
    },
    {
      ...{ title: "Moves", kind: "moves" },
      heading: ["VM", "From", "To", "Began", "Outcome", "Took", "Downtime", "Held", "Lost"],
      rows: Object.entries(moves).map(([id, m]) => {
        const figures = [millis(m.took), millis(m.downtime), `${m.held}`, `${m.lost}`];
        return { id, cells: [m.vm, name(m.source), name(m.target), clock(m.began), m.outcome, ...figures] };
      }),
    },
  ];
  return tables.filter(({ kind, rows }) => rows.length > 0 || kind === "nodes" || kind === "vms");
}
