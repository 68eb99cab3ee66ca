import { describe, expect, test } from "bun:test";
import { contains, type Prefix, parsePrefix6 } from "#base/address";
import { put32, u32 } from "#base/bytes";
import { nextBelow, nextBetween, seeded } from "#base/random";
import { routeRows, tagsOf } from "#policy/route-table";
import { decideNaively } from "#policy/rules";
import { checkFabric } from "#router/config/fabric";
import type { Fabric } from "#router/config/model";
import { broughtHostsOf, ipv6HostsOf, OUTSIDE_HOSTS, type Place, placesOf, Reach } from "#router/reachability";
import { fabricSides } from "#router/rules";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource } from "#runtime/document/source";

function fabric(tenants: string): Fabric {
  const source = parseSource(
    "fabric.yaml",
    `name: demo\nkey: 000102030405060708090a0b0c0d0e0f\nprefixes: [2001:db8:a1::/48]\nhomes: [2001:db8:a1:1::/64]\n${tenants}`,
  );
  if ("errors" in source) throw new Error("bad YAML in a test");
  const result = checkFabric(source.source);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.fabric;
}

const PLAN = fabric(`tenants:
  blue:
    id: 1
    networks:
      prod: {id: 1, prefixes: [10.0.0.0/24], public: [203.0.113.0/24], routes: [{to: 10.1.0.0/25, via: blue/dev}, {to: 203.0.113.128/25, via: blackhole}, {to: 198.51.100.0/24, via: blackhole}]}
      dev: {id: 2, prefixes: [10.1.0.0/24], routes: [{to: 10.0.0.0/16, via: blue/prod}]}
    rules:
      - {name: web, action: allow, from: blue/prod, to: blue/dev, protocol: tcp, ports: [80, "8000-8010"]}
      - {name: quiet, action: deny, from: {network: blue/prod, prefix: 10.0.0.128/25}, to: blue/dev, priority: 5}
  red:
    id: 2
    networks:
      web: {id: 1, prefixes: [10.0.0.0/24], public: [198.51.100.0/24]}
rules:
  - {name: no-ssh, action: deny, from: public, to: public, protocol: tcp, ports: 22}
`);
const place = (name: string): Place => placesOf(PLAN).find((each) => each.name === name)!;
const reach = new Reach(PLAN);

