/**
 * The router's translator against the oracle, on generated packets. A failure prints its seed (SEED=… repeats the run)
 * and the smallest packet that shows it.
 */

import { expect, describe as suite, test } from "bun:test";
import { type Choices, fromSeed, fromTape, pick, shrink } from "#fastpath/testing/choices";
import { describe } from "#fastpath/testing/describe";
import { generate4, generate6 } from "#fastpath/testing/generate";
import type { SmallRouter } from "#fastpath/testing/small-router";
import { hasPorts } from "#wire/protocol";
import { concernsTranslation, type Direction, disagreement, routerDoes, routerWith } from "./against-router";
import { flowLabelOf } from "./masked";
import { HOSTS, type Mtus } from "./small-world";

const SEED = Number(process.env.SEED ?? Date.now() >>> 0);
const RUNS = Number(process.env.RUNS ?? 2500);

const LINKS: readonly Mtus[] = [
  { fabricMtu: 1500, vmMtu: 1500 },
  { fabricMtu: 1280, vmMtu: 1500 },
  { fabricMtu: 9000, vmMtu: 1500 },
  { fabricMtu: 1500, vmMtu: 9000 },
  { fabricMtu: 1500, vmMtu: 1000 },
];

interface Drawn {
  readonly packet: Uint8Array;
  readonly mtus: Mtus;
}

function draw(c: Choices, direction: Direction, broken: number): Drawn {
  const mtus = pick(c, LINKS);
  const wish = { hosts: HOSTS, mtu: direction === "out" ? mtus.fabricMtu : mtus.vmMtu, broken };
  return { packet: direction === "out" ? generate4(c, wish) : generate6(c, wish), mtus };
}

/** The smallest case that fails like this one, on routers that have seen nothing else. */
function smallest(tape: readonly number[], direction: Direction, broken: number): string | undefined {
  const failure = (candidate: readonly number[]): string | undefined => {
    const { packet, mtus } = draw(fromTape(candidate), direction, broken);
    if (!concernsTranslation(packet, direction)) return undefined;
    return disagreement(routerWith(mtus, 0), packet, direction, mtus);
  };
  if (failure(tape) === undefined) return undefined; // it takes the packets before it, too
  return failure(shrink(tape, (candidate) => failure(candidate) !== undefined));
}

function compare(direction: Direction, broken: number, cacheEntries: number): void {
  const routers = new Map<Mtus, SmallRouter>(LINKS.map((mtus) => [mtus, routerWith(mtus, cacheEntries)]));
  for (let i = 0; i < RUNS; i++) {
    const choices = fromSeed(SEED + i);
    const { packet, mtus } = draw(choices, direction, broken);
    if (!concernsTranslation(packet, direction)) continue;
    const difference = disagreement(routers.get(mtus)!, packet, direction, mtus);
    if (difference === undefined) continue;
    const least = smallest(choices.tape, direction, broken) ?? difference;
    throw new Error(`SEED=${SEED + i}\n${least}`);
  }
}

suite("the router does to packets what the oracle says", () => {
  for (const direction of ["out", "in"] as const) {
    const way = direction === "out" ? "VM → fabric (RFC 7915 §4)" : "fabric → VM (RFC 7915 §5)";
    for (const broken of [0, 5, 30]) {
      for (const cacheEntries of [0, 256]) {
        const cache = cacheEntries === 0 ? "without" : "with";
        test(`${way}, each field wrong in ${broken} % of them, ${cache} a flow cache`, () => {
          compare(direction, broken, cacheEntries);
        });
      }
    }
  }
});

test("every packet into the fabric has a flow label, and all pieces of one flow the same (RFC 6438 §3)", () => {
  const router = routerWith(LINKS[0]!, 256);
  const labels = new Map<string, number>();
  for (let i = 0; i < RUNS; i++) {
    const { packet } = draw(fromSeed(SEED + i), "out", 0);
    const { sent, endings } = routerDoes(router, packet, "out");
    if (!endings.includes("to-fabric")) continue;
    const header = (packet[0]! & 15) << 2;
    const isFragment = (((packet[6]! << 8) | packet[7]!) & 0x3fff) !== 0;
    const ports = isFragment || !hasPorts(packet[9]!) ? [] : packet.slice(header, header + 4);
    const flow = [...packet.slice(12, 20), packet[9], ...ports].join(".");
    for (const { octets } of sent) {
      const label = flowLabelOf(octets.slice(14));
      expect(label).toBeGreaterThan(0);
      expect([flow, labels.get(flow) ?? label]).toEqual([flow, label]);
      labels.set(flow, label);
    }
  }
  expect(new Set(labels.values()).size).toBeGreaterThan(labels.size * 0.9);
});

test("the generators make the same packet of the same tape", () => {
  for (let i = 0; i < 200; i++) {
    const direction = i % 2 === 0 ? "out" : "in";
    const c = fromSeed(SEED + i);
    const { packet } = draw(c, direction, 20);
    const again = draw(fromTape(c.tape), direction, 20);
    expect(describe(again.packet)).toBe(describe(packet));
    expect(again.packet).toEqual(packet);
  }
});
