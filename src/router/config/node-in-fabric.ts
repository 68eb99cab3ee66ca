/** Checks of a node against its fabric: its place in the address plan, and its VMs' networks and homes. */
import type { z } from "zod";
import { contains, sameAddress } from "#base/address";
import { u32 } from "#base/bytes";
import { allocateNear, homeOf } from "#policy/homes";
import type { Address, Fabric, Network, Prefix } from "#router/config/model";
import { type Entry, isGlobalAddress, type NodeLists } from "#router/config/node-lists";
import type { nodeOutline, vm } from "#router/config/node-schema";
import { checkIpv6Addresses } from "#router/config/vm-ipv6";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";
import { addressOf } from "#runtime/document/scalars";

type Outline = z.output<typeof nodeOutline>;

/** Where a node stands in the address plan. */
export interface Place {
  readonly address: Address;
  /** Indexes of the home prefixes it owns. */
  readonly homes: readonly number[];
}

/** The node's place, or undefined when its file does not say it rightly. */
export function placeOf(inspector: Inspector, outline: Outline, fabric: Fabric): Place | undefined {
  if (outline.role !== "hypervisor") return placeOfSwitch(inspector, outline, fabric);
  const prefixes = outline.prefixes ?? (outline.prefix && [outline.prefix]);
  if (prefixes === undefined) return undefined; // checkRole has told.
  const homes = ownHomes(inspector, outline, prefixes, fabric);
  const own = fabric.homes[homes[0] ?? -1]?.prefix;
  if (own === undefined) return undefined;
  // Tenant 0 is the infrastructure's: the hypervisor itself is interface identifier 1 (§2.1).
  const bytes = own.address.slice();
  bytes[15] = 1;
  return { address: addressOf(bytes), homes };
}

/** A role has keys that it needs and keys that mean nothing to it. Needs no fabric. */
export function checkRole(inspector: Inspector, outline: Outline): void {
  const refuse = (key: "prefix" | "prefixes" | "address" | "vms" | "outside", expected: string): void => {
    const given = key === "vms" ? outline.vms.length > 0 : outline[key] !== undefined;
    if (given) inspector.report([key], { found: `${key} in a ${outline.role}'s file`, expected, aim: "key" });
  };
  if (outline.role !== "gateway") refuse("outside", "none: only a gateway meets the outside");
  else if (outline.outside === undefined) {
    const expected = "outside: { interface, address, nextHop }, the gateway's link to the outside";
    inspector.report(["outside"], { found: "nothing", expected });
  }
  if (outline.role !== "hypervisor") {
    for (const key of ["prefix", "prefixes"] as const) refuse(key, "an address instead: only hypervisors own prefixes");
    refuse("vms", `no VMs: a ${outline.role} only forwards`);
    if (outline.address === undefined) {
      inspector.report(["address"], { found: "nothing", expected: `the ${outline.role}'s own IPv6 address` });
    }
    return;
  }
  refuse("address", "none: a hypervisor's address is interface identifier 1 in its first prefix");
  if ((outline.prefix === undefined) === (outline.prefixes === undefined)) {
    const found = outline.prefix === undefined ? "neither prefix nor prefixes" : "both prefix and prefixes";
    inspector.report([], { found, expected: "the hypervisor's home prefix, in one of the two" });
  }
}

function placeOfSwitch(inspector: Inspector, { address }: Outline, fabric: Fabric): Place | undefined {
  if (address === undefined) return undefined;
  const home = fabric.homes.find(({ prefix }) => contains(prefix, address.bytes));
  if (!isGlobalAddress(address.bytes) || !fabric.prefixes.some((p) => contains(p, address.bytes))) {
    const expected = `a host's address inside the fabric's prefixes (${fabric.prefixes.map((p) => p.text).join(", ")})`;
    inspector.report(["address"], { found: address.text, expected });
  } else if (home !== undefined) {
    const found = `${address.text}, inside the home prefix ${home.prefix.text}`;
    inspector.report(["address"], { found, expected: "an address outside all home prefixes" });
  } else if (fabric.outside !== undefined && contains(fabric.outside.prefix, address.bytes)) {
    const found = `${address.text}, inside the outside's prefix ${fabric.outside.prefix.text}`;
    inspector.report(["address"], { found, expected: "an address that is no outside host's" });
  }
  return { address, homes: [] };
}

