import { afterEach, describe, expect, test } from "bun:test";
import { linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import { arePublicTags, isInside6, publicTenantRow } from "#fastpath/tables/gateway-tables";
import { GROUP_LOCAL } from "#fastpath/tables/layout";
import { rawWords } from "#fastpath/tables/raw-words";
import { checkFabric } from "#router/config/fabric";
import type { Configuration } from "#router/config/model";
import { checkNode } from "#router/config/node";
import { OutsideSide } from "#router/outside-side";
import type { PortState } from "#router/ports";
import { Rib } from "#router/rib";
import { Routing } from "#router/routing";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";
import { advertise, advertiseToAll, solicit } from "#services/neighbors/messages";
import * as arp from "#wire/arp";
import { SIZE as ETHERNET, ETHERTYPE_ARP, frame } from "#wire/ethernet";

const OWN = parseMac("02:00:00:00:00:01")!;
const HOP = parseMac("02:00:00:00:00:02")!;
const PREFIX = "2001:db8:a1:fe::/64";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
outside: {prefix: ${PREFIX}, floating: [{address: 198.51.100.77, network: blue/prod, to: 10.0.0.5}]}
tenants: {blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]}}}}
`;
const NODE = `name: gw1
fabric: fabric.yaml
role: gateway
address: 2001:db8:a1:ff::9
uplinks: [{interface: eth1}]
outside: {interface: out, address: 198.51.100.2/24, nextHop: 198.51.100.1, pool: [203.0.113.0/30]}
`;

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}
function configuration(more: string, [node, fabric] = [NODE, FABRIC]): Configuration {
  const result = checkNode(source("node.yaml", node + more), checkFabric(source("fabric.yaml", fabric)));
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result;
}

const sides: OutsideSide[] = [];
afterEach(() => {
  for (const side of sides.splice(0)) side.stop();
});

function world(more = "ospf: true\n", files?: [node: string, fabric: string]) {
  const routing = new Routing(1, new Int32Array(new SharedArrayBuffer(4)));
  const sent: Uint8Array[] = [];
  const news: string[] = [];
  const errors: string[] = [];
  const io = {
    groups: routing.groups,
    changed: () => {},
    inject: (_: unknown, octets: Uint8Array) => sent.push(octets) > 0,
    lost: () => {},
  };
  const side = new OutsideSide(io, {
    ...{ rib: new Rib(routing), log: { error: (text) => errors.push(text) } },
    changed: (family, isUp) => news.push(`${family} ${isUp}`),
  });
  sides.push(side);
  const port = { index: 3, name: "out", kind: "outside", mac: OWN, mtu: 1500 } as PortState;
  const running = configuration(more, files);
  side.add(port);
  side.opened(port, running);
  const hear = (operation: number, sender: string, target: string): void => {
    const payload = new Uint8Array(arp.SIZE);
    const [senderProtocol, targetProtocol] = [sender, target].map((text) =>
      Uint8Array.from(text.split(".").map(Number)),
    );
    arp.write(payload, 0, {
      ...{ operation, senderHardware: HOP, senderProtocol: senderProtocol!, targetHardware: OWN },
      targetProtocol: targetProtocol!,
    });
    side.takeArp(frame(OWN, HOP, ETHERTYPE_ARP, payload));
  };
  const isRouted = (): boolean => routing.fib.get(parseIpv6("2001:db8:a1:fe::")!, 64) === GROUP_LOCAL;
  return { side, sent, news, errors, routing, running, hear, isRouted };
}

const told = ({ side, running }: ReturnType<typeof world>): number => side.ospf(running)!.config.prefixes.length;

test("OSPF tells of the outside, and packets for it are taken, while the next hop answers", () => {
  const it = world();
  it.side.routes(it.running);
  expect([told(it), it.isRouted(), it.side.view(it.running)]).toEqual([1, false, []]);
  it.hear(arp.REPLY, "198.51.100.1", "198.51.100.2");
  it.side.routes(it.running);
  expect(it.news).toEqual(["IPv4 true"]);
  expect([told(it), it.isRouted()]).toEqual([3, true]); // the pool too: replies of hosts inside are for this gateway
  expect(it.side.ospf(it.running)!.config.prefixes[1]).toMatchObject({ prefix: { length: 64 }, cost: 0 });
  expect(it.side.view(it.running)).toMatchObject([
    { prefix: PREFIX, origin: "outside" },
    { prefix: "2001:db8:a1:fe:0:1:cb00:7100/126", origin: "outside" },
  ]);
  expect(it.side.neighbors(it.running)).toMatchObject([{ port: "out", address: "198.51.100.1", state: "reachable" }]);
  it.side.carrier(false, it.running);
  it.side.routes(it.running);
  expect(it.news).toEqual(["IPv4 true", "IPv4 false"]);
  expect([told(it), it.isRouted()]).toEqual([1, false]);
});

test("without OSPF packets for the outside are taken always, lest they come and go", () => {
  const it = world("");
  it.side.routes(it.running);
  expect(it.isRouted()).toBe(true);
  expect(it.side.ospf(it.running)).toBeUndefined();
});

test("ARP is answered for what lies on the link: its own address and a floating one, not the pool that is routed here", () => {
  const it = world();
  const answers = (target: string): number => {
    const before = it.sent.length;
    it.hear(arp.REQUEST, "198.51.100.9", target);
    return it.sent.slice(before).filter((b) => arp.operation(b, ETHERNET) === arp.REPLY).length;
  };
  expect(["198.51.100.2", "198.51.100.77", "198.51.100.78", "203.0.113.1"].map(answers)).toEqual([1, 1, 0, 0]);
});

describe("the IPv6 side", () => {
  const LINK = "ipv6: {address: 2001:db8:ffff::2/64, nextHop: fe80::9}";
  const files: [string, string] = [
    NODE.replace("pool:", `${LINK}, pool:`),
    FABRIC.replace("floating:", 'ipv6: ["2000::/3"], floating:').replace(
      "prefixes: [10.0.0.0/16]",
      'prefixes: [10.0.0.0/16], publicIpv6: true, tenantPrefixes: [{prefix: "2001:db8:ffff:0:8000::/65", public: true}, "2001:db8:7::/48"]',
    ),
  ];
  const NEXT_HOP = { mac: HOP, address: parseIpv6("fe80::9")! };
  const speaking = (more?: string) => {
    const it = world(more, files);
    it.side.nd.handle({ type: "timer" }, performance.now() + 1000);
    return it;
  };

  test("OSPF tells of it while its next hop answers, whatever IPv4's does", () => {
    const it = speaking();
    it.side.takeNd(advertise(NEXT_HOP, linkLocalFromMac(OWN), OWN));
    it.side.routes(it.running);
    expect(it.news).toEqual(["IPv6 true"]);
    expect([told(it), it.isRouted()]).toEqual([2, false]);
    expect(it.side.ospf(it.running)!.config.prefixes[1]).toMatchObject({ prefix: { length: 3 } });
    expect(it.routing.fib.get(parseIpv6("2000::")!, 3)).toBe(GROUP_LOCAL);
    expect(it.side.view(it.running)).toMatchObject([{ prefix: "2000::/3", nextHops: [{ address: "fe80::9" }] }]);
    expect(it.side.neighbors(it.running).map(({ state }) => state)).toEqual(["failed", "reachable"]);
    it.side.closed();
    it.side.routes(it.running);
    expect([told(it), it.routing.fib.get(parseIpv6("2000::")!, 3)]).toEqual([1, 0]);
  });

  test("forwarders know its addresses, what is inside, and what is public (docs/gateway.md)", () => {
    const it = world("", files);
    const { straight } = it.side.tables(it.running)!;
    expect([...straight.own]).toEqual([
      ...rawWords(parseIpv6("2001:db8:ffff::2")!),
      ...rawWords(linkLocalFromMac(OWN)),
    ]);
    expect([straight.inside.length, straight.tenants.length, [...straight.publics]]).toEqual([16, 11, [0x0104_0000]]);
    expect(isInside6(straight, rawWords(parseIpv6("2001:db8:7::1")!), 0)).toBe(true);
    expect(publicTenantRow(straight, rawWords(parseIpv6("2001:db8:7::1")!), 0)).toBe(-1);
    expect(publicTenantRow(straight, rawWords(parseIpv6("2001:db8:ffff:0:8000::1")!), 0)).toBe(0);
    expect([arePublicTags(straight, 0x0104_0000), arePublicTags(straight, 0x0108_0000)]).toEqual([true, false]);
  });

  test("a public address on the link's own subnet is answered for (RFC 4861 §7.2.8), and a duplicate is told of", () => {
    const it = speaking();
    const asks = (target: string): number => {
      const before = it.sent.length;
      it.side.takeNd(solicit({ mac: HOP, address: parseIpv6("2001:db8:ffff::7")! }, parseIpv6(target)!));
      return it.sent.length - before;
    };
    expect(["2001:db8:ffff:0:8000::1", "2001:db8:ffff::2", "2001:db8:ffff::3"].map(asks)).toEqual([1, 1, 0]);
    const other = world(undefined, files);
    other.side.takeNd(advertiseToAll({ mac: HOP, address: parseIpv6("2001:db8:ffff::2")! }));
    expect(other.errors).toEqual(["outside: another host has 2001:db8:ffff::2: no IPv6 there"]);
  });
});
