/** Which colours things have, as class names; the colours themselves, for light and dark, are in style.css. */

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 */

/** Tenants whose names are colours get them: anything else would mislead. */
const NAMED = ["blue", "red", "green", "orange", "purple", "teal", "pink", "brown", "olive", "grey"];

/**
 * Class of each tenant's colour. Beyond ten tenants colours repeat; names are always there too.
 * @param {Fabric} fabric
 * @returns {ReadonlyMap<string, string>}
 */
export function tenantClasses({ vms }) {
  const tenants = [...new Set(Object.values(vms).map(({ tenant }) => tenant))].sort();
  const free = NAMED.map((_, i) => i).filter((i) => !tenants.includes(NAMED[i] ?? ""));
  const order = free.length > 0 ? free : NAMED.map((_, i) => i);
  let next = 0;
  return new Map(
    tenants.map((tenant) => {
      const named = NAMED.indexOf(tenant);
      return [tenant, `t${named >= 0 ? named : order[next++ % order.length]}`];
    }),
  );
}

/** Bits a second below which a link carries hardly more than hellos. */
const IDLE = 20_000;
/** Upper bounds of the shares of a link's speed. */
const STEPS = [0.05, 0.25, 0.5, 0.75, 0.9];

/**
 * What loads are told against: the links' speed, or else the busiest link.
 * @param {Fabric} fabric
 * @returns {{ most: number, isSpeed: boolean }}
 */
export function fullLoad({ about, links }) {
  const speed = about[""]?.linkSpeed ?? null;
  if (speed !== null) return { most: speed, isSpeed: true };
  const loads = Object.values(links).flatMap(({ ab, ba }) => [ab ?? 0, ba ?? 0]);
  return { most: Math.max(0, ...loads), isSpeed: false };
}

/**
 * `l0` (idle) … `l6`, or `unknown`.
 * @param {number | null} bits
 * @param {number} most
 */
export function loadClass(bits, most) {
  if (bits === null) return "unknown";
  if (bits < IDLE) return "l0";
  return `l${1 + STEPS.filter((step) => bits / most > step).length}`;
}

/** @param {string} klass */
export const loadWidth = (klass) => (klass === "unknown" ? 1.5 : 1.8 + 0.6 * Number(klass.slice(1)));
