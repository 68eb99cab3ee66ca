/** Reads a network's section `broadcast:`, and says which of its addresses are no host's. */
import type { z } from "zod";
import { contains, sameAddress } from "#base/address";
import type { broadcast as schema } from "#router/config/broadcast-schema";
import type { Address, Network, Prefix, Segment } from "#router/config/model";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";
import { addressOf } from "#runtime/document/scalars";

/** Bits of a prefix with room for two hosts beside its network and its broadcast address. */
const LONGEST = 30;
const SHORTEST = 8;
const DEFAULT_MULTICAST_FROM = 16;

/** What a segment has to fit. */
type Around = Pick<Network, "prefixes" | "publicPrefixes" | "gateway">;

/** `path`: of the section. What is wrong is reported. */
export function inspectBroadcast(
  inspector: Inspector,
  path: Path,
  written: z.output<typeof schema>,
  around: Around,
): Segment {
  const { multicastFrom, ...rest } = written;
  if (multicastFrom !== undefined && rest.replicate !== "auto") {
    const found = `${multicastFrom}, beside replicate: ${rest.replicate}`;
    inspector.report([...path, "multicastFrom"], { found, expected: "none, or replicate: auto" });
  }
  if (checkPrefix(inspector, [...path, "prefix"], rest.prefix, around))
    checkGateway(inspector, path, rest.prefix, around);
  return { ...rest, multicastFrom: multicastFrom ?? DEFAULT_MULTICAST_FROM };
}

function checkPrefix(inspector: Inspector, path: Path, prefix: Prefix, around: Around): boolean {
  const own = [...around.prefixes, ...around.publicPrefixes];
  if (prefix.length < SHORTEST || prefix.length > LONGEST) {
    const expected = `a prefix of /${SHORTEST} … /${LONGEST}: a network and a broadcast address, and VMs between them`;
    inspector.report(path, { found: prefix.text, expected });
    return false;
  }
  if (own.some((each) => each.length <= prefix.length && contains(each, prefix.address))) return true;
  const ranges = own.map(({ text }) => text).join(", ") || "it has none of IPv4";
  inspector.report(path, { found: prefix.text, expected: `one of the network's prefixes, or inside one (${ranges})` });
  return false;
}

/** With a real mask a VM finds nobody outside of the prefix without a gateway, which it must find inside. */
function checkGateway(inspector: Inspector, path: Path, prefix: Prefix, { gateway }: Around): void {
  const edge = edgeName(prefix, gateway.bytes);
  const at = [...path.slice(0, -1), "gateway"];
  const hint = `gateway: ${firstHost(prefix).text}`;
  if (!contains(prefix, gateway.bytes)) {
    const expected = `a gateway inside ${prefix.text}, which the VMs of the segment see as a neighbour`;
    inspector.report(at, { found: gateway.text, expected, hint });
  } else if (edge !== undefined) {
    inspector.report(at, {
      found: `${gateway.text}, the ${edge} of ${prefix.text}`,
      expected: "a host's address",
      hint,
    });
  }
}

/** The address after the network address. */
function firstHost({ address }: Prefix): Address {
  const first = address.slice();
  first[3]! |= 1; // /30 at the longest
  return addressOf(first);
}

/** The last address of an IPv4 prefix, which means all of its hosts (RFC 919 §7, RFC 922 §7). */
export const broadcastAddress = ({ address, length }: Pick<Prefix, "address" | "length">): Uint8Array =>
  Uint8Array.from(address, (octet, i) => octet | (0xff >> Math.min(8, Math.max(0, length - 8 * i))));

/** What the address is beside a host's, in a segment with this prefix; undefined: nothing. */
export function edgeName(prefix: Prefix, address: Uint8Array): "network address" | "broadcast address" | undefined {
  if (sameAddress(address, prefix.address)) return "network address";
  return sameAddress(address, broadcastAddress(prefix)) ? "broadcast address" : undefined;
}

/** Addresses of a network that are nobody's, because they mean its segment; none without one. */
export const edgesOf = ({ segment }: Pick<Network, "segment">): Uint8Array[] =>
  segment === undefined ? [] : [segment.prefix.address, broadcastAddress(segment.prefix)];

/** The network's segment, if that IPv4 address is on it. */
export const segmentOf = (
  { segment }: Pick<Network, "segment">,
  address: Uint8Array | undefined,
): Segment | undefined =>
  segment !== undefined && address !== undefined && contains(segment.prefix, address) ? segment : undefined;

/** In words; what is left to its default is left out. */
export const segmentText = ({ prefix, arp, replicate, multicastFrom, rate }: Segment): string =>
  [
    prefix.text,
    ...(arp === "answer" ? [] : [`arp ${arp}`]),
    ...(replicate === "auto" ? [] : [`replicate ${replicate}`]),
    ...(multicastFrom === DEFAULT_MULTICAST_FROM ? [] : [`multicast from ${multicastFrom}`]),
    `rate ${rate}`,
  ].join(" ");
