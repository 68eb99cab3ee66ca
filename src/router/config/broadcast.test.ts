import { describe, expect, test } from "bun:test";
import { formatIpv4, parseIpv4, parsePrefix4 } from "#base/address";
import { broadcastAddress, edgeName, segmentOf } from "#router/config/broadcast";
import { checkFabric } from "#router/config/fabric";
import { listDifferences, networkFacts } from "#router/config/facts";
import type { Network } from "#router/config/model";
import { checkNode } from "#router/config/node";
import { awayAddresses } from "#router/config/vm-homes";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return result.source;
}

const checked = (network: string) =>
  checkFabric(
    source(
      "fabric.yaml",
      `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, 2001:db8:a1:2::/64]
tenants:
  blue: {id: 1, networks: {prod: {id: 1, ${network}}}}
`,
    ),
  );

function networkOf(network: string): Network {
  const result = checked(network);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.fabric.networks[0]!;
}

const errors = (network: string): string[] => {
  const result = checked(network);
  const texts = result.ok ? [] : result.errors.map(formatConfigError);
  return texts.map((text) => text.replace(/^fabric.yaml:\d+:\d+: tenants.blue.networks.prod./, ""));
};

const NETWORK = "prefixes: [10.0.0.0/16], public: [203.0.113.0/28], gateway: 10.0.1.1";

describe("a network's segment (paper §2.2)", () => {
  test("is a prefix with defaults for the rest", () => {
    const { segment } = networkOf(`${NETWORK}, broadcast: {prefix: 10.0.1.0/24}`);
    expect({ ...segment, prefix: segment?.prefix.text }).toEqual({
      ...{ prefix: "10.0.1.0/24", arp: "answer", replicate: "auto", multicastFrom: 16, rate: 1000 },
    });
    expect(networkOf(NETWORK).segment).toBeUndefined();
  });

  test("may be one of the network's prefixes, a public one too", () => {
    expect(
      networkOf("prefixes: [10.0.0.0/8], gateway: 10.0.0.1, broadcast: {prefix: 10.0.0.0/8}").segment,
    ).toBeDefined();
    const open = "public: [203.0.113.0/28], gateway: 203.0.113.1, broadcast: {prefix: 203.0.113.0/28, arp: flood}";
    expect(networkOf(open).segment?.arp).toBe("flood");
  });

  test("has the VMs on it that have an IPv4 address inside", () => {
    const network = networkOf(`${NETWORK}, broadcast: {prefix: 10.0.1.0/24}`);
    const of = (text: string) => segmentOf(network, parseIpv4(text)!) !== undefined;
    expect([of("10.0.1.2"), of("10.0.2.2"), segmentOf(network, undefined) !== undefined]).toEqual([true, false, false]);
  });

  test("begins with the network address and ends with the broadcast address", () => {
    const ends = ["10.0.0.0/8", "10.0.0.0/9", "10.0.1.0/24", "10.0.1.4/30"].map((text) => {
      const prefix = { ...parsePrefix4(text)!, text };
      const last = broadcastAddress(prefix);
      return [formatIpv4(last), edgeName(prefix, last), edgeName(prefix, prefix.address)];
    });
    expect(ends).toEqual([
      ["10.255.255.255", "broadcast address", "network address"],
      ["10.127.255.255", "broadcast address", "network address"],
      ["10.0.1.255", "broadcast address", "network address"],
      ["10.0.1.7", "broadcast address", "network address"],
    ]);
    expect(edgeName({ ...parsePrefix4("10.0.1.0/24")!, text: "" }, parseIpv4("10.0.1.7")!)).toBeUndefined();
  });

  test("shows in a reload's plan whatever of it changes", () => {
    const facts = (broadcast: string) =>
      networkFacts(networkOf(`${NETWORK}, broadcast: {prefix: 10.0.1.0/24${broadcast}}`));
    const changed = (broadcast: string) => listDifferences(facts(""), facts(broadcast));
    expect(changed(", arp: flood")).toBe("broadcast 10.0.1.0/24 rate 1000 → 10.0.1.0/24 arp flood rate 1000");
    expect(changed(", replicate: multicast, rate: 5")).toBe(
      "broadcast 10.0.1.0/24 rate 1000 → 10.0.1.0/24 replicate multicast rate 5",
    );
    expect(changed(", multicastFrom: 3")).toEndWith("10.0.1.0/24 multicast from 3 rate 1000");
    expect(listDifferences(networkFacts(networkOf(NETWORK)), facts(""))).toBe(
      "broadcast default → 10.0.1.0/24 rate 1000",
    );
  });
});

