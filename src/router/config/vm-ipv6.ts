/**
 * Checks of VMs' IPv6 addresses. They are the data centre's: a home prefix, the network's tags, a host number (§2.1). An
 * address is at home where its prefix is, so until VMs can move it is one of this node's.
 */
import { contains } from "#base/address";
import { put32, u32 } from "#base/bytes";
import { isIpv6Host, MOST_HOST_NUMBER } from "#policy/homes";
import { tagsText } from "#router/config/facts";
import type { Address, Fabric, Home, Network } from "#router/config/model";
import type { Place } from "#router/config/node-in-fabric";
import { type Entry, ipv6Path, type NodeLists } from "#router/config/node-lists";
import type { vm } from "#router/config/node-schema";
import type { Inspector } from "#runtime/document/inspector";
import { addressOf } from "#runtime/document/scalars";

export interface Surroundings {
  readonly fabric: Fabric;
  /** Undefined when the node's own homes are not known: addresses' homes cannot be checked then. */
  readonly place: Place | undefined;
  readonly network: Network;
  /** All of the node. */
  readonly vms: NodeLists["vms"];
}

export function checkIpv6Addresses(
  inspector: Inspector,
  { index, value }: Entry<typeof vm>,
  around: Surroundings,
): void {
  for (const [i, address] of (value.ipv6 ?? []).entries()) {
    const fault = faultOf(address, around);
    if (fault === undefined) continue;
    const free = suggestion(around);
    const hint = free === undefined ? {} : { hint: `Free and at home here: ${free}` };
    inspector.report(ipv6Path(inspector, index, i), { ...fault, ...hint });
  }
}

interface Fault {
  readonly found: string;
  readonly expected: string;
}

function faultOf({ bytes, text }: Address, { fabric, place, network }: Surroundings): Fault | undefined {
  const own = place?.homes.map((home) => fabric.homes[home]!) ?? fabric.homes;
  if (!own.some(({ prefix }) => contains(prefix, bytes))) {
    const found = `${text}, ${placeOf(fabric.homes, bytes)}`;
    return { found, expected: `an address in ${own.map(({ prefix }) => prefix.text).join(" or ")}` };
  }
  const tags = u32(bytes, 8);
  if (tags !== network.tags) {
    const found = `${text}, whose tags are ${tagsText(tags)}`;
    return { found, expected: `the tags of ${network.name}, ${tagsText(network.tags)}, in the third quarter` };
  }
  const host = u32(bytes, 12);
  if (isIpv6Host(host)) return undefined;
  const found = `${text}, whose host number is ${host.toString(16)}`;
  return { found, expected: `a host number (the last 32 bits) of 1 … ${MOST_HOST_NUMBER.toString(16)}` };
}

function placeOf(homes: readonly Home[], bytes: Uint8Array): string {
  const home = homes.find(({ prefix }) => contains(prefix, bytes));
  if (home === undefined) return "in none of the fabric's homes";
  return `whose home is ${home.prefix.text}${home.hypervisor === undefined ? "" : ` (${home.hypervisor})`}`;
}

/** The lowest address of the network at home here that no VM has; undefined: where the node's homes are not known. */
function suggestion({ fabric, place, network, vms }: Surroundings): string | undefined {
  const home = fabric.homes[place?.homes[0] ?? -1];
  if (home === undefined) return undefined;
  const taken = new Set(vms.flatMap(({ value }) => (value.ipv6 ?? []).map(({ text }) => text)));
  const bytes = home.prefix.address.slice();
  put32(bytes, 8, network.tags);
  for (let host = 1; ; host++) {
    put32(bytes, 12, host);
    const { text } = addressOf(bytes.slice());
    if (!taken.has(text)) return text;
  }
}