describe("who reaches whom", () => {
  test("is what the route table leads to and the rules let through", () => {
    expect(reach.between(place("blue/prod"), place("blue/dev"))).toMatchObject({
      ...{ verdict: "some", routed: "some" },
      passing: { out: { name: "blue/web" }, in: { name: "blue/web" }, isAnswered: true },
      traffic: [
        { protocols: { first: 6, last: 6 }, destinationPorts: { first: 80, last: 80 } },
        { protocols: { first: 6, last: 6 }, destinationPorts: { first: 8000, last: 8010 } },
      ],
    });
    expect(reach.between(place("red/web"), place("blue/prod"))).toMatchObject({ verdict: "no", routed: "none" });
    expect(reach.between(place("red/web"), place("red/web"))).toMatchObject({ verdict: "yes", routed: "all" });
    expect(reach.between(place("blue/prod"), place("red/web public"))).toMatchObject({ verdict: "no", routed: "none" });
    const ssh = { protocol: 6, destinationPorts: [{ first: 22, last: 22 }] };
    expect(reach.between(place("red/web public"), place("blue/prod public"), ssh)).toMatchObject({
      ...{ verdict: "no", routed: "all" },
      blocked: { side: "out", rule: { name: "no-ssh" } },
    });
  });

  test("agrees with packets asked one by one", () => {
    const seed = Number(process.env.SEED ?? 20261126);
    const random = seeded(seed);
    const { out, in: into } = fabricSides(PLAN);
    const some = (prefixes: readonly Prefix[]): Uint8Array => {
      const { address, length } = prefixes[nextBelow(random, prefixes.length)]!;
      const ipv4 = new Uint8Array(4);
      put32(ipv4, 0, (u32(address, 0) + nextBelow(random, 2 ** (32 - length))) >>> 0);
      return ipv4;
    };
    const places = placesOf(PLAN);
    const answers = new Map(
      places.flatMap((a) => places.map((b) => [`${a.name} ${b.name}`, reach.between(a, b)] as const)),
    );
    for (let i = 0; i < 20_000; i++) {
      const [from, to] = [places[nextBelow(random, places.length)]!, places[nextBelow(random, places.length)]!];
      const [source, destination] = [some(from.prefixes), some(to.prefixes)];
      const protocol = [6, 17, 1, 47][nextBelow(random, 4)]!;
      const ports = { source: nextBetween(random, 0, 65535), destination: [22, 80, 8005, 443][nextBelow(random, 4)]! };
      const packet = {
        source: { tags: from.network.tags, host: u32(source, 0) },
        destination: { tags: to.network.tags, host: u32(destination, 0) },
        protocol,
        ...((protocol === 6 || protocol === 17) && { ports }),
        ...(protocol === 1 && { icmp: { type: 8, code: 0 } }),
      };
      const isRouted = tagsOf(routeRows(from.network, PLAN.networks), destination) === to.network.tags;
      const passes = isRouted && [out, into].every((side) => decideNaively(side, packet)?.action === "allow");
      const answer = answers.get(`${from.name} ${to.name}`)!;
      const what = `seed ${seed}: ${from.name} > ${to.name} ${JSON.stringify(packet)}`;
      if (passes) {
        expect(answer.verdict, what).not.toBe("no");
        const [first, second] = protocol === 1 ? [8 << 8, 0] : [ports.source, ports.destination];
        const covered = answer.traffic.some(
          ({ protocols, sourcePorts, destinationPorts }) =>
            within(protocols, protocol) &&
            (protocol === 47 || (within(sourcePorts, first) && (protocol === 1 || within(destinationPorts, second)))),
        );
        expect(covered, what).toBe(true);
      } else expect(answer.verdict, what).not.toBe("yes");
      if (!isRouted) expect(answer.routed, what).not.toBe("all");
    }
  });
});

const within = ({ first, last }: { first: number; last: number }, value: number): boolean =>
  first <= value && value <= last;

test("IPv6 hosts reach those of their own network and of its peers, as far as rules let them, and no IPv4 host", () => {
  const six = fabric(`tenants:
  blue:
    id: 1
    networks:
      a: {id: 1, prefixes: [10.0.0.0/24], routes: [{to: 10.1.0.0/24, via: blue/b}]}
      b: {id: 2, prefixes: [10.1.0.0/24], routes: [{to: 10.0.0.0/24, via: blue/a}]}
      only: {id: 3, prefixes: []}
    rules: [{name: web, action: allow, from: blue/a, to: blue/b, protocol: tcp, ports: 80}]
`);
  const asked = new Reach(six);
  const [a, b, only] = six.networks.map(ipv6HostsOf) as [Place, Place, Place];
  expect(asked.between(a, a)).toMatchObject({ verdict: "yes", routed: "all" });
  expect(asked.between(a, b)).toMatchObject({ verdict: "some", passing: { out: { name: "blue/web" } } });
  expect(asked.between(a, only)).toMatchObject({ verdict: "no", routed: "none" });
  expect(asked.between(a, placesOf(six)[0]!)).toMatchObject({ verdict: "no", routed: "none" });
  expect(placesOf(six).map(({ name }) => name)).toEqual(["blue/a", "blue/b", "blue/only ipv6"]);
});