describe("errors of a segment", () => {
  const of = (broadcast: string) => errors(`${NETWORK}, broadcast: ${broadcast}`);

  test("are about its form", () => {
    expect(of("10.0.1.0/24")).toEqual(['broadcast: found "10.0.1.0/24", expected a mapping with prefix']);
    expect(of("{prefix: 10.0.1.0/24, arp: yes, replicate: none, multicastFrom: 1, rate: 0}")).toEqual([
      'broadcast.arp: found "yes", expected answer or flood',
      'broadcast.replicate: found "none", expected unicast, multicast or auto',
      "broadcast.multicastFrom: found 1, expected a whole number 2 … 65535",
      "broadcast.rate: found 0, expected a whole number 1 … 1000000",
    ]);
    expect(of("{prefix: 10.0.1.0/24, mac: 1}")).toEqual([
      'broadcast.mac: found the unknown key "mac", expected one of prefix, arp, replicate, multicastFrom, rate',
    ]);
    expect(of("{}")).toEqual(["broadcast.prefix: found nothing, expected an IPv4 prefix"]);
  });

  test("are about a prefix that is not the network's, or has no room for hosts", () => {
    expect(of("{prefix: 10.1.0.0/24}")).toEqual([
      "broadcast.prefix: found 10.1.0.0/24, expected one of the network's prefixes, or inside one (10.0.0.0/16, 203.0.113.0/28)",
    ]);
    expect(of("{prefix: 10.0.0.0/15}")[0]).toStartWith("broadcast.prefix: found 10.0.0.0/15, expected one of");
    expect(of("{prefix: 10.0.1.0/31}")).toEqual([
      "broadcast.prefix: found 10.0.1.0/31, expected a prefix of /8 … /30: a network and a broadcast address, and VMs between them",
    ]);
    expect(errors('prefixes: [], tenantPrefixes: ["fd00:1::/32"], broadcast: {prefix: 10.0.0.0/24}')).toEqual([
      "broadcast.prefix: found 10.0.0.0/24, expected one of the network's prefixes, or inside one (it has none of IPv4)",
    ]);
  });

  test("are about a gateway that its VMs would not see as a neighbour", () => {
    expect(errors("prefixes: [10.0.0.0/24], broadcast: {prefix: 10.0.0.0/24}")).toEqual([
      "gateway: found 169.254.1.1, expected a gateway inside 10.0.0.0/24, which the VMs of the segment see as a neighbour\n    gateway: 10.0.0.1",
    ]);
    const edge = (gateway: string) =>
      errors(`prefixes: [10.0.0.0/24], gateway: ${gateway}, broadcast: {prefix: 10.0.0.0/24}`);
    expect(edge("10.0.0.0")[0]).toStartWith(
      "gateway: found 10.0.0.0, the network address of 10.0.0.0/24, expected a host's address",
    );
    expect(edge("10.0.0.255")[0]).toStartWith("gateway: found 10.0.0.255, the broadcast address of 10.0.0.0/24");
  });

  test("are about a number of members that nothing asks for", () => {
    expect(of("{prefix: 10.0.1.0/24, replicate: unicast, multicastFrom: 4}")).toEqual([
      "broadcast.multicastFrom: found 4, beside replicate: unicast, expected none, or replicate: auto",
    ]);
  });
});

describe("VMs", () => {
  /** A node with one VM, in a network of eight addresses, four of them on a segment. */
  function node(address: string, home = "2001:db8:a1:1::/64") {
    const network = "prefixes: [10.0.1.0/29, 10.0.2.0/24], gateway: 10.0.1.2, broadcast: {prefix: 10.0.1.0/30}";
    const text = `{name: hv1, fabric: fabric.yaml, role: hypervisor, prefix: "${home}",
vms: [{name: web, network: blue/prod, address: ${address}, interface: v}]}`;
    return checkNode(source("node.yaml", text), checked(network));
  }

  test("have neither the network nor the broadcast address of a segment", () => {
    const texts = ["10.0.1.0", "10.0.1.3"].map((address) => {
      const result = node(address);
      return result.ok ? "" : formatConfigError(result.errors[0]!).replace(/^node.yaml:\d+:\d+: /, "");
    });
    expect(texts).toEqual([
      "vms[0].address: found 10.0.1.0, the network address of the segment 10.0.1.0/30 in blue/prod, expected an address of the VM's own",
      "vms[0].address: found 10.0.1.3, the broadcast address of the segment 10.0.1.0/30 in blue/prod, expected an address of the VM's own",
    ]);
    expect([node("10.0.1.1").ok, node("10.0.2.0").ok]).toEqual([true, true]);
  });

  test("are not offered them in place of an address that is at home elsewhere", () => {
    const offered = ["10.0.1.1", "10.0.1.4"].flatMap((address) =>
      ["2001:db8:a1:1::/64", "2001:db8:a1:2::/64"].flatMap((home) => {
        const result = node(address, home);
        return result.ok ? awayAddresses(result.node, result.fabric).flatMap(({ near }) => near) : ["?"];
      }),
    );
    expect(offered.length).toBeGreaterThan(2);
    expect(offered).not.toContain("?");
    expect(offered).not.toContain("10.0.1.3");
  });
});
