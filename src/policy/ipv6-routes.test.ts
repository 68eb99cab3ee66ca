/** Whose IPv6 addresses are whose, as one network knows them. */
import { expect, test } from "bun:test";
import { formatPrefix, parsePrefix6 } from "#base/address";
import { addressClasses } from "#policy/address-classes";
import { OUTSIDE_TAGS } from "#policy/homes";
import { type Ipv6Network, ipv6Reach } from "#policy/ipv6-routes";
import type { RouteTarget } from "#policy/route-table";

const prefix = (text: string) => parsePrefix6(text)!;
let nextTags = 0x401;
function network(name: string, own: string, more: Partial<Ipv6Network> & { readonly pub?: string } = {}): Ipv6Network {
  const { pub, ...rest } = more;
  const brought = [{ ...prefix(own), isPublic: false }, ...(pub ? [{ ...prefix(pub), isPublic: true }] : [])];
  return { name, tags: nextTags++, classes: addressClasses(brought, []), publicIpv6: false, routes: [], ...rest };
}
const route = (to: string, via: RouteTarget) => ({ to: prefix(to), via });
const rows = (of: Ipv6Network, all: readonly Ipv6Network[]) =>
  ipv6Reach(of, all).rows.map((row) => [formatPrefix(row.prefix), row.tags, row.isPublic, row.isStranger]);

test("a network knows its own, its peers', others' public ones, and the outside by its routes", () => {
  const peering = { kind: "peer", network: "b" } as const;
  const a = network("a", "fd00:a::/48", {
    routes: [route("::/0", { kind: "gateway" }), { to: { address: new Uint8Array(4), length: 0 }, via: peering }],
  });
  const b = network("b", "fd00:b::/48", { pub: "2001:db8:b::/48", publicIpv6: true });
  const c = network("c", "fd00:c::/48", { pub: "2001:db8:c::/48", publicIpv6: true });
  const all = [a, b, c];
  const sorted = (found: readonly unknown[][]): unknown[][] =>
    found.toSorted((x, y) => (String(x[0]) < String(y[0]) ? -1 : 1));
  expect(sorted(rows(a, all))).toEqual([
    ["2001:db8:b::/48", b.tags, true, false],
    ["2001:db8:c::/48", c.tags, true, true],
    ["::/0", OUTSIDE_TAGS, false, false],
    ["fd00:a::/48", a.tags, false, false],
    ["fd00:b::/48", b.tags, false, false],
  ]);
  expect(ipv6Reach(a, all)).toMatchObject({ peers: [b.tags], publicPeers: [c.tags] });
  expect(ipv6Reach(b, all)).toMatchObject({ peers: [], publicPeers: [c.tags] });
});

test("a route to nothing takes public addresses away that no longer route to gateways covers", () => {
  const b = network("b", "fd00:b::/48", { pub: "2001:db8:b::/48" });
  const to = (...routes: Ipv6Network["routes"]) => {
    const a = network("a", "fd00:a::/48", { routes });
    return rows(a, [a, b]).some(([text]) => text === "2001:db8:b::/48");
  };
  const nothing = route("2001:db8::/32", { kind: "blackhole" });
  expect([to(), to(nothing), to(nothing, route("2001:db8:b::/48", { kind: "gateway" }))]).toEqual([true, false, true]);
});
