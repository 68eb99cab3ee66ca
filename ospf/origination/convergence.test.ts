/** Whatever happens, in the end what is out is what should be, and no LSA came sooner than it may. */
import { expect, test } from "bun:test";
import { formatPrefix } from "#base/address";
import { toHex } from "#base/bytes";
import { nextBelow, nextBetween, type Random, seeded } from "#base/random";
import type { AreaConfig } from "#ospf/config";
import { noteBorder } from "#ospf/configure";
import { FOLLOW_UP_INTERVAL, MAX_AGE, MIN_LS_INTERVAL } from "#ospf/constants";
import { isMaxAge, type LsaStore } from "#ospf/database/store";
import type { Desired } from "#ospf/origination/desired";
import { asExternalLsas } from "#ospf/origination/external-lsas";
import { interAreaPrefixLsas, interAreaRouterLsas } from "#ospf/origination/inter-area-lsas";
import { intraAreaPrefixLsas } from "#ospf/origination/intra-area-prefix-lsas";
import { linkLsas } from "#ospf/origination/link-lsas";
import { networkLsas } from "#ospf/origination/network-lsas";
import { nssaLsas } from "#ospf/origination/nssa-lsas";
import { Originator } from "#ospf/origination/originator";
import { routerLsas } from "#ospf/origination/router-lsas";
import { summariesOf } from "#ospf/origination/summaries";
import { bestOf, translationsOf } from "#ospf/origination/translation";
import { mayTranslate } from "#ospf/origination/translator";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { LSA_HEADER_SIZE, MAX_SEQUENCE_NUMBER } from "#ospf/packet/lsa-header";
import { typeOf, writeLsa } from "#ospf/packet/lsa-writer";
import { PREFIX_P } from "#ospf/packet/prefix";
import type { OspfRoute, RouterPath } from "#ospf/routes/model";
import type { Scope } from "#ospf/scope";
import { type Area, type Instance, type Interface, keyOf } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig, prefix, stub } from "#ospf/testing/configs";
import { addInterface, addNeighbor, linkLocal, newInstance, put } from "#ospf/testing/instances";
import { MemoryOutlet } from "#ospf/testing/memory-outlet";
import { route, tableOf, way } from "#ospf/testing/tables";

const US = 50;

/** One router, its world, and what befalls it. */
class World {
  readonly random: Random;
  readonly instance: Instance;
  readonly outlet: MemoryOutlet;
  readonly originator: Originator;
  /** Times at which somebody sent an instance of ours, by key of the LSA and its database. */
  readonly claims = new Map<string, number[]>();
  isSuspended = false;

  constructor(seed: number) {
    this.random = seeded(seed);
    const kinds = ["normal", "stub", "nssa"] as const;
    const areas: AreaConfig[] = [
      areaConfig(0),
      areaConfig(1, { kind: this.pick(kinds), summaries: this.chance(2) }),
      areaConfig(2, {
        kind: "nssa",
        translate: this.pick(["candidate", "always"]),
        ranges: [this.range(), this.range()],
      }),
    ];
    this.instance = newInstance(config(US, { areas }), seed);
    for (let i = 0; i < 8; i++) {
      const kind = this.chance(2) ? "broadcast" : "point-to-point";
      addInterface(this.instance, interfaceConfig(`if${i}`, { area: i % 3, kind, prefixes: [this.prefix()] }), i + 1);
    }
    this.outlet = new MemoryOutlet(this.instance);
    this.originator = new Originator(this.instance, this.outlet);
    noteBorder(this.instance);
  }

  below = (bound: number): number => nextBelow(this.random, bound);
  chance = (of: number): boolean => this.below(of) === 0;
  pick = <T>(from: readonly T[]): T => from[this.below(from.length)]!;
  prefix = () => prefix(`2001:db8:${this.below(4).toString(16)}:${this.below(6).toString(16)}::/64`);
  range = () => ({ prefix: prefix(`2001:db8:${this.below(4).toString(16)}::/48`), advertise: !this.chance(4) });

  get turn() {
    return { now: this.outlet.now, effects: [] };
  }

  /** By the originator's deadlines. */
  pass(millis: number): void {
    const end = this.outlet.now + millis;
    this.originator.reconcile(this.turn);
    for (let steps = 0; this.originator.deadline() <= end; steps++) {
      if (steps > 10_000) throw new Error("the deadline does not advance");
      this.outlet.now = Math.max(this.outlet.now, this.originator.deadline());
      this.originator.reconcile(this.turn);
    }
    this.outlet.now = end;
  }

  happen(): void {
    const on = this.pick([...this.instance.interfaces.values()]);
    const things: (() => void)[] = [
      () => this.flap(on),
      () => this.adjacency(on),
      () => this.adjacency(on),
      () => this.election(on),
      () => this.setInterface(on),
      () => this.configure(),
      () => this.compute(),
      () => this.compute(),
      () => this.linkLsa(on),
      () => this.claim(),
      () => this.restart(),
      () => this.outlet.acknowledge(this.originator),
    ];
    this.pick(things)();
  }

