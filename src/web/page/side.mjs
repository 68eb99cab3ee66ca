/** What stands beside the map: what happens, whose VMs are which colour, what colours of links mean. */
import { html, keyed, set, setText } from "./dom.mjs";
import { fullLoad } from "./paint.mjs";
import { bitsText, clock } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricEvent} FabricEvent
 * @typedef {import("./scene.mjs").Selection} Selection
 * @typedef {import("./scene.mjs").View} View
 */

const MOST = 100;
const MARKS = { good: "✓", bad: "!", note: "·" };

/**
 * The latest first.
 * @param {Element} list
 * @param {readonly FabricEvent[]} events
 * @param {(selection: Selection) => void} select
 */
export function drawEvents(list, events, select) {
  const latest = events.slice(-MOST).toReversed();
  const none = html("li", { class: "none" }, "Nothing yet: what changes from now on is told here.");
  if (latest.length === 0) return list.replaceChildren(none);
  keyed(
    list,
    new Map(latest.map((event) => [`${event.id}`, event])),
    ({ at, weight, text, about }) => {
      const mark = html("span", { class: "mark", "aria-hidden": "true" }, MARKS[weight]);
      const time = html("time", { datetime: new Date(at).toISOString() }, clock(at));
      const words =
        about === null
          ? html("span", { class: "words" }, text)
          : html("button", { type: "button", class: "words", click: () => select(about) }, text);
      return html("li", { class: weight }, mark, time, words);
    },
    () => {},
  );
}

/**
 * A button for each tenant: pressed, its VMs are shown.
 * @param {Element} group
 * @param {View} view
 * @param {(tenant: string) => void} toggle
 */
export function drawTenants(group, { fabric, tenants, hidden }, toggle) {
  const counts = Map.groupBy(Object.values(fabric.vms), ({ tenant }) => tenant);
  keyed(
    group,
    tenants,
    (_, tenant) => {
      const swatch = html("span", { class: "swatch", "aria-hidden": "true" });
      return html("button", { type: "button", click: () => toggle(tenant) }, swatch, html("span"));
    },
    (button, klass, tenant) => {
      set(button, { class: `tenant ${klass}`, "aria-pressed": `${!hidden.has(tenant)}` });
      setText(/** @type {Node} */ (button.lastChild), `${tenant} ${counts.get(tenant)?.length ?? 0}`);
    },
  );
}

/** @param {Element} legend @param {Fabric} fabric */
export function drawLegend(legend, fabric) {
  const { most, isSpeed } = fullLoad(fabric);
  const of = isSpeed ? `load of ${bitsText(most)}` : `load, of the busiest link (${bitsText(most)})`;
  const steps = ["l0", "l1", "l2", "l3", "l4", "l5", "l6"].map((klass) => html("i", { class: `load ${klass}` }));
  const states = [
    ...[
      ["up", "up"],
      ["other-version", "another version"],
      ["unreachable", "does not answer"],
    ],
    ...[["foreign", "known by OSPF alone"]],
  ];
  legend.replaceChildren(
    html("span", { class: "loads" }, html("span", {}, "idle"), ...steps, html("span", {}, of)),
    ...states.map(([klass, words]) =>
      html("span", { class: "state" }, html("i", { class: `dot ${klass}` }), words ?? ""),
    ),
    html("span", { class: "state" }, html("i", { class: "line down" }), "link down"),
    html("span", { class: "state" }, html("i", { class: "line tunnel" }), "tunnel"),
  );
}
