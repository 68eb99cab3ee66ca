import { describe, expect, test } from "bun:test";
import { contains, formatPrefix, type Prefix, parseIpv4, parsePrefix4 } from "#base/address";
import { put32 } from "#base/bytes";
import { nextBetween, seeded } from "#base/random";
import { OUTSIDE_TAGS } from "#policy/homes";
import { type RoutedNetwork, type RouteTarget, routeRows, tagsOf } from "#policy/route-table";

const prefix = (text: string): Prefix => parsePrefix4(text)!;

function network(name: string, tags: number, own: string[], more: Partial<Record<"public" | "routes", string[]>> = {}) {
  return {
    ...{ name, tags, prefixes: own.map(prefix), publicPrefixes: (more.public ?? []).map(prefix) },
    routes: (more.routes ?? []).map((text) => {
      const [to, via] = text.split(" ") as [string, string];
      return { to: prefix(to), via: target(via) };
    }),
  } satisfies RoutedNetwork;
}

function target(via: string): RouteTarget {
  if (via === "public" || via === "gateway" || via === "blackhole") return { kind: via };
  return { kind: "peer", network: via };
}

const reaches = (of: RoutedNetwork, networks: readonly RoutedNetwork[], address: string): number | undefined =>
  tagsOf(routeRows(of, networks), parseIpv4(address)!);

describe("a network's route table", () => {
  test("has its own prefixes and all public ones without being written (§2.4)", () => {
    const a = network("a", 1, ["10.0.0.0/24"]);
    const b = network("b", 2, ["10.0.0.0/24"], { public: ["203.0.113.0/24"] });
    const all = [a, b];
    expect(reaches(a, all, "10.0.0.7")).toBe(1);
    expect(reaches(b, all, "10.0.0.7")).toBe(2);
    expect(reaches(a, all, "203.0.113.9")).toBe(2);
    expect(reaches(a, all, "203.0.114.9")).toBeUndefined();
  });

  test("leads to a peer's prefixes, of which only those that the route covers, and not to what the peer lacks", () => {
    const a = network("a", 1, ["10.0.0.0/24"], { routes: ["10.1.0.0/16 b", "10.2.0.0/25 b"] });
    const b = network("b", 2, ["10.1.0.0/24", "10.2.0.0/24"]);
    const all = [a, b];
    expect(["10.1.0.1", "10.1.1.1", "10.2.0.1", "10.2.0.200"].map((to) => reaches(a, all, to))).toEqual([
      2,
      undefined,
      2,
      undefined,
    ]);
  });

  test("is decided by the longest prefix, whatever a shorter route reaches inside of it", () => {
    const routes = ["10.0.0.0/8 b", "10.1.0.0/16 blackhole", "10.1.0.64/26 c"];
    const a = network("a", 1, ["10.0.0.0/24"], { routes });
    const all = [a, network("b", 2, ["10.0.0.0/23", "10.1.0.0/24"]), network("c", 3, ["10.1.0.0/24"])];
    const to = ["10.0.0.1", "10.0.1.1", "10.1.0.1", "10.1.0.65", "10.1.0.128"];
    expect(to.map((address) => reaches(a, all, address))).toEqual([1, 2, undefined, 3, undefined]);
  });

  test("leads outside through a gateway, but to public addresses and by longer routes to whose they are", () => {
    const routes = ["0.0.0.0/0 gateway", "10.1.0.0/16 b", "192.0.2.0/24 blackhole"];
    const a = network("a", 7, ["10.0.0.0/24"], { routes });
    const b = network("b", 8, ["10.1.0.0/24"], { public: ["203.0.113.0/24"], routes: ["10.0.0.0/24 a"] });
    const to = ["10.0.0.1", "10.1.0.1", "10.1.1.1", "203.0.113.1", "192.0.2.1", "9.9.9.9"];
    expect(to.map((address) => reaches(a, [a, b], address))).toEqual([7, 8, undefined, 8, undefined, OUTSIDE_TAGS]);
    expect(reaches(b, [a, b], "9.9.9.9")).toBeUndefined();
    const marked = routeRows(a, [a, b]).filter(({ viaGateway }) => viaGateway);
    expect(marked.map(({ prefix: each }) => formatPrefix(each))).toEqual(["203.0.113.0/24"]);
  });

  test("goes outside for a part only, where only that is routed so", () => {
    const a = network("a", 7, ["10.0.0.0/24"], { routes: ["9.0.0.0/8 gateway"] });
    const b = network("b", 8, [], { public: ["9.9.0.0/16", "8.8.0.0/16"] });
    const to = ["9.9.9.9", "9.1.1.1", "8.8.8.8", "8.1.1.1"];
    expect(to.map((address) => reaches(a, [a, b], address))).toEqual([8, OUTSIDE_TAGS, 8, undefined]);
  });

  test("without a way to public addresses, or to some of them only", () => {
    const b = network("b", 2, [], { public: ["203.0.113.0/24", "198.51.100.0/24"] });
    const closed = network("a", 1, ["10.0.0.0/24"], { routes: ["0.0.0.0/0 blackhole"] });
    const some = network("a", 1, ["10.0.0.0/24"], {
      routes: ["0.0.0.0/0 blackhole", "203.0.113.128/25 public", "203.0.113.255/32 blackhole"],
    });
    expect(reaches(closed, [closed, b], "203.0.113.200")).toBeUndefined();
    expect(reaches(closed, [closed, b], "10.0.0.9")).toBe(1);
    const to = ["203.0.113.1", "203.0.113.200", "203.0.113.255", "198.51.100.1"];
    expect(to.map((address) => reaches(some, [some, b], address))).toEqual([undefined, 2, undefined, undefined]);
  });
});

