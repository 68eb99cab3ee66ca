/** Checks of a gateway's section `outside:`: its link to the outside and its NAT addresses. */
import type { z } from "zod";
import {
  contains,
  formatIpv6,
  isLinkLocal6,
  masked,
  type Prefix as Octets,
  overlaps,
  sameAddress,
} from "#base/address";
import { put32, u32 } from "#base/bytes";
import type { Fabric, OutsideLink, Prefix } from "#router/config/model";
import { isGlobalAddress, type NodeLists } from "#router/config/node-lists";
import type { outsideLink } from "#router/config/node-schema";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";
import { isHostAddress } from "#wire/ipv4";

type Written = z.output<typeof outsideLink>;

/** NAT addresses that a gateway may have (fastpath/tables/nat-layout.ts). */
const MOST_POOL = 256;
const MOST_BLOCKS = 16;

export interface AroundLink {
  readonly fabric: Fabric;
  readonly uplinks: NodeLists["uplinks"];
}

export function checkOutsideLink(inspector: Inspector, link: Written, { fabric, uplinks }: AroundLink): void {
  if (fabric.outside === undefined) {
    const expected = `a fabric with outside: { prefix: … } in ${fabric.file}`;
    inspector.report(["outside"], { found: "a link to the outside of a fabric that has none", expected, aim: "key" });
  }
  const uplink = uplinks.find(({ value }) => value.interface === link.interface);
  if (uplink !== undefined) {
    const found = `${link.interface}, as in ${inspector.lineOf(["uplinks", uplink.index, "interface"])}`;
    inspector.report(["outside", "interface"], { found, expected: "an interface that nothing else uses" });
  }
  checkSubnet(inspector, link);
  if (link.ipv6 !== undefined) checkIpv6(inspector, link.ipv6, fabric);
  checkBlocks(inspector, link);
  checkPool(inspector, link, fabric);
  checkShares(inspector, link, fabric);
}

function checkSubnet(inspector: Inspector, { address, nextHop }: Written): void {
  const { bytes, prefixLength, text } = address;
  if (bytes.length !== 4 || !isHostAddress(bytes, 0) || prefixLength < 1 || prefixLength > 31) {
    const expected = "an IPv4 host's address with the length of its subnet's prefix, 1 … 31, as in 198.51.100.2/24";
    inspector.report(["outside", "address"], { found: `${text}/${prefixLength}`, expected });
    return;
  }
  const subnet = subnetOf(address);
  if (!contains(subnet, nextHop.bytes) || sameAddress(nextHop.bytes, bytes)) {
    const expected = `another address of the subnet of ${text}/${prefixLength}`;
    inspector.report(["outside", "nextHop"], { found: nextHop.text, expected });
  }
}

function checkIpv6(inspector: Inspector, { address, nextHop }: NonNullable<Written["ipv6"]>, fabric: Fabric): void {
  const { bytes, prefixLength, text } = address;
  const path = ["outside", "ipv6"];
  if ((fabric.outside?.ipv6.length ?? 0) === 0) {
    const expected = `a fabric with outside: { ipv6: … } in ${fabric.file}`;
    inspector.report(path, { found: "an IPv6 side of a fabric without an IPv6 outside", expected, aim: "key" });
  }
  if (bytes.length !== 16 || !isGlobalAddress(bytes) || prefixLength < 1) {
    const expected = "a global IPv6 address with the length of its subnet's prefix, as in 2001:db8:ffff::2/64";
    inspector.report([...path, "address"], { found: `${text}/${prefixLength}`, expected });
    return;
  }
  const networks = fabric.networks.flatMap(({ name, tenantPrefixes }) =>
    tenantPrefixes.map((prefix) => ({ prefix, whose: `${name}'s` })),
  );
  const inside = [...fabric.prefixes.map((prefix) => ({ prefix, whose: "the fabric's" })), ...networks];
  for (const [key, address] of Object.entries({ address: bytes, nextHop: nextHop.bytes })) {
    const around = inside.find(({ prefix }) => contains(prefix, address));
    if (around === undefined) continue;
    const found = `${formatIpv6(address)}, in ${around.whose} ${around.prefix.text}`;
    inspector.report([...path, key], { found, expected: "an address that is not inside" });
  }
  const isThere = isLinkLocal6(nextHop.bytes) || contains(subnetOf(address), nextHop.bytes);
  if (!isThere || sameAddress(nextHop.bytes, bytes)) {
    const expected = `a link-local address, or another one of the subnet of ${text}/${prefixLength}`;
    inspector.report([...path, "nextHop"], { found: nextHop.text, expected });
  }
}

/** The prefix that an outside link's hosts have in common. */
export const subnetOf = ({ bytes, prefixLength }: OutsideLink["address"]): Octets => ({
  address: masked(bytes, prefixLength),
  length: prefixLength,
});

function checkBlocks(inspector: Inspector, { portBlock, portsPerVm, shares }: Written): void {
  const check = (path: Path, ports: number): void => {
    const blocks = ports / portBlock;
    if (Number.isInteger(blocks) && blocks >= 1 && blocks <= MOST_BLOCKS) return;
    const expected = `1 … ${MOST_BLOCKS} blocks of ${portBlock} ports: a multiple, at most ${MOST_BLOCKS * portBlock}`;
    inspector.report(path, { found: `${ports}`, expected });
  };
  check(["outside", "portsPerVm"], portsPerVm);
  for (const [i, share] of shares.entries()) {
    if (share.portsPerVm !== undefined) check(["outside", "shares", i, "portsPerVm"], share.portsPerVm);
  }
}

