/**
 * Checks of VMs' IPv6 addresses. They are the data centre's (a home prefix, the network's tags, a host number, §2.1), at
 * home where their prefix is; or the tenant's own, inside what its network declares, at home where their hash says.
 */
import { contains } from "#base/address";
import { put32, u32 } from "#base/bytes";
import { isIpv6Host, MOST_HOST_NUMBER, tenantHomeOf } from "#policy/homes";
import { tagsText } from "#router/config/facts";
import type { Address, Fabric, Network, VmIpv6 } from "#router/config/model";
import { type Entry, ipv6Path } from "#router/config/node-lists";
import type { vm } from "#router/config/node-schema";
import type { Inspector } from "#runtime/document/inspector";
import { addressOf } from "#runtime/document/scalars";

export interface Surroundings {
  readonly fabric: Fabric;
  readonly network: Network;
  /** Finds an address of the network that is free and at home here; undefined: where this node's homes are not known. */
  readonly suggest: () => string | undefined;
}

/** Those that are right, with their homes; says what is wrong with the others. */
export function houseIpv6(inspector: Inspector, { index, value }: Entry<typeof vm>, around: Surroundings): VmIpv6[] {
  return (value.ipv6 ?? []).flatMap((address, i) => {
    const housed = houseOne(address, around);
    if ("home" in housed) return [housed];
    const free = around.suggest();
    const hint = free === undefined ? {} : { hint: `Free and at home here: ${free}` };
    inspector.report(ipv6Path(inspector, index, i), { ...housed, ...hint });
    return [];
  });
}

interface Fault {
  readonly found: string;
  readonly expected: string;
}

function houseOne({ bytes, text }: Address, { fabric, network }: Surroundings): VmIpv6 | Fault {
  const home = fabric.homes.findIndex(({ prefix }) => contains(prefix, bytes));
  if (home === -1) {
    if (!network.tenantPrefixes.some((prefix) => contains(prefix, bytes))) return strange(text, network);
    return { bytes, text, owned: "tenant", home: tenantHomeOf(fabric, network.tags, bytes) };
  }
  const tags = u32(bytes, 8);
  if (tags !== network.tags) {
    const found = `${text}, whose tags are ${tagsText(tags)}`;
    return { found, expected: `the tags of ${network.name}, ${tagsText(network.tags)}, in the third quarter` };
  }
  const host = u32(bytes, 12);
  if (isIpv6Host(host)) return { bytes, text, owned: "fabric", home };
  const found = `${text}, whose host number is ${host.toString(16)}`;
  return { found, expected: `a host number (the last 32 bits) of 1 … ${MOST_HOST_NUMBER.toString(16)}` };
}

function strange(text: string, { name, tags, tenantPrefixes }: Network): Fault {
  const own = tenantPrefixes.length === 0 ? "" : `, or one in ${tenantPrefixes.map((p) => p.text).join(" or ")}`;
  const expected = `an address of ${name}: a home prefix, its tags ${tagsText(tags)}, a host number${own}`;
  return { found: `${text}, in none of the fabric's homes`, expected };
}

/**
 * The lowest IPv6 addresses of the network at one home that are free, `count` of them.
 * @param isTaken asked about addresses' text.
 */
export function ipv6Near(
  { fabric, network }: Pick<Surroundings, "fabric" | "network">,
  home: number,
  { count, isTaken }: { readonly count: number; readonly isTaken: (text: string) => boolean },
): Address[] {
  const found: Address[] = [];
  const bytes = fabric.homes[home]!.prefix.address.slice();
  put32(bytes, 8, network.tags);
  for (let host = 1; host <= MOST_HOST_NUMBER && found.length < count; host++) {
    put32(bytes, 12, host);
    const address = addressOf(bytes.slice());
    if (!isTaken(address.text)) found.push(address);
  }
  return found;
}