test("the outside is reached by a route via gateway, and reaches public and floating addresses as rules allow", () => {
  const plan =
    fabric(`outside: {prefix: 2001:db8:a1:fe::/64, floating: [{address: 198.18.0.10, network: blue/prod, to: 10.0.0.5}]}
tenants:
  blue:
    id: 1
    networks:
      prod: {id: 1, prefixes: [10.0.0.0/24], routes: [{to: 0.0.0.0/0, via: gateway}, {to: 192.0.2.0/24, via: blackhole}]}
      dev: {id: 2, prefixes: [10.1.0.0/24]}
      web: {id: 3, public: [198.18.1.0/24], routes: [{to: 0.0.0.0/0, via: gateway}]}
    rules: [{name: web, action: allow, from: outside, to: blue, protocol: tcp, ports: 443}]
`);
  const asked = new Reach(plan);
  const [prod, dev, web] = placesOf(plan) as [Place, Place, Place];
  const [passing, out] = [{ in: { name: "blue/web" }, isAnswered: true }, { name: "default outside blue/prod" }];
  expect(asked.between(prod, OUTSIDE_HOSTS)).toMatchObject({ verdict: "some", routed: "some", passing: { out } });
  expect(asked.between(dev, OUTSIDE_HOSTS)).toMatchObject({ verdict: "no", routed: "none" });
  expect(asked.between(OUTSIDE_HOSTS, web)).toMatchObject({ verdict: "some", routed: "all", passing });
  expect(asked.between(OUTSIDE_HOSTS, prod)).toMatchObject({ verdict: "some", routed: "some", passing });
  expect(asked.between(OUTSIDE_HOSTS, dev)).toMatchObject({ verdict: "no", routed: "none" });
  const ipv6 = ipv6HostsOf(prod.network as (typeof plan.networks)[number]);
  expect(asked.between(ipv6, OUTSIDE_HOSTS)).toMatchObject({ verdict: "some", routed: "some", passing: { out } }); // NAT64
  expect(asked.between(OUTSIDE_HOSTS, ipv6)).toMatchObject({ verdict: "no", routed: "none" });
  expect(placesOf(plan).at(-1)).toBe(OUTSIDE_HOSTS);
});

test("its places are each network's private and its public addresses", () => {
  expect(placesOf(PLAN).map(({ name }) => name)).toEqual([
    ...["blue/prod", "blue/prod public", "blue/dev", "red/web", "red/web public"],
  ]);
  expect(place("blue/prod").prefixes.every(({ address }) => contains(place("blue/prod").prefixes[0]!, address))).toBe(
    true,
  );
});

test("public IPv6 addresses reach the outside and are reached from there, and by other networks, private ones are not", () => {
  const plan = fabric(`outside: {prefix: 2001:db8:a1:fe::/64, ipv6: ["2000::/3"]}
tenants:
  blue:
    id: 1
    networks:
      web: {id: 1, publicIpv6: true, tenantPrefixes: [{prefix: "2001:db8:70::/48", public: true}, "fd00:71::/48"], routes: [{to: "::/0", via: gateway}]}
    rules:
      - {name: dns, action: allow, from: outside, to: {network: blue/web, prefix: "2001:db8:70:1::/64"}, protocol: udp, ports: 53}
  red: {id: 2, networks: {prod: {id: 1, prefixes: []}, pub: {id: 2, publicIpv6: true}}}
`);
  const asked = new Reach(plan);
  const [web, prod, pub] = placesOf(plan) as [Place, Place, Place];
  expect([web.name, prod.name, pub.name]).toEqual(["blue/web ipv6", "red/prod ipv6", "red/pub ipv6"]);
  const brought = (text: string): Place => broughtHostsOf(plan.networks[0]!, text, parsePrefix6(text)!)!;
  expect(asked.between(web, OUTSIDE_HOSTS)).toMatchObject({ verdict: "yes", routed: "all" }); // of what is public
  expect(asked.between(brought("fd00:71::/48"), OUTSIDE_HOSTS)).toMatchObject({ verdict: "no", routed: "none" });
  for (const place of [prod, pub]) expect(asked.between(place, OUTSIDE_HOSTS)).toMatchObject({ routed: "none" });
  const passing = { in: { name: "blue/dns" }, isAnswered: true };
  expect(asked.between(OUTSIDE_HOSTS, brought("2001:db8:70:1::/64"))).toMatchObject({ verdict: "some", passing });
  expect(asked.between(OUTSIDE_HOSTS, web)).toMatchObject({ verdict: "some", routed: "some", passing });
  expect(asked.between(OUTSIDE_HOSTS, brought("fd00:71::/48"))).toMatchObject({ verdict: "no", routed: "none" });
  expect(asked.between(pub, web)).toMatchObject({ verdict: "some", routed: "some" });
  expect(asked.between(prod, pub)).toMatchObject({ verdict: "no", routed: "all" });
  expect(asked.between(pub, prod)).toMatchObject({ verdict: "no", routed: "none" });
});
