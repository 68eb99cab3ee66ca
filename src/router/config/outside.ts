/** Reads a fabric's section `outside:`: the prefix of outside hosts, and addresses that stand for private ones. */
import type { z } from "zod";
import { contains, overlaps } from "#base/address";
import { u32 } from "#base/bytes";
import type { outside as schema } from "#router/config/fabric-schema";
import type { Floating, Home, Network, Outside, Prefix } from "#router/config/model";
import { isUnicast } from "#router/config/tenant-prefixes";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";
import { isHostAddress } from "#wire/ipv4";

export interface AroundOutside {
  readonly prefixes: readonly Prefix[];
  readonly homes: readonly Home[];
  readonly networks: readonly Network[];
}

type Written = z.output<typeof schema>;

export function inspectOutside(inspector: Inspector, written: Written, around: AroundOutside): Outside {
  checkPrefix(inspector, written.prefix, around);
  checkIpv6(inspector, written.ipv6);
  const first = new Map<string, number>();
  const floating = written.floating.flatMap((each, i): Floating[] => {
    const path: Path = ["outside", "floating", i];
    once(inspector, first, { key: each.address.text, what: each.address.text, path: [...path, "address"], i });
    const inside = `${each.network} ${each.to.text}`;
    once(inspector, first, { key: inside, what: inside, path: [...path, "to"], i });
    checkFloatingAddress(inspector, [...path, "address"], each, around.networks);
    const network = networkOf(inspector, [...path, "network"], each.network, around.networks);
    if (network === undefined) return [];
    if (!network.prefixes.some((prefix) => contains(prefix, each.to.bytes))) {
      const own = network.prefixes.map(({ text }) => text).join(", ") || "it has none";
      const expected = `a private address of ${network.name} (${own})`;
      inspector.report([...path, "to"], { found: each.to.text, expected });
    }
    return [{ address: each.address, network, to: each.to }];
  });
  return {
    prefix: written.prefix,
    ipv6: written.ipv6,
    floating: floating.sort((a, b) => u32(a.address.bytes, 0) - u32(b.address.bytes, 0)),
  };
}

function checkPrefix(inspector: Inspector, prefix: Prefix, { prefixes, homes }: AroundOutside): void {
  const path = ["outside", "prefix"];
  const home = homes.find((each) => overlaps(each.prefix, prefix));
  if (prefix.length !== 64) {
    inspector.report(path, { found: prefix.text, expected: "a /64: tags and IPv4 address come behind it" });
  } else if (!prefixes.some((range) => contains(range, prefix.address))) {
    const expected = `a /64 inside the fabric's prefixes (${prefixes.map(({ text }) => text).join(", ")})`;
    inspector.report(path, { found: prefix.text, expected });
  } else if (home !== undefined) {
    inspector.report(path, { found: `${prefix.text}, a home`, expected: "a /64 that is no home" });
  }
}

/** What of IPv6 is outside; of what is inside as well, the inside's routes are the longer ones. */
function checkIpv6(inspector: Inspector, prefixes: readonly Prefix[]): void {
  for (const [i, prefix] of prefixes.entries()) {
    const path = ["outside", "ipv6", i];
    const twin = prefixes.slice(0, i).find((earlier) => overlaps(earlier, prefix));
    if (!isUnicast(prefix)) {
      const expected = "a prefix inside 2000::/3 or fc00::/7; 2000::/3 is all of the Internet";
      inspector.report(path, { found: prefix.text, expected });
    } else if (twin !== undefined) {
      const found = `${prefix.text}, which overlaps ${twin.text}`;
      inspector.report(path, { found, expected: "prefixes that do not overlap" });
    }
  }
}

interface Claimed {
  readonly key: string;
  readonly what: string;
  readonly path: Path;
  readonly i: number;
}

function once(inspector: Inspector, first: Map<string, number>, { key, what, path, i }: Claimed): void {
  const twin = first.get(key);
  if (twin === undefined) {
    first.set(key, i);
    return;
  }
  const found = `${what}, as in ${inspector.lineOf(["outside", "floating", twin])}`;
  inspector.report(path, { found, expected: "each address once" });
}

function checkFloatingAddress(
  inspector: Inspector,
  path: Path,
  { address }: Written["floating"][number],
  networks: readonly Network[],
): void {
  const owner = networks.find(({ prefixes, publicPrefixes }) =>
    [...prefixes, ...publicPrefixes].some((prefix) => contains(prefix, address.bytes)),
  );
  if (!isHostAddress(address.bytes, 0)) inspector.report(path, { found: address.text, expected: "a host's address" });
  if (owner === undefined) return;
  const expected = "an address that is no network's: VMs have those themselves";
  inspector.report(path, { found: `${address.text}, an address of ${owner.name}`, expected });
}

function networkOf(inspector: Inspector, path: Path, name: string, networks: readonly Network[]): Network | undefined {
  const network = networks.find((each) => each.name === name);
  if (network !== undefined) return network;
  const names = networks.map((each) => each.name);
  const meant = closest(name, names);
  inspector.report(path, {
    found: `the unknown network "${name}"`,
    expected: `one of the fabric's networks (${names.join(", ") || "there are none"})`,
    ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
  });
  return undefined;
}
