/** Finds VMs, routers and addresses. */
import { html, set } from "./dom.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("./scene.mjs").Selection} Selection
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

/** The field and its list (ARIA Authoring Practices, "Combobox"). */
export class SearchBox {
  #input;
  #list;
  #fabric;
  #select;
  /** @type {Found[]} */
  #found = [];
  /** Which of them Enter opens. */
  #at = 0;

  /**
   * @param {{ input: HTMLInputElement, list: HTMLElement }} where
   * @param {() => Fabric} fabric
   * @param {(selection: Selection) => void} select
   */
  constructor({ input, list }, fabric, select) {
    this.#input = input;
    this.#list = list;
    this.#fabric = fabric;
    this.#select = select;
    input.addEventListener("input", () => {
      this.#at = 0;
      this.#draw();
    });
    input.addEventListener("focus", () => this.#draw());
    input.addEventListener("blur", () => setTimeout(() => this.#close(), 150)); // a click on the list comes first
    input.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      this.#at = (this.#at + step + this.#found.length) % Math.max(1, this.#found.length);
      this.#draw();
    } else if (event.key === "Enter") this.#open(this.#found[this.#at]);
    else if (event.key === "Escape") this.#close();
  }

  #draw() {
    this.#found = find(this.#fabric(), this.#input.value);
    this.#at = Math.min(this.#at, Math.max(0, this.#found.length - 1));
    const options = this.#found.map((each, i) => {
      const attributes = { role: "option", id: `found-${i}`, "aria-selected": `${i === this.#at}` };
      const words = [html("b", {}, each.title), " ", html("span", {}, each.more)];
      return html("div", { ...attributes, click: () => this.#open(each) }, ...words);
    });
    this.#list.replaceChildren(...options);
    this.#list.hidden = options.length === 0;
    const active = options.length === 0 ? null : `found-${this.#at}`;
    set(this.#input, { "aria-expanded": `${options.length > 0}`, "aria-activedescendant": active });
  }

  #close() {
    this.#list.hidden = true;
    set(this.#input, { "aria-expanded": "false", "aria-activedescendant": null });
  }

  /** @param {Found | undefined} chosen */
  #open(chosen) {
    if (chosen === undefined || chosen.to === null) return;
    this.#close();
    this.#input.value = "";
    this.#select(chosen.to);
  }
}