  flap(on: Interface): void {
    if (on.state === "Down") on.state = on.config.kind === "broadcast" ? "DROther" : "PointToPoint";
    else {
      on.state = "Down";
      on.neighbors.clear();
      on.database.clear();
    }
    noteBorder(this.instance);
    this.originator.changed({ kind: "link", interface: on });
  }

  election(on: Interface): void {
    if (on.state === "Down" || on.config.kind !== "broadcast") return;
    on.designatedRouter = this.pick([US, 100, 101]);
    on.state = on.designatedRouter === US ? "DR" : "DROther";
    this.originator.changed({ kind: "area", area: on.area });
  }

  setInterface(on: Interface): void {
    on.config = { ...on.config, cost: nextBetween(this.random, 1, 9), prefixes: [this.prefix(), this.prefix()] };
    this.originator.changed({ kind: "link", interface: on });
  }

  adjacency(on: Interface): void {
    if (on.state === "Down") return;
    const routerId = this.pick([100, 101]);
    const neighbor = on.neighbors.get(routerId) ?? addNeighbor(on, { routerId, interfaceId: 3, address: linkLocal(9) });
    neighbor.state = this.pick(["Init", "Full", "Full"]);
    if (this.chance(4)) neighbor.interfaceId = nextBetween(this.random, 1, 9);
    this.originator.changed({ kind: "area", area: on.area });
  }

  configure(): void {
    const external = Array.from({ length: this.below(4) }, () => ({
      prefix: this.chance(5) ? prefix("::/0") : this.prefix(),
      metric: this.below(30),
      metricType: this.pick([1, 2] as const),
    }));
    const unique = [...new Map(external.map((each) => [formatPrefix(each.prefix), each])).values()];
    const prefixes = Array.from({ length: this.below(4) }, (_, i) =>
      stub(`2001:db8:ff::${i + 1}/128`, { area: this.below(3) }),
    );
    this.instance.config = { ...this.instance.config, external: unique, prefixes };
    this.originator.changed({ kind: "all" });
  }

  /** Another routing table, and the NSSA-LSAs that it was made of. */
  compute(): void {
    const { instance } = this;
    const nssa = instance.areas.get(2)!.database;
    for (const linkStateId of [1, 2, 3]) nssa.delete({ type: 0x2007, linkStateId, advertisingRouter: 7 });
    const routes: OspfRoute[] = [route("2001:db8:ee::/64", { area: 2, cost: 4 })];
    for (let i = this.below(12); i > 0; i--) {
      const text = formatPrefix(this.prefix());
      const path = this.chance(3) ? "inter" : "intra";
      routes.push(
        route(text, { area: path === "inter" ? 0 : this.below(3), path, cost: nextBetween(this.random, 1, 99) }),
      );
    }
    for (const linkStateId of [1, 2, 3].slice(this.below(4))) {
      const told = this.prefix();
      const forwardingAddress = prefix("2001:db8:ee::1/128").address;
      const body = {
        kind: "nssa",
        metricType: 2,
        metric: 9,
        prefix: { ...told, options: PREFIX_P },
        forwardingAddress,
      } as const;
      put(nssa, body, { advertisingRouter: 7, linkStateId });
      routes.push(route(formatPrefix(told), { area: undefined, path: "external-2", cost: 4, type2Cost: 9 }));
    }
    const rivals: RouterPath[] = this.chance(3) ? [2, 0].map((area) => way(99, { area, isAsbr: true })) : [];
    const asbr = way(8, { area: this.below(3), isAsbr: true, cost: nextBetween(this.random, 1, 9) });
    instance.table = tableOf(routes, [way(7, { area: 2, isAsbr: true, isBorder: false }), asbr, ...rivals]);
    this.originator.changed({ kind: "table" });
  }

  linkLsa(on: Interface): void {
    const [neighbor] = on.neighbors.values();
    if (neighbor === undefined) return;
    const prefixes = [{ ...this.prefix(), options: 0 }];
    const body = { kind: "link", priority: 1, options: 0x13, linkLocalAddress: linkLocal(9), prefixes } as const;
    put(on.database, body, { advertisingRouter: neighbor.routerId, linkStateId: neighbor.interfaceId });
    this.originator.changed({ kind: "link", interface: on });
  }

  /** An instance of ours that is not ours: of something that is out, or of something that never was. */
  claim(): void {
    const area = this.pick([...this.instance.areas.values()]);
    const own = [...area.database.entries()].filter(({ lsa }) => lsa.header.advertisingRouter === US);
    const entry = own.length > 0 && !this.chance(4) ? this.pick(own) : undefined;
    const never: LsaBody[] = [
      { kind: "network", options: 0, attachedRouters: [US] },
      { kind: "unknown", type: 0xa00c, octets: new Uint8Array(4) },
    ];
    const body = entry?.body ?? this.pick(never);
    const before = entry?.lsa.header.sequence ?? 5;
    const lsa = writeLsa(
      {
        age: this.chance(5) ? MAX_AGE : this.below(1000),
        linkStateId: entry?.lsa.header.linkStateId ?? 77,
        advertisingRouter: US,
        sequence: this.chance(20)
          ? MAX_SEQUENCE_NUMBER
          : Math.min(before + nextBetween(this.random, 1, 9), MAX_SEQUENCE_NUMBER),
      },
      body,
    );
    const scope: Scope = { kind: "area", area };
    const key = nameOf(area.database, keyOf(lsa.header), this.instance);
    this.claims.set(key, [...(this.claims.get(key) ?? []), this.outlet.now]);
    this.outlet.receive(this.originator, scope, lsa);
  }

