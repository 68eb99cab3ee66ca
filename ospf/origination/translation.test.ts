/** NSSA border routers: who translates, and what to (RFC 3101 §3). */
import { expect, test } from "bun:test";
import { formatIpv6 } from "#base/address";
import { NEVER } from "#base/time";
import type { AreaConfig, OspfConfig } from "#ospf/config";
import { asExternalLsas } from "#ospf/origination/external-lsas";
import { bestOf, translationsOf } from "#ospf/origination/translation";
import { NO_TRANSLATOR, nextTranslator, TRANSLATOR_STABILITY } from "#ospf/origination/translator";
import type { AsExternalLsa, NssaLsa } from "#ospf/packet/lsa-body";
import { PREFIX_NU, PREFIX_P } from "#ospf/packet/prefix";
import type { OspfRoute, RouterPath } from "#ospf/routes/model";
import type { Instance } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig, prefix } from "#ospf/testing/configs";
import { addInterface, areaOf, newInstance, put } from "#ospf/testing/instances";
import { route, tableOf, way } from "#ospf/testing/tables";

const US = 50;
const ASBR = 7;
const FORWARD = prefix("2001:db8:f::1/128").address;

/** A border router of the backbone and NSSA 1, with an ASBR inside that forwards to FORWARD, 5 away. */
function border(more: Partial<AreaConfig> = {}, rest: Partial<OspfConfig> = {}): Instance {
  const instance = newInstance(
    config(US, { areas: [areaConfig(0), areaConfig(1, { kind: "nssa", ...more })], ...rest }),
  );
  for (const id of [0, 1]) addInterface(instance, interfaceConfig(`if${id}`, { area: id }), id + 1);
  instance.isBorder = true;
  setTable(instance, []);
  return instance;
}

function setTable(instance: Instance, routes: OspfRoute[], ways: RouterPath[] = []): void {
  const internal = route("2001:db8:f::/64", { area: 1, cost: 5 });
  const asbr = way(ASBR, { area: 1, cost: 4, isAsbr: true, isBorder: false });
  instance.table = tableOf([internal, ...routes], [asbr, ...ways]);
}

/** Another border router of the NSSA, an ASBR over the backbone. */
const other = (routerId: number, more: Partial<RouterPath> = {}): RouterPath[] => [
  way(routerId, { area: 1, isAsbr: true, ...more }),
  way(routerId, { area: 0, isAsbr: true }),
];

interface Told {
  readonly metric?: number;
  readonly metricType?: 1 | 2;
  readonly options?: number;
  readonly forwardingAddress?: Uint8Array | undefined;
  readonly tag?: number;
  readonly by?: number;
}

/** An NSSA-LSA of the ASBR; its route, as the table has it then. */
function tell(instance: Instance, text: string, told: Told = {}): OspfRoute {
  const { metric = 20, metricType = 2, options = PREFIX_P, by = ASBR, tag } = told;
  const address = "forwardingAddress" in told ? told.forwardingAddress : FORWARD;
  const body: NssaLsa = {
    kind: "nssa",
    metricType,
    metric,
    prefix: { ...prefix(text), options },
    ...(address !== undefined && { forwardingAddress: address }),
    ...(tag !== undefined && { tag }),
  };
  const { database } = areaOf(instance, 1);
  put(database, body, { advertisingRouter: by, linkStateId: database.size });
  return metricType === 1
    ? route(text, { area: undefined, path: "external-1", cost: metric + 5 })
    : route(text, { area: undefined, path: "external-2", cost: 5, type2Cost: metric });
}

const translated = (instance: Instance, isTranslator = true): string[] =>
  asExternalLsas(instance, translationsOf(instance, areaOf(instance, 1), isTranslator))
    .map(({ id, body }) => {
      const { metricType, metric, forwardingAddress: address } = body as AsExternalLsa;
      return `${id} E${metricType} ${metric}${address === undefined ? "" : ` via ${formatIpv6(address)}`}`;
    })
    .sort();

const elect = (instance: Instance, before = NO_TRANSLATOR, now = 0) =>
  nextTranslator(instance, areaOf(instance, 1), before, now);

test("a border router without rivals is elected, one told always to translate is enabled, one told never is neither (RFC 3101 §3.1)", () => {
  expect(elect(border()).state).toBe("elected");
  expect(elect(border({ translate: "always" })).state).toBe("enabled");
  expect(elect(border({ translate: "never" })).state).toBe("disabled");
  const instance = border({ translate: "always" });
  instance.isBorder = false;
  expect(elect(instance).state).toBe("disabled");
});

test("another border router with a greater router id, or that sets Nt, is elected in our place (RFC 3101 §3.1)", () => {
  const instance = border();
  const against = (...ways: RouterPath[]) => {
    setTable(instance, [], ways);
    return elect(instance).state;
  };
  expect(against(...other(US + 1))).toBe("disabled");
  expect(against(...other(US - 1))).toBe("elected");
  expect(against(...other(US - 1, { translates: true }))).toBe("disabled");
});

