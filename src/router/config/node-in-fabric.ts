/** Checks of a node against its fabric: its place in the address plan. Its VMs' is in vm-homes.ts. */
import type { z } from "zod";
import { contains } from "#base/address";
import { u32 } from "#base/bytes";
import { tagsText } from "#router/config/facts";
import type { Address, Fabric, Prefix } from "#router/config/model";
import { isGlobalAddress } from "#router/config/node-lists";
import type { nodeOutline } from "#router/config/node-schema";
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
  } else if (u32(address.bytes, 8) !== 0) {
    // What comes from other tags is a tenant's to whoever gets it: errors, tunnels and bindings would be refused.
    const found = `${address.text}, whose tags (the third quarter) are ${tagsText(u32(address.bytes, 8))}`;
    inspector.report(["address"], { found, expected: "an address with tags 0, the infrastructure's" });
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