  restart(): void {
    if (!this.chance(5)) return;
    if (this.isSuspended) this.resume();
    else this.originator.suspend();
    this.isSuspended = !this.isSuspended;
  }

  resume(): void {
    this.originator.resume(this.turn);
    this.instance.table = { ...this.instance.table };
  }

  /** Peace, for long enough that everything deferred is done. */
  settle(): void {
    if (this.isSuspended) this.resume();
    this.isSuspended = false;
    this.instance.table = { ...this.instance.table };
    for (let i = 0; i < 12; i++) {
      this.outlet.acknowledge(this.originator);
      this.pass(10_000);
    }
  }
}

/** A name for an LSA in a database. */
function nameOf(store: LsaStore, key: string, instance: Instance): string {
  const area = [...instance.areas.values()].find(({ database }) => database === store);
  const on = [...instance.interfaces.values()].find(({ database }) => database === store);
  return `${area?.id ?? on?.name ?? "as"} ${key}`;
}

const bodiesOf = (desired: readonly Desired[]): string[] =>
  desired.map(({ id, body }) => {
    const lsa = writeLsa({ age: 0, linkStateId: 0, advertisingRouter: US, sequence: 1 }, body);
    return `${typeOf(body)} ${typeof id === "number" ? id : "any"} ${toHex(lsa.octets.subarray(LSA_HEADER_SIZE))}`;
  });

/** Types whose Link State ID is for the originator to choose. */
const ARBITRARY = new Set([0x2003, 0x2004, 0x4005, 0x2007]);

const outIn = (store: LsaStore): string[] =>
  [...store.entries()]
    .filter((entry) => !isMaxAge(entry) && entry.lsa.header.advertisingRouter === US)
    .map(({ lsa: { header, octets } }) => {
      const id = ARBITRARY.has(header.type) ? "any" : header.linkStateId;
      return `${header.type} ${id} ${toHex(octets.subarray(LSA_HEADER_SIZE))}`;
    })
    .sort();

function desiredIn(instance: Instance, area: Area): string[] {
  const desired = [
    ...routerLsas(instance, area),
    ...networkLsas(instance, area),
    ...intraAreaPrefixLsas(instance, area),
    ...nssaLsas(instance, area),
    ...interAreaPrefixLsas(instance, area, summariesOf(instance)),
    ...interAreaRouterLsas(instance, area),
  ];
  return bodiesOf(desired).sort();
}

function checkOut({ instance, originator }: World): void {
  for (const area of instance.areas.values()) expect(outIn(area.database)).toEqual(desiredIn(instance, area));
  for (const on of instance.interfaces.values()) expect(outIn(on.database)).toEqual(bodiesOf(linkLsas(on)).sort());
  const translations = [...instance.areas.values()]
    .filter((area) => mayTranslate(instance, area))
    .flatMap((area) => translationsOf(instance, area, originator.translatorOf(area).state !== "disabled"));
  expect(outIn(instance.external)).toEqual(bodiesOf(asExternalLsas(instance, bestOf(translations))).sort());
}

/** Between two instances of ours lies MinLSInterval (less after a rest, and ever more then), or a claim that the second answers; and no two answers are nearer than that. */
function checkIntervals({ outlet, claims, instance }: World): void {
  const last = new Map<string, { at: number; answered: number; followUps: number }>();
  for (const { at, store, lsa } of outlet.told) {
    const key = nameOf(store, keyOf(lsa.header), instance);
    const before = last.get(key) ?? { at: -Infinity, answered: -Infinity, followUps: 0 };
    const isSoon = at - before.at < Math.min(MIN_LS_INTERVAL, FOLLOW_UP_INTERVAL * 2 ** before.followUps);
    if (isSoon) {
      const isAnswer = claims.get(key)?.some((claim) => claim >= before.at && claim <= at) ?? false;
      expect([key, at, before.at, isAnswer]).toEqual([key, at, before.at, true]);
      expect(at - before.answered).toBeGreaterThanOrEqual(MIN_LS_INTERVAL);
    }
    const followUps = at - before.at >= 2 * MIN_LS_INTERVAL ? 0 : before.followUps + 1;
    last.set(key, { at, answered: isSoon ? at : before.answered, followUps });
  }
}

for (let seed = 1; seed <= 60; seed++) {
  test(`after any sequence of changes what is out is what is desired, MinLSInterval kept (RFC 2328 §12.4), seed ${seed}`, () => {
    const world = new World(seed);
    for (let round = 0; round < 4; round++) {
      for (let step = 0; step < 60; step++) {
        world.happen();
        world.pass(world.chance(3) ? 0 : world.below(4000));
      }
      world.settle();
      checkOut(world);
    }
    checkIntervals(world);
  });
}