test("only rivals that are reached over the NSSA, and as ASBRs over the rest, count (RFC 3101 §3.1)", () => {
  const instance = border();
  const [inside, outside] = other(US + 1);
  for (const ways of [
    [inside!],
    [outside!],
    [inside!, { ...outside!, isAsbr: false }],
    [{ ...inside!, isBorder: false }, outside!],
  ]) {
    setTable(instance, [], ways);
    expect(elect(instance).state).toBe("elected");
  }
  setTable(instance, [], [inside!, { ...outside!, path: "inter" }]);
  expect(elect(instance).state).toBe("disabled");
});

test("one that is elected no more goes on for the stability interval, unless it is elected again (RFC 3101 §3.1)", () => {
  const instance = border();
  const elected = elect(instance);
  setTable(instance, [], other(US + 1));
  const deposed = elect(instance, elected, 1000);
  expect(deposed).toEqual({ state: "elected", until: 1000 + TRANSLATOR_STABILITY });
  expect(elect(instance, deposed, 1000 + TRANSLATOR_STABILITY - 1)).toEqual(deposed);
  expect(elect(instance, deposed, 1000 + TRANSLATOR_STABILITY)).toEqual(NO_TRANSLATOR);
  setTable(instance, []);
  expect(elect(instance, deposed, 2000)).toEqual({ state: "elected", until: NEVER });
});

test("one that is no border router any more stops at once (RFC 3101 §3.1)", () => {
  const instance = border();
  const elected = elect(instance);
  instance.isBorder = false;
  expect(elect(instance, elected, 1000)).toEqual(NO_TRANSLATOR);
});

test("a translation has prefix, type, metric, forwarding address and tag of the NSSA-LSA, and no P-bit (RFC 3101 §3.2 (2))", () => {
  const instance = border();
  setTable(instance, [tell(instance, "2001:db8:e::/48", { metric: 9, metricType: 1, tag: 4 })]);
  expect(asExternalLsas(instance, translationsOf(instance, areaOf(instance, 1), true))).toEqual([
    {
      id: "2001:db8:e::/48",
      body: {
        kind: "asExternal",
        metricType: 1,
        metric: 9,
        prefix: { ...prefix("2001:db8:e::/48"), options: 0 },
        forwardingAddress: FORWARD,
        tag: 4,
      },
    },
  ]);
});

test("LSAs without P-bit or forwarding address, or not for unicast, are not translated (RFC 3101 §3.2 (1))", () => {
  const instance = border();
  setTable(instance, [
    tell(instance, "2001:db8:1::/48", { options: 0 }),
    tell(instance, "2001:db8:2::/48", { forwardingAddress: undefined }),
    tell(instance, "2001:db8:3::/48", { options: PREFIX_P | PREFIX_NU }),
    tell(instance, "2001:db8:4::/48", { forwardingAddress: new Uint8Array(16) }),
  ]);
  expect(translated(instance)).toEqual([]);
});

test("only what is installed in the routing table is translated (RFC 3101 §3.2)", () => {
  const instance = border();
  const cheaper = { ...tell(instance, "2001:db8:1::/48"), type2Cost: 19 };
  const internal = { ...tell(instance, "2001:db8:2::/48"), path: "intra" as const, area: 0 };
  tell(instance, "2001:db8:3::/48");
  const unreachable = tell(instance, "2001:db8:4::/48", { by: 99 });
  const elsewhere = tell(instance, "2001:db8:5::/48", { forwardingAddress: prefix("2001:db8:e::1/128").address });
  setTable(instance, [cheaper, internal, unreachable, elsewhere, route("2001:db8:e::/64", { area: 0, cost: 5 })]);
  expect(translated(instance)).toEqual([]);
});

test("a default from inside the NSSA is translated when it is installed (RFC 3101 §2.4, §3.2)", () => {
  const instance = border();
  setTable(instance, [tell(instance, "::/0")]);
  expect(translated(instance)).toEqual(["::/0 E2 20 via 2001:db8:f::1"]);
});

const range = (text: string, advertise = true) => ({ prefix: prefix(text), advertise });

test("ranges aggregate: the RFC's examples, of types 1 and 2 and of type 1 alone (RFC 3101 §3.2 (3))", () => {
  const mixed = border({ ranges: [range("2001:db8::/32")] });
  setTable(mixed, [
    tell(mixed, "2001:db8:1::/48", { metricType: 1, metric: 5 }),
    tell(mixed, "2001:db8:2::/48", { metricType: 1, metric: 6 }),
    tell(mixed, "2001:db8:3::/48", { metricType: 2, metric: 5 }),
  ]);
  expect(translated(mixed)).toEqual(["2001:db8::/32 E2 6"]);
  const same = border({ ranges: [range("2001:db8::/32")] });
  setTable(same, [
    tell(same, "2001:db8:1::/48", { metricType: 1, metric: 5 }),
    tell(same, "2001:db8:2::/48", { metricType: 1, metric: 6 }),
    tell(same, "2001:db8:3::/48", { metricType: 1, metric: 0 }),
  ]);
  expect(translated(same)).toEqual(["2001:db8::/32 E1 11"]); // 6 and the 5 to the forwarding address
});

