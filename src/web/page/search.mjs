/** Finds VMs, routers and addresses. */
import { html, set } from "./dom.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("./layers.mjs").Selection} Selection
 * @typedef {{ readonly title: string, readonly more: string, readonly to: Selection | null }} Found
 */

const MOST = 12;

/**
 * What is meant by a few letters, the likeliest first. An address that is nobody's is told whose home it has.
 * @param {Fabric} fabric
 * @param {string} text
 * @returns {Found[]}
 */
export function find(fabric, text) {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const ranked = [...nodesIn(fabric, wanted), ...vmsIn(fabric, wanted)].sort((x, y) => y.rank - x.rank).slice(0, MOST);
  const found = ranked.map(({ title, more, to }) => ({ title, more, to }));
  return found.length > 0 ? found : homeless(fabric, wanted);
}

/**
 * 3: it is that; 2: it begins so; 1: it is in it; 0: it is not.
 * @param {readonly (string | null)[]} texts
 * @param {string} wanted
 */
function rankOf(texts, wanted) {
  const ranks = texts.map((text) => {
    const own = text?.toLowerCase() ?? "";
    return own === wanted ? 3 : own.startsWith(wanted) ? 2 : own.includes(wanted) ? 1 : 0;
  });
  return Math.max(0, ...ranks);
}

/** @param {Fabric} fabric @param {string} wanted */
const nodesIn = ({ nodes }, wanted) =>
  Object.entries(nodes).flatMap(([id, { name, address, routerId, role, kind }]) => {
    const rank = rankOf([name, address, routerId], wanted);
    const more = [kind === "router" ? role : "known by OSPF", address ?? routerId]
      .filter((each) => each !== null)
      .join(", ");
    return rank === 0 ? [] : [{ rank, title: name, more, to: { kind: "nodes", id } }];
  });

/** @param {Fabric} fabric @param {string} wanted */
const vmsIn = ({ vms }, wanted) =>
  Object.entries(vms).flatMap(([id, { name, network, addresses, networkAddresses, at, home }]) => {
    const rank = rankOf([name, ...addresses, ...networkAddresses, network], wanted);
    const where = home === null ? `at ${at}` : home === at ? `at home at ${at}` : `at ${at}, home ${home}`;
    return rank === 0
      ? []
      : [{ rank, title: name, more: `${network} ${addresses[0]}: ${where}`, to: { kind: "vms", id } }];
  });

/** @param {Fabric} fabric @param {string} wanted @returns {Found[]} */
function homeless({ homes }, wanted) {
  const address = octetsOf(wanted);
  if (address === undefined) return [{ title: "nothing is called that", more: "", to: null }];
  for (const [prefix, { node, hypervisor }] of Object.entries(homes)) {
    const [text = "", length = "128"] = prefix.split("/");
    const octets = octetsOf(text);
    if (octets === undefined || !isSame(octets, address, Number(length))) continue;
    const to = node === null ? null : { kind: "nodes", id: node };
    return [{ title: `home ${node ?? hypervisor ?? prefix}`, more: "no VM that is known has this address", to }];
  }
  return [{ title: "no VM has this address", more: "and it is in none of the home prefixes", to: null }];
}

/** @param {number[]} a @param {number[]} b @param {number} bits */
const isSame = (a, b, bits) =>
  a.every((octet, i) => {
    const rest = Math.max(0, Math.min(8, bits - 8 * i));
    return octet >> (8 - rest) === (b[i] ?? 0) >> (8 - rest);
  });

/**
 * Of an IPv6 address; undefined: it is none. The browser's own reading of addresses is used.
 * @param {string} text
 * @returns {number[] | undefined}
 */
export function octetsOf(text) {
  if (!text.includes(":") || !URL.canParse(`http://[${text}]/`)) return undefined;
  const [left = "", right] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const words = (/** @type {string} */ part) =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  const [head, tail] = [words(left), words(right ?? "")];
  const all = [...head, ...Array(8 - head.length - tail.length).fill(0), ...tail];
  return all.flatMap((word) => [word >> 8, word & 0xff]);
}

/**
 * The field and its list (ARIA Authoring Practices, "Combobox").
 * @param {{ input: HTMLInputElement, list: HTMLElement }} where
 * @param {() => Fabric} fabric
 * @param {(selection: Selection) => void} select
 */
export function searchBox({ input, list }, fabric, select) {
  /** @type {Found[]} */
  let found = [];
  let at = 0;
  const close = () => {
    list.hidden = true;
    set(input, { "aria-expanded": "false", "aria-activedescendant": null });
  };
  const open = (/** @type {Found | undefined} */ chosen) => {
    if (chosen?.to === null || chosen === undefined) return;
    close();
    input.value = "";
    select(chosen.to);
  };
  const draw = () => {
    found = find(fabric(), input.value);
    at = Math.min(at, Math.max(0, found.length - 1));
    list.replaceChildren(
      ...found.map((each, i) => {
        const attributes = {
          role: "option",
          id: `found-${i}`,
          "aria-selected": `${i === at}`,
          click: () => open(each),
        };
        return html("div", attributes, html("b", {}, each.title), " ", html("span", {}, each.more));
      }),
    );
    list.hidden = found.length === 0;
    const active = found.length === 0 ? null : `found-${at}`;
    set(input, { "aria-expanded": `${found.length > 0}`, "aria-activedescendant": active });
  };
  input.addEventListener("input", () => {
    at = 0;
    draw();
  });
  input.addEventListener("focus", draw);
  input.addEventListener("blur", () => setTimeout(close, 150)); // a click on the list comes first
  input.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      at = (at + step + found.length) % Math.max(1, found.length);
      draw();
    } else if (event.key === "Enter") open(found[at]);
    else if (event.key === "Escape") close();
  });
}
