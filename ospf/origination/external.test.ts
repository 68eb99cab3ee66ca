/** What a router tells of prefixes outside the autonomous system, to all of it and to NSSAs. */
import { expect, test } from "bun:test";
import { formatIpv6 } from "#base/address";
import type { AreaConfig, ExternalPrefix, OspfConfig } from "#ospf/config";
import { asExternalLsas } from "#ospf/origination/external-lsas";
import { forwardingAddress, nssaLsas } from "#ospf/origination/nssa-lsas";
import type { AsExternalLsa, NssaLsa } from "#ospf/packet/lsa-body";
import { PREFIX_P } from "#ospf/packet/prefix";
import type { Instance } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig, prefix, stub } from "#ospf/testing/configs";
import { addInterface, areaOf, newInstance } from "#ospf/testing/instances";

const out = (text: string, more: Partial<ExternalPrefix> = {}): ExternalPrefix => ({
  prefix: prefix(text),
  metric: 20,
  metricType: 2,
  ...more,
});

/** With an interface "if<area>" up in each area. */
function router(areas: AreaConfig[], more: Partial<OspfConfig> = {}): Instance {
  const instance = newInstance(config(1, { areas, ...more }));
  for (const { id } of areas) addInterface(instance, interfaceConfig(`if${id}`, { area: id }), id + 1);
  instance.isBorder = areas.length > 1 && areas.some(({ id }) => id === 0);
  return instance;
}

const nssa = (id: number, more: Partial<AreaConfig> = {}) => areaConfig(id, { kind: "nssa", ...more });

const toldAs = (instance: Instance): string[] =>
  asExternalLsas(instance, []).map(({ id, body }) => {
    const { metricType, metric, forwardingAddress: address } = body as AsExternalLsa;
    return `${id} E${metricType} ${metric}${address === undefined ? "" : ` via ${formatIpv6(address)}`}`;
  });

const toldIn = (instance: Instance, area: number): string[] =>
  nssaLsas(instance, areaOf(instance, area)).map(({ id, body }) => {
    const { metricType, metric, prefix: told, forwardingAddress: address } = body as NssaLsa;
    const p = (told.options & PREFIX_P) !== 0 ? " P" : "";
    return `${id} N${metricType} ${metric}${p}${address === undefined ? "" : ` via ${formatIpv6(address)}`}`;
  });

test("RT7's AS-external-LSA for N12 is the RFC's: type 2, metric 2, a tag, no forwarding address (RFC 5340 §4.4.3.6)", () => {
  const instance = router([areaConfig(0)], { external: [out("2001:db8:a00::/40", { metric: 2, tag: 7 })] });
  expect(asExternalLsas(instance, [])).toEqual([
    {
      id: "2001:db8:a00::/40",
      body: {
        kind: "asExternal",
        metricType: 2,
        metric: 2,
        prefix: { ...prefix("2001:db8:a00::/40"), options: 0 },
        tag: 7,
      },
    },
  ]);
});

test("both metric types, and the default route, go out; link-local prefixes do not (RFC 2328 §12.4.4, RFC 5340 §4.4.3.6)", () => {
  const external = [out("::/0", { metricType: 1, metric: 5 }), out("2001:db8::/32"), out("fe80::/64")];
  expect(toldAs(router([areaConfig(0)], { external }))).toEqual(["::/0 E1 5", "2001:db8::/32 E2 20"]);
});

test("nothing is told the autonomous system by a router in stub areas and NSSAs alone", () => {
  const external = [out("2001:db8::/32")];
  expect(toldAs(router([areaConfig(1, { kind: "stub" }), nssa(2)], { external }))).toEqual([]);
  const instance = router([areaConfig(0), nssa(2)], { external });
  expect(toldAs(instance)).toEqual(["2001:db8::/32 E2 20"]);
  instance.interfaces.get("if0")!.state = "Down";
  expect(toldAs(instance)).toEqual([]);
});