test("random tables answer as the longest matching route does, asked one by one", () => {
  const seed = Number(process.env.SEED ?? 20261125);
  const random = seeded(seed);
  // Few bits, so that everything meets everything.
  const somePrefix = (least: number): Prefix => {
    const length = nextBetween(random, least, 32);
    const address = new Uint8Array(4);
    const bits = nextBetween(random, 0, 63);
    put32(address, 0, length === 0 ? 0 : ((bits << 26) & (-1 << (32 - length))) >>> 0);
    return { address, length };
  };
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: nextBetween(random, 0, most) }, make);
  const names = ["a", "b", "c"];
  const targets: RouteTarget[] = [{ kind: "public" }, { kind: "blackhole" }, ...names.map(target)];
  for (let round = 0; round < 300; round++) {
    const networks = names.map(
      (name, i): RoutedNetwork => ({
        ...{ name, tags: i + 1, prefixes: some(2, () => somePrefix(2)), publicPrefixes: [] },
        routes: some(5, () => ({ to: somePrefix(0), via: targets[nextBetween(random, 0, targets.length - 1)]! })),
      }),
    );
    for (const of of networks) {
      const rows = routeRows(of, networks);
      for (let bits = 0; bits < 64; bits++) {
        const address = new Uint8Array(4);
        put32(address, 0, (bits << 26) >>> 0);
        const what = `seed ${seed}, ${JSON.stringify(networks.map((n) => [n.prefixes.map(formatPrefix), n.routes.map((r) => [formatPrefix(r.to), r.via])]))}`;
        expect(tagsOf(rows, address), what).toBe(slowly(of, networks, address));
      }
    }
  }
});

/** The words of the module's comment: the longest route that covers the address, own prefixes before written routes. */
function slowly(of: RoutedNetwork, networks: readonly RoutedNetwork[], address: Uint8Array): number | undefined {
  let longest = -1;
  let tags: number | undefined;
  for (const { to, via } of of.routes) {
    if (!contains(to, address) || to.length < longest) continue;
    longest = to.length;
    const peer = via.kind === "peer" ? networks.find(({ name }) => name === via.network) : undefined;
    tags = peer?.prefixes.some((own) => contains(own, address)) ? peer.tags : undefined;
  }
  for (const own of of.prefixes) {
    if (contains(own, address) && own.length >= longest) return of.tags;
  }
  return tags;
}
