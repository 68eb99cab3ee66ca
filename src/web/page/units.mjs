/** Figures as people read them. */

const UNITS = ["", "k", "M", "G", "T"];

/**
 * `8.7 Mbit/s`; a dash where it is not known.
 * @param {number | null | undefined} bits a second.
 */
export const bitsText = (bits) => (bits === null || bits === undefined ? "–" : `${short(bits)}bit/s`);

/**
 * `8.7 M`, `350 `.
 * @param {number} value
 */
export function short(value) {
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = rest >= 100 || Number.isInteger(rest) ? rest.toFixed(0) : rest.toPrecision(2);
  return `${digits} ${UNITS[unit]}`;
}

/** @param {number | null | undefined} share of 1. */
export const percent = (share) =>
  share === null || share === undefined ? "–" : `${share > 0 && share < 0.01 ? "<1" : Math.round(100 * share)} %`;

/** @param {number | null | undefined} ms */
export function millis(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Time of day, as the reader's clock has it.
 * @param {number} at Unix milliseconds.
 */
export const clock = (at) => new Date(at).toLocaleTimeString("en-GB");

/** @param {number} seconds */
export function duration(seconds) {
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const named = parts.map((n, i) => (n > 0 ? `${n} ${"dhm"[i]}` : "")).filter((part) => part !== "");
  return named.length > 0 ? named.slice(0, 2).join(" ") : `${Math.floor(seconds)} s`;
}

/**
 * As much of a text as there is room for.
 * @param {string} text
 * @param {number} most characters.
 */
export const clipped = (text, most) => (text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`);
