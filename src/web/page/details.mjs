/** The panel of what is selected: facts, neighbours, and what `ain show` prints of it, asked for when it is wanted. */
import { html, set, setText } from "./dom.mjs";
import { FIRST_TABS, subjectOf } from "./subjects.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("./scene.mjs").Selection} Selection
 * @typedef {import("./subjects.mjs").Subject} Subject
 * @typedef {import("./subjects.mjs").Tab} Tab
 */

/** Milliseconds between two askings while it is looked at. */
const AGAIN = 4000;

export class Details {
  #panel;
  #select;
  /** @type {Selection | null} */
  #selection = null;
  #tabs = "";
  #tab = "";
  #isJson = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Counts askings: an answer that comes late is not shown. */
  #asked = 0;
  /** @type {Element | null} */
  #from = null;
  #parts = partsOf();

  /**
   * @param {HTMLElement} panel
   * @param {(selection: Selection | null) => void} select
   */
  constructor(panel, select) {
    this.#panel = panel;
    this.#select = select;
    const { close, copy, json, more } = this.#parts;
    close.addEventListener("click", () => this.#select(null));
    copy.addEventListener("click", () => void this.#copy());
    json.addEventListener("change", () => {
      this.#isJson = json.checked;
      this.#ask();
    });
    more.addEventListener("change", () => this.#choose(more.value));
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#select(null);
    });
  }

  /**
   * @param {Fabric} fabric
   * @param {Selection | null} selection
   */
  draw(fabric, selection) {
    const isOther = selection?.kind !== this.#selection?.kind || selection?.id !== this.#selection?.id;
    if (isOther) this.#turnTo(selection);
    if (selection === null) return;
    const subject = subjectOf(fabric, selection);
    const { title, kind, facts, relations } = this.#parts;
    setText(title, subject?.title ?? selection.id);
    setText(kind, subject?.kind ?? "It is not there any more.");
    drawFacts(facts, subject?.facts ?? []);
    this.#drawRelations(relations, subject);
    this.#drawTabs(subject);
  }

  /** @param {Selection | null} selection */
  #turnTo(selection) {
    const wasClosed = this.#selection === null;
    this.#selection = selection;
    this.#tabs = "";
    clearTimeout(this.#timer);
    this.#panel.hidden = selection === null;
    document.body.classList.toggle("has-details", selection !== null);
    if (selection === null) {
      if (this.#from instanceof HTMLElement || this.#from instanceof SVGElement) this.#from.focus();
      return;
    }
    if (wasClosed) this.#from = document.activeElement;
    if (this.#panel.childElementCount === 0) this.#panel.append(...this.#parts.all);
    this.#panel.scrollTop = 0;
    this.#panel.focus({ preventScroll: false });
  }

  /** @param {Element} list @param {Subject | undefined} subject */
  #drawRelations(list, subject) {
    const wanted = JSON.stringify(subject?.relations ?? []);
    if (list.getAttribute("data-of") === wanted) return;
    set(list, { "data-of": wanted });
    const buttons = (subject?.relations ?? []).map(({ label, to }) =>
      html("li", {}, html("button", { type: "button", click: () => this.#select(to) }, label)),
    );
    list.replaceChildren(...buttons);
  }

  /** @param {Subject | undefined} subject */
  #drawTabs(subject) {
    const { note, tabs: list, more, shown } = this.#parts;
    setText(note, subject?.note ?? "");
    const all = subject?.tabs ?? [];
    const wanted = JSON.stringify(all);
    shown.hidden = all.length === 0;
    if (wanted === this.#tabs) return;
    this.#tabs = wanted;
    if (!all.some(({ label }) => label === this.#tab)) this.#tab = all[0]?.label ?? "";
    const first = all.slice(0, FIRST_TABS);
    list.replaceChildren(...first.map((tab) => this.#tabButton(tab)));
    more.hidden = all.length <= FIRST_TABS;
    const rest = all.slice(FIRST_TABS).map(({ label }) => html("option", { value: label }, label));
    more.replaceChildren(html("option", { value: "" }, "more …"), ...rest);
    this.#mark();
    this.#ask();
  }

  /** @param {Tab} tab */
  #tabButton({ label }) {
    const press = (/** @type {KeyboardEvent} */ event) => this.#turnTabs(event);
    const attributes = { type: "button", role: "tab", "aria-controls": "shown", "data-tab": label };
    return html("button", { ...attributes, click: () => this.#choose(label), keydown: press }, label);
  }

  /** Arrow keys go from tab to tab (ARIA Authoring Practices, "Tabs"). @param {KeyboardEvent} event */
  #turnTabs(event) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const buttons = /** @type {HTMLElement[]} */ ([...this.#parts.tabs.children]);
    const at = buttons.indexOf(/** @type {HTMLElement} */ (event.currentTarget));
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  }

  /** @param {string} label */
  #choose(label) {
    if (label === "") return;
    this.#tab = label;
    this.#mark();
    this.#ask();
  }

  #mark() {
    for (const button of this.#parts.tabs.children) {
      const isChosen = button.getAttribute("data-tab") === this.#tab;
      set(button, { "aria-selected": `${isChosen}`, tabindex: isChosen ? 0 : -1 });
    }
    const { more } = this.#parts;
    const isThere = [...more.options].some(({ value }) => value === this.#tab);
    more.value = isThere ? this.#tab : "";
  }

  #ask() {
    clearTimeout(this.#timer);
    const tab = /** @type {Tab[]} */ (JSON.parse(this.#tabs || "[]")).find(({ label }) => label === this.#tab);
    if (tab === undefined) return;
    const { output, command, trouble } = this.#parts;
    const mark = `${JSON.stringify(this.#selection)} ${tab.label}`;
    if (output.dataset.of !== mark) {
      setText(output, "…");
      setText(command, "");
      setText(trouble, "");
    }
    output.dataset.of = mark;
    void this.#show(tab, ++this.#asked);
  }

  /** @param {Tab} tab @param {number} number */
  async #show({ router, words }, number) {
    const { output, command, trouble } = this.#parts;
    const answer = await fetchShown([router, ...words]);
    if (number !== this.#asked || this.#selection === null) return;
    const text = this.#isJson && answer.json !== undefined ? JSON.stringify(answer.json, null, 2) : answer.text;
    if (text !== undefined) setText(output, text === "" ? "(nothing)" : text);
    else if (output.textContent === "…") setText(output, "");
    setText(trouble, answer.error ?? "");
    if (answer.command !== undefined) setText(command, `${answer.command}${this.#isJson ? " --json" : ""}`);
    this.#timer = setTimeout(() => this.#ask(), AGAIN);
  }

  async #copy() {
    const { command, copy } = this.#parts;
    try {
      await navigator.clipboard.writeText(command.textContent ?? "");
      setText(copy, "copied");
    } catch {
      // Only pages from this machine or by TLS may: it is marked, to be copied by hand.
      getSelection()?.selectAllChildren(command);
      setText(copy, "marked");
    }
    setTimeout(() => setText(copy, "copy"), 1500);
  }
}

/**
 * @typedef {{ text?: string, json?: unknown, command?: string, error?: string }} Shown
 * @param {readonly string[]} words router first
 * @returns {Promise<Shown>}
 */
async function fetchShown(words) {
  try {
    const response = await fetch(`/api/show/${words.map(encodeURIComponent).join("/")}`);
    return /** @type {Shown} */ (await response.json());
  } catch (error) {
    return { error: `ain web does not answer: ${error instanceof Error ? error.message : error}` };
  }
}

/** @param {Element} list @param {Subject["facts"]} facts */
function drawFacts(list, facts) {
  const told = facts.filter(([, value]) => value !== "");
  const wanted = JSON.stringify(told);
  if (list.getAttribute("data-of") === wanted) return;
  set(list, { "data-of": wanted });
  list.replaceChildren(...told.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
}

function partsOf() {
  const title = html("h2");
  const kind = html("p", { class: "kind" });
  const close = html("button", { type: "button", class: "close", "aria-label": "Close details" }, "×");
  const facts = html("dl");
  const relations = html("ul", { class: "relations", "aria-label": "Belongs together with" });
  const note = html("p", { class: "note" });
  const tabs = html("div", { role: "tablist", "aria-label": "What the router shows" });
  const more = html("select", { "aria-label": "More of what the router shows" });
  const json = html("input", { type: "checkbox" });
  const output = html("pre", { id: "shown", role: "tabpanel", tabindex: 0, "aria-label": "What the router shows" });
  const command = html("code");
  const copy = html("button", { type: "button" }, "copy");
  const trouble = html("p", { class: "trouble", role: "alert" });
  const shown = html(
    "div",
    { class: "shown" },
    html("div", { class: "tabs" }, tabs, more, html("label", {}, json, " JSON")),
    trouble,
    output,
    html("p", { class: "command" }, html("span", {}, "the same on the command line"), command, copy),
  );
  const head = html("header", {}, html("div", {}, title, kind), close);
  const all = [head, facts, relations, note, shown];
  return { title, kind, close, facts, relations, note, tabs, more, json, output, command, copy, trouble, shown, all };
}
