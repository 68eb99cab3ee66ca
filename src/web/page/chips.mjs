/** What is drawn below a node: its VMs, or where they are many how many of each tenant. */

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricVm} FabricVm
 * @typedef {import("./layout.mjs").Box} Box
 * @typedef {import("./layout.mjs").Plan} Plan
 * @typedef {object} Chip
 * @property {FabricVm | null} vm null: several.
 * @property {string} tenant
 * @property {string} node
 * @property {string} label As much as is to be read on it.
 * @property {string} text All of it.
 * @property {Box} box
 * @typedef {Omit<Chip, "box">} Unplaced
 */

/** A node with more VMs, and a fabric with more, has them counted. */
const MOST_AT_A_NODE = 10;
const MOST_OF_ALL = 160;
/** A hypervisor keeps room for so many: one that comes does not move all others. */
const LEAST_ROOM = 2;

/**
 * @param {Fabric} fabric
 * @param {ReadonlySet<string>} hidden tenants
 * @returns {ReadonlyMap<string, ReadonlyMap<string, Unplaced>>} by node, then by key.
 */
export function chipsOf({ vms }, hidden) {
  const shown = Object.entries(vms).filter(([, { tenant }]) => !hidden.has(tenant));
  const isMany = shown.length > MOST_OF_ALL;
  const byNode = Map.groupBy(shown, ([, { at }]) => at);
  return new Map(
    [...byNode].map(([node, all]) => [node, isMany || all.length > MOST_AT_A_NODE ? counted(node, all) : each(all)]),
  );
}

const collator = new Intl.Collator("en", { numeric: true });

/** @param {[string, FabricVm][]} vms @returns {Map<string, Unplaced>} */
function each(vms) {
  const sorted = vms.toSorted(([, x], [, y]) => collator.compare(x.name, y.name));
  return new Map(
    sorted.map(([id, vm]) => [id, { vm, tenant: vm.tenant, node: vm.at, label: vm.name, text: vmText(vm) }]),
  );
}

/** @param {FabricVm} vm */
export function vmText({ name, network, addresses, at, home, state, isDisputed, also }) {
  const where =
    home === null || home === at ? (home === at ? `at home at ${at}` : `at ${at}`) : `at ${at}, home ${home}`;
  const dispute = isDisputed ? `, ${also.map(({ node }) => node).join(", ")} says so too` : "";
  return `VM ${name}, ${network}, ${addresses.join(", ")}: ${state}, ${where}${dispute}`;
}

/** @param {string} node @param {[string, FabricVm][]} vms @returns {Map<string, Unplaced>} */
function counted(node, vms) {
  const byTenant = [...Map.groupBy(vms, ([, { tenant }]) => tenant)].sort(([, x], [, y]) => y.length - x.length);
  const told = byTenant.slice(0, byTenant.length > 4 ? 3 : 4);
  const rest = byTenant.slice(told.length);
  const chip = (/** @type {string} */ tenant, /** @type {number} */ count, /** @type {string} */ label) => {
    const text = `${count} VMs of ${tenant} at ${node}`;
    return /** @type {const} */ ([`${node} ${tenant}`, { vm: null, tenant, node, label, text }]);
  };
  const more = rest.reduce((sum, [, all]) => sum + all.length, 0);
  return new Map([
    ...told.map(([tenant, all]) => chip(tenant, all.length, `${all.length} ${tenant}`)),
    ...(rest.length > 0 ? [chip(`${rest.length} more tenants`, more, `${more} more`)] : []),
  ]);
}

/**
 * How much room is kept below each node.
 * @param {Fabric} fabric
 * @param {ReturnType<typeof chipsOf>} chips
 * @returns {Map<string, number>}
 */
export const roomFor = ({ nodes }, chips) =>
  new Map(
    Object.entries(nodes).map(([id, { role }]) => [
      id,
      Math.max(chips.get(id)?.size ?? 0, role === "hypervisor" ? LEAST_ROOM : 0),
    ]),
  );

/**
 * @param {ReturnType<typeof chipsOf>} chips
 * @param {Plan} plan
 * @returns {Map<string, Chip>}
 */
export function placed(chips, { boxes, density }) {
  const { chipsAcross, chipHeight } = density;
  /** @type {Map<string, Chip>} */
  const out = new Map();
  if (chipsAcross === 0) return out;
  for (const [node, own] of chips) {
    const box = boxes.get(node);
    if (box === undefined) continue;
    const width = (box.width - 4 * (chipsAcross - 1)) / chipsAcross;
    [...own].forEach(([key, chip], i) => {
      const [column, row] = [i % chipsAcross, Math.floor(i / chipsAcross)];
      const [x, y] = [box.x + column * (width + 4), box.y + box.height + 4 + row * chipHeight];
      out.set(key, { ...chip, box: { x, y, width, height: chipHeight - 3 } });
    });
  }
  return out;
}
