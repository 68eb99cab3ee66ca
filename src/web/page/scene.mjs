/** What the map's layers are drawn from, and what they share. */
import { svg } from "./dom.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {{ readonly kind: string, readonly id: string }} Selection
 * @typedef {object} View What is shown, and how.
 * @property {Fabric} fabric
 * @property {Selection | null} selection
 * @property {ReadonlySet<string>} hidden Tenants whose VMs are not shown.
 * @property {"load" | "cost" | "state" | "none"} linkLabels
 * @property {boolean} hasTunnels
 * @property {ReadonlyMap<string, string>} tenants Class of each.
 * @typedef {object} Scene
 * @property {View} view
 * @property {import("./layout.mjs").Plan} plan
 * @property {ReadonlyMap<string, import("./chips.mjs").Chip>} chips
 */

/** @param {Selection | null} selection @param {string} kind @param {string} id */
export const isSelected = (selection, kind, id) => selection?.kind === kind && selection.id === id;

/**
 * Something that can be opened.
 * @param {string} kind
 * @param {string} id
 */
export const itemOf = (kind, id) => svg("g", { role: "button", tabindex: -1, "data-kind": kind, "data-id": id });
