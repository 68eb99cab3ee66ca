/** What the server tells: the whole fabric, then what changes, by server-sent events. */

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricEvent} FabricEvent
 * @typedef {import("../patch.ts").Patch} Patch
 * @typedef {{ patch: Patch, events: FabricEvent[] }} Told
 * @typedef {"connecting" | "live" | "lost"} Connection
 */

/** @returns {Fabric} */
export const nothing = () => ({
  ...{ about: {}, nodes: {}, areas: {}, links: {}, vms: {}, tunnels: {}, homes: {}, moves: {} },
});

/**
 * The fabric after a patch; what the patch does not name is the same object as before.
 * @param {Fabric} fabric
 * @param {Patch} patch
 * @returns {Fabric}
 */
export function patched(fabric, { set, gone }) {
  /** @type {Record<string, Record<string, unknown>>} */
  const next = { ...fabric };
  for (const [kind, things] of Object.entries(set)) next[kind] = { ...next[kind], ...things };
  for (const [kind, ids] of Object.entries(gone)) {
    const lost = new Set(ids);
    next[kind] = Object.fromEntries(Object.entries(next[kind] ?? {}).filter(([id]) => !lost.has(id)));
  }
  return /** @type {Fabric} */ (/** @type {unknown} */ (next));
}

/** Milliseconds until it is tried again after the server refused. */
const RETRY = 3000;

/**
 * @param {(fabric: Fabric, events: FabricEvent[], isWhole: boolean) => void} tell
 * @param {(connection: Connection) => void} tellConnection
 */
export function follow(tell, tellConnection) {
  let fabric = nothing();
  const open = () => {
    const source = new EventSource("/api/events");
    source.addEventListener("whole", (event) => {
      const { patch, events } = /** @type {Told} */ (JSON.parse(event.data));
      fabric = patched(nothing(), patch);
      tellConnection("live");
      tell(fabric, events, true);
    });
    source.addEventListener("patch", (event) => {
      const { patch, events } = /** @type {Told} */ (JSON.parse(event.data));
      fabric = patched(fabric, patch);
      tell(fabric, events, false);
    });
    source.addEventListener("error", () => {
      tellConnection("lost");
      // The browser tries again by itself unless the server said no.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY);
    });
  };
  tellConnection("connecting");
  open();
}
