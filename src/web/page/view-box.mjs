/** What part of the map is seen: all of it, or as the reader has zoomed and dragged. */
import { set } from "./dom.mjs";

const LARGEST = 8;
const STEP = 1.35;
/** A press that moves by less is a click, pixels. */
const STILL = 4;

export class ViewBox {
  #zoom = 1;
  #x = 0;
  #y = 0;
  #scale = 1;
  #size = { width: 1, height: 1 };
  #frame = { width: 1, height: 1 };
  /** @type {SVGSVGElement} */
  #svg;
  /** @type {Map<number, { x: number, y: number }>} */
  #pressed = new Map();

  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    this.#svg = svg;
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => {
      this.#pressed.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    svg.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      svg.addEventListener(end, (event) => this.#pressed.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
  }

  /**
   * @param {{ width: number, height: number }} size of the map
   * @param {{ width: number, height: number }} frame pixels
   * @param {number} scale at which all of it is seen.
   */
  fit(size, frame, scale) {
    const isSame = size.width === this.#size.width && size.height === this.#size.height;
    this.#size = size;
    this.#frame = frame;
    this.#scale = scale;
    if (!isSame && this.#zoom === 1) this.#center();
    this.#apply();
  }

  /** @param {boolean} isLarger */
  step(isLarger) {
    this.#zoomTo(this.#zoom * (isLarger ? STEP : 1 / STEP), { x: this.#x, y: this.#y });
  }

  reset() {
    this.#zoom = 1;
    this.#center();
    this.#apply();
  }

  #center() {
    this.#x = this.#size.width / 2;
    this.#y = this.#size.height / 2;
  }

  /** Units of the map in a pixel. */
  get #unit() {
    return 1 / (this.#scale * this.#zoom);
  }

  /**
   * @param {number} zoom
   * @param {{ x: number, y: number }} about stays where it is.
   */
  #zoomTo(zoom, about) {
    const before = this.#unit;
    this.#zoom = Math.min(LARGEST, Math.max(1, zoom));
    const share = this.#unit / before;
    this.#x = about.x + (this.#x - about.x) * share;
    this.#y = about.y + (this.#y - about.y) * share;
    if (this.#zoom === 1) this.#center();
    this.#apply();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    // A page that scrolls goes on doing so; with Ctrl, as browsers zoom, the map does.
    const { scrollHeight, clientHeight } = document.documentElement;
    if (scrollHeight > clientHeight && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = this.#svg.getBoundingClientRect();
    const about = {
      x: this.#x + (event.clientX - frame.left - frame.width / 2) * this.#unit,
      y: this.#y + (event.clientY - frame.top - frame.height / 2) * this.#unit,
    };
    this.#zoomTo(this.#zoom * Math.exp(-event.deltaY / 300), about);
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const last = this.#pressed.get(event.pointerId);
    if (last === undefined || this.#zoom === 1) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const isDrag = this.#svg.hasPointerCapture(event.pointerId);
    if (!isDrag && Math.hypot(dx, dy) < STILL) return;
    if (!isDrag) this.#svg.setPointerCapture(event.pointerId);
    if (this.#pressed.size === 2) this.#pinch(event, last);
    this.#pressed.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#x -= dx * this.#unit;
    this.#y -= dy * this.#unit;
    this.#apply();
  }

  /**
   * @param {PointerEvent} event
   * @param {{ x: number, y: number }} last
   */
  #pinch(event, last) {
    const other = [...this.#pressed].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) return;
    const before = Math.hypot(last.x - other.x, last.y - other.y) || 1;
    const now = Math.hypot(event.clientX - other.x, event.clientY - other.y) || 1;
    this.#zoomTo((this.#zoom * now) / before, { x: this.#x, y: this.#y });
  }

  #apply() {
    const [width, height] = [this.#frame.width * this.#unit, this.#frame.height * this.#unit];
    const text = [this.#x - width / 2, this.#y - height / 2, width, height].map((value) => value.toFixed(1)).join(" ");
    set(this.#svg, { viewBox: text, class: this.#zoom > 1 ? "zoomed" : null });
  }
}