function ownHomes(inspector: Inspector, outline: Outline, prefixes: readonly Prefix[], fabric: Fabric): number[] {
  return prefixes.flatMap((prefix, i) => {
    const path: Path = outline.prefixes === undefined ? ["prefix"] : ["prefixes", i];
    const index = fabric.homes.findIndex((home) => home.prefix.text === prefix.text);
    if (index === -1) {
      const meant = closest(
        prefix.text,
        fabric.homes.map((home) => home.prefix.text),
      );
      const hint = meant === undefined ? {} : { hint: `Did you mean ${meant}?` };
      inspector.report(path, { found: prefix.text, expected: `one of the homes of ${fabric.file}`, ...hint });
      return [];
    }
    if (prefixes.slice(0, i).some((earlier) => earlier.text === prefix.text)) {
      inspector.report(path, { found: `${prefix.text} a second time`, expected: "each prefix once" });
      return [];
    }
    const owner = fabric.homes[index]?.hypervisor ?? outline.name;
    if (owner !== outline.name) {
      const found = `${prefix.text}, which ${fabric.file} gives to ${owner}`;
      inspector.warn(path, { found, expected: `a home of ${outline.name}` });
    }
    return [index];
  });
}

/** A VM that fits the fabric: its network, and its IPv4 address's home by index; undefined without one. */
export interface Housed {
  readonly network: Network;
  readonly home: number | undefined;
}

/**
 * The VMs' networks and homes by index in the file; a VM that does not fit has none.
 * @param place undefined when the node's own homes are not known: the VMs' cannot be checked then.
 */
export function houseVms(
  inspector: Inspector,
  vms: NodeLists["vms"],
  fabric: Fabric,
  place: Place | undefined,
): Map<number, Housed> {
  const housed = new Map<number, Housed>();
  for (const entry of vms) {
    const network = networkOf(inspector, entry, fabric);
    if (network === undefined) continue;
    checkIpv6Addresses(inspector, entry, { fabric, place, network, vms });
    const { address } = entry.value;
    if (address === undefined) housed.set(entry.index, { network, home: undefined });
    if (address === undefined || !fitsNetwork(inspector, entry, network, address)) continue;
    const home = homeOf(fabric, network.tags, address.bytes);
    if (place === undefined || place.homes.includes(home)) housed.set(entry.index, { network, home });
    else reportOtherHome(inspector, { index: entry.index, address }, { fabric, place, network, home, vms });
  }
  return housed;
}

function networkOf(inspector: Inspector, { index, value }: Entry<typeof vm>, fabric: Fabric): Network | undefined {
  const network = fabric.networks.find(({ name }) => name === value.network);
  if (network !== undefined) return network;
  const names = fabric.networks.map(({ name }) => name);
  const meant = closest(value.network, names);
  inspector.report(["vms", index, "network"], {
    found: `the unknown network "${value.network}"`,
    expected: `one of ${fabric.file}'s networks (${names.join(", ") || "there are none"})`,
    ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
  });
  return undefined;
}

function fitsNetwork(
  inspector: Inspector,
  { index }: Entry<typeof vm>,
  network: Network,
  { bytes, text }: Address,
): boolean {
  const path = ["vms", index, "address"];
  const prefixes = [...network.prefixes, ...network.publicPrefixes];
  if (!prefixes.some((prefix) => contains(prefix, bytes))) {
    const ranges = prefixes.map((p) => p.text).join(", ") || "it has none of IPv4";
    inspector.report(path, { found: text, expected: `an address of ${network.name} (${ranges})` });
    return false;
  }
  if (sameAddress(network.gateway.bytes, bytes)) {
    const found = `${text}, the gateway of ${network.name}`;
    inspector.report(path, { found, expected: "an address of the VM's own" });
    return false;
  }
  return true;
}

interface Misplaced {
  readonly fabric: Fabric;
  readonly place: Place;
  readonly network: Network;
  readonly home: number;
  readonly vms: NodeLists["vms"];
}

const SUGGESTIONS = 3;

/** Until VMs can move, a VM runs where its address hashes to. */
function reportOtherHome(
  inspector: Inspector,
  { index, address }: { readonly index: number; readonly address: Address },
  misplaced: Misplaced,
): void {
  const { fabric, place, network, home, vms } = misplaced;
  const { prefix, hypervisor } = fabric.homes[home]!;
  const owner = hypervisor === undefined ? "" : ` (${hypervisor})`;
  const taken = new Set(
    vms.flatMap(({ value }) =>
      value.network === network.name && value.address !== undefined ? [u32(value.address.bytes, 0)] : [],
    ),
  );
  taken.add(u32(network.gateway.bytes, 0));
  const free = allocateNear(fabric, network, {
    homes: new Set(place.homes),
    count: SUGGESTIONS,
    isTaken: (ipv4) => taken.has(ipv4),
  });
  const own = place.homes.map((i) => fabric.homes[i]!.prefix.text).join(" or ");
  inspector.report(["vms", index, "address"], {
    found: `${address.text}, whose home is ${prefix.text}${owner}`,
    expected: `an address of ${network.name} whose home is ${own}`,
    ...(free.length > 0 && { hint: `Free and at home here: ${free.map((a) => addressOf(a).text).join(", ")}` }),
  });
}