test("a range's cost takes in that of our own route to the same prefix, and its LSA takes that one's place (RFC 3101 §3.2 (3))", () => {
  const external = [{ prefix: prefix("2001:db8::/32"), metric: 90, metricType: 2 as const }];
  const instance = border({ ranges: [range("2001:db8::/32")] }, { external });
  setTable(instance, [tell(instance, "2001:db8:1::/48")]);
  expect(translated(instance)).toEqual(["2001:db8::/32 E2 91"]);
});

test("a range that is not advertised hides what is in it; the most specific range counts (RFC 3101 §3.2 (1))", () => {
  const instance = border({ ranges: [range("2001:db8::/32"), range("2001:db8:1::/48", false)] });
  setTable(instance, [tell(instance, "2001:db8:1:1::/64"), tell(instance, "2001:db8:2::/48")]);
  expect(translated(instance)).toEqual(["2001:db8::/32 E2 21"]);
});

test("a range that holds but the same prefix is no range: the LSA is translated as it is (RFC 3101 §3.2 (3))", () => {
  const instance = border({ ranges: [range("2001:db8:1::/48")] });
  const first = tell(instance, "2001:db8:1::/48");
  setTable(instance, [first]);
  expect(translated(instance)).toEqual(["2001:db8:1::/48 E2 20 via 2001:db8:f::1"]);
  setTable(instance, [first, tell(instance, "2001:db8:1:1::/64", { metric: 30 })]);
  expect(translated(instance)).toEqual(["2001:db8:1::/48 E2 31"]);
});

test("our own route outdoes a translation that is not preferred to it (RFC 3101 §3.2 (2))", () => {
  const told = (metricType: 1 | 2, metric: number) => {
    const external = [{ prefix: prefix("2001:db8:1::/48"), metric: 20, metricType: 2 as const }];
    const instance = border({}, { external });
    setTable(instance, [tell(instance, "2001:db8:1::/48", { metricType, metric })]);
    return translated(instance);
  };
  expect(told(2, 20)).toEqual(["2001:db8:1::/48 E2 20"]); // equal, but further away
  expect(told(2, 19)).toEqual(["2001:db8:1::/48 E2 19 via 2001:db8:f::1"]);
  expect(told(1, 900)).toEqual(["2001:db8:1::/48 E1 900 via 2001:db8:f::1"]);
});

test("where a translator of a greater router id has an equivalent LSA out, ours is not needed (RFC 3101 §3.2 (2))", () => {
  const instance = border({ translate: "always" });
  const routes = [
    tell(instance, "2001:db8:1::/48"),
    tell(instance, "2001:db8:2::/48"),
    tell(instance, "2001:db8:3::/48"),
  ];
  const theirs = (by: number, text: string, metric = 20): void => {
    const body: AsExternalLsa = {
      kind: "asExternal",
      metricType: 2,
      metric,
      prefix: { ...prefix(text), options: 0 },
      forwardingAddress: FORWARD,
    };
    put(instance.external, body, { advertisingRouter: by, linkStateId: instance.external.size });
  };
  theirs(US + 1, "2001:db8:1::/48");
  theirs(US + 1, "2001:db8:2::/48", 21); // another cost: not equivalent
  theirs(US - 1, "2001:db8:3::/48");
  setTable(instance, routes, [...other(US + 1), ...other(US - 1)]);
  const ours = ["2001:db8:2::/48 E2 20 via 2001:db8:f::1", "2001:db8:3::/48 E2 20 via 2001:db8:f::1"];
  expect(translated(instance)).toEqual(ours);
  setTable(instance, routes, [way(US + 1, { area: 1, isAsbr: true })]); // not reached over the backbone
  expect(translated(instance)).toEqual(["2001:db8:1::/48 E2 20 via 2001:db8:f::1", ...ours]);
});

test("one that is no translator any more gives up its ranges, keeps translations that are out, and makes no others (RFC 3101 §3.3)", () => {
  const instance = border({ ranges: [range("2001:db8:a::/48")] });
  const routes = [
    tell(instance, "2001:db8:1::/48"),
    tell(instance, "2001:db8:2::/48"),
    tell(instance, "2001:db8:a:1::/64"),
  ];
  setTable(instance, routes, other(US + 1));
  const [first] = asExternalLsas(instance, translationsOf(instance, areaOf(instance, 1), true));
  put(instance.external, first!.body, { advertisingRouter: US, linkStateId: 1 });
  expect(translated(instance, false)).toEqual(["2001:db8:1::/48 E2 20 via 2001:db8:f::1"]);
});

test("two NSSAs that both have a prefix: the preferred translation is told", () => {
  const one = { text: "p", isRange: false } as const;
  const cheap = { ...one, route: {} as never, cost: { metricType: 1, cost: 9, distance: 0 } } as const;
  const dear = { ...one, route: {} as never, cost: { metricType: 2, cost: 1, distance: 0 } } as const;
  expect(bestOf([dear, cheap])).toEqual([cheap]);
  expect(bestOf([cheap, dear])).toEqual([cheap]);
});