test("a router inside an NSSA sets the P-bit and gives an address of its own to forward to (RFC 3101 §2.3, §2.4)", () => {
  const external = [out("2001:db8::/32", { tag: 9 })];
  const instance = router([nssa(1)], { external, prefixes: [stub("2001:db8:1::5/128", { area: 1 })] });
  expect(toldIn(instance, 1)).toEqual(["2001:db8::/32 N2 20 P via 2001:db8:1::5"]);
  expect(nssaLsas(instance, areaOf(instance, 1))[0]!.body).toMatchObject({ kind: "nssa", tag: 9 });
});

test("without an address to forward to, nothing that is to be translated is originated (RFC 3101 §2.3)", () => {
  const instance = router([nssa(1)], { external: [out("2001:db8::/32")] });
  expect(toldIn(instance, 1)).toEqual([]);
});

test("what a border router tells the autonomous system itself has the P-bit clear in the NSSA (RFC 3101 §2.4)", () => {
  const instance = router([areaConfig(0), nssa(1)], { external: [out("2001:db8::/32")] });
  expect(toldIn(instance, 1)).toEqual(["::/0 N2 1", "2001:db8::/32 N2 20"]);
});

test("NSSA-LSAs are for NSSAs (RFC 3101 §2.4)", () => {
  const instance = router([areaConfig(0), areaConfig(1, { kind: "stub" })], { external: [out("2001:db8::/32")] });
  expect([0, 1].map((area) => toldIn(instance, area))).toEqual([[], []]);
});

test("a border router's default in an NSSA has the P-bit clear and the configured cost (RFC 3101 §2.4, §2.7)", () => {
  expect(toldIn(router([areaConfig(0), nssa(1, { defaultCost: 77 })]), 1)).toEqual(["::/0 N2 77"]);
  // Where summaries are left out an inter-area default takes its place, even of an external one.
  const external = [out("::/0")];
  expect(toldIn(router([areaConfig(0), nssa(1, { summaries: false })], { external }), 1)).toEqual([]);
  expect(toldIn(router([nssa(1)]), 1)).toEqual([]);
});

test("an external default takes the place of the border router's own", () => {
  const external = [out("::/0", { metric: 3, metricType: 1 })];
  expect(toldIn(router([areaConfig(0), nssa(1)], { external }), 1)).toEqual(["::/0 N1 3"]);
});

test("an NSSA without interfaces up is told nothing", () => {
  const instance = router([areaConfig(0), nssa(1)], { external: [out("2001:db8::/32")] });
  instance.interfaces.get("if1")!.state = "Down";
  expect(toldIn(instance, 1)).toEqual([]);
});

test("addresses of ours are preferred to forward to, then those of links that are nobody else's (RFC 3101 §2.3)", () => {
  const instance = router([nssa(1), nssa(2)], {
    prefixes: [stub("2001:db8:5::/64", { area: 1 }), stub("2001:db8:9::9/128", { area: 2 })],
  });
  const first = instance.interfaces.get("if1")!;
  const found = (): string | undefined => {
    const address = forwardingAddress(instance, areaOf(instance, 1));
    return address && formatIpv6(address);
  };
  expect(found()).toBe("2001:db8:5::");
  first.config = { ...first.config, prefixes: [prefix("2001:db8:6::/64"), prefix("2001:db8:6::1/128")] };
  expect(found()).toBe("2001:db8:6::1");
  first.state = "Down"; // another must be chosen when the interface goes down
  expect(found()).toBe("2001:db8:5::");
  first.state = "PointToPoint";
  instance.config = { ...instance.config, prefixes: [] };
  first.config = { ...first.config, prefixes: [prefix("2001:db8:6::/64")] };
  expect(found()).toBeUndefined(); // the neighbor on the link has the prefix too
  first.config = { ...first.config, passive: true };
  expect(found()).toBe("2001:db8:6::");
});