/** Every tenant has one share at most, and every port is in one. */
function checkShares(inspector: Inspector, link: Written, { networks }: Fabric): void {
  const known = [...new Set(networks.map(({ name }) => name.split("/")[0]!))];
  const first = new Map<string, number>();
  for (const [i, share] of link.shares.entries()) {
    const path: Path = ["outside", "shares", i];
    for (const [j, tenant] of share.tenants.entries()) {
      const twin = first.get(tenant);
      if (!known.includes(tenant)) {
        const meant = closest(tenant, known);
        inspector.report([...path, "tenants", j], {
          found: `the unknown tenant "${tenant}"`,
          expected: `a tenant with networks (${known.join(", ") || "there are none"})`,
          ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
        });
      } else if (twin !== undefined) {
        const found = `${tenant}, as in ${inspector.lineOf(["outside", "shares", twin])}`;
        inspector.report([...path, "tenants", j], { found, expected: "a tenant that has no other share" });
      } else first.set(tenant, i);
    }
    checkShare(inspector, path, share, link);
    const other = link.shares.slice(0, i).findIndex((earlier) => meets(earlier, share));
    if (other === -1) continue;
    const found = `ports that the share in ${inspector.lineOf(["outside", "shares", other])} has too`;
    inspector.report(path, { found, expected: "addresses and ports that are in no other share" });
  }
}

function checkShare(
  inspector: Inspector,
  path: Path,
  { pool, ports }: Written["shares"][number],
  { pool: all, portBlock }: Written,
): void {
  for (const [i, prefix] of pool.entries()) {
    const isInside = all.some((each) => each.length <= prefix.length && contains(each, prefix.address));
    const expected = `addresses of the gateway's pool (${all.map(({ text }) => text).join(", ") || "it is empty"})`;
    if (!isInside) inspector.report([...path, "pool", i], { found: prefix.text, expected });
  }
  if (ports === undefined) return;
  const { first, last } = ports;
  const isWhole = first % portBlock === 0 && (last + 1) % portBlock === 0;
  if (first >= 1024 && last <= 65535 && first < last && isWhole) return;
  const expected = `whole blocks of ${portBlock} ports from 1024 on, as in "1024-32767"`;
  inspector.report([...path, "ports"], { found: `${first}-${last}`, expected });
}

/** True when some port of an address is in both. */
const meets = (a: Written["shares"][number], b: Written["shares"][number]): boolean =>
  a.pool.some((one) => b.pool.some((other) => overlaps(one, other))) &&
  (a.ports === undefined || b.ports === undefined || (a.ports.first <= b.ports.last && b.ports.first <= a.ports.last));

function checkPool(inspector: Inspector, { pool, address, nextHop }: Written, fabric: Fabric): void {
  const inside = fabric.networks.flatMap(({ name, prefixes, publicPrefixes }) =>
    [...prefixes, ...publicPrefixes].map((prefix) => ({ prefix, whose: `an address range of ${name}` })),
  );
  const hosts = [
    { bytes: address.bytes, whose: "the gateway's own address" },
    { bytes: nextHop.bytes, whose: "the next hop" },
    ...(fabric.outside?.floating ?? []).map(({ address: { bytes, text } }) => ({
      bytes,
      whose: `the floating ${text}`,
    })),
  ].map(({ bytes, whose }) => ({ prefix: { address: bytes, length: 32 }, whose }));
  let count = 0;
  for (const [i, prefix] of pool.entries()) {
    const path = ["outside", "pool", i];
    const earlier = pool.slice(0, i).map((each) => ({ prefix: each, whose: each.text }));
    const taken = [...earlier, ...inside, ...hosts].find((each) => overlaps(each.prefix, prefix));
    count += 2 ** (32 - prefix.length);
    if (!isHostAddress(prefix.address, 0)) {
      inspector.report(path, { found: prefix.text, expected: "hosts' addresses" });
    } else if (taken !== undefined) {
      const found = `${prefix.text}, which overlaps ${taken.whose}`;
      inspector.report(path, { found, expected: "NAT addresses that are nothing else's" });
    } else if (count > MOST_POOL) {
      inspector.report(path, { found: `${count} addresses`, expected: `at most ${MOST_POOL} NAT addresses` });
      return;
    }
  }
}

export function buildOutsideLink(written: Written): OutsideLink {
  const { mtu, ipv6, shares, ...rest } = written;
  const built = shares.map(({ tenants, pool, ports, portsPerVm = written.portsPerVm }) => ({
    ...{ tenants, pool, portsPerVm },
    ...(ports !== undefined && { ports }),
  }));
  return { ...rest, shares: built, ...(mtu !== undefined && { mtu }), ...(ipv6 !== undefined && { ipv6 }) };
}

/** All IPv4 addresses of a prefix, ascending. */
export const addressesOf = ({ address, length }: Octets | Prefix): Uint8Array[] =>
  Array.from({ length: 2 ** (32 - length) }, (_, i) => {
    const each = new Uint8Array(4);
    put32(each, 0, u32(address, 0) + i);
    return each;
  });
