import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS, DEFAULT_TIMERS, type MobilityConfig, type MobilityTimers } from "#pmip/config";
import type { Subject } from "#pmip/events";
import { Chaos } from "#pmip/testing/chaos";
import { configOf, ipv4Subject, ipv6SubjectAt, SECRETS, TAGS, tenantSubject } from "#pmip/testing/configs";
import { faultsAtRest } from "#pmip/testing/judgement";
import { Simulation } from "#pmip/testing/simulation";

/** Shorter than in life, so that there is an end of everything to wait for. */
const TIMERS: MobilityTimers = {
  ...DEFAULT_TIMERS,
  lifetime: 60_000,
  correspondentLifetime: 20_000,
  idle: 12_000,
  grace: 3000,
  formerLongest: 20_000,
  heartbeat: 8000,
  retransmitLongest: 8000,
};
const MAX_SKEW = 40;
/** From gateway to gateway that a VM was at, while it moves on and on. */
const MOST_HOPS = 16;

interface Setting {
  readonly nodes: number;
  readonly vms: number;
  readonly steps: number;
  /** 0 … 1, of steps. */
  readonly crashes: number;
  readonly signed?: boolean;
  readonly limits?: Partial<MobilityConfig["limits"]>;
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  "hypervisors that crash": { nodes: 60, vms: 60, steps: 1200, crashes: 0.01 },
  "routers that never crash": { nodes: 40, vms: 60, steps: 1000, crashes: 0 },
  "signed messages of two keys": { nodes: 30, vms: 30, steps: 400, crashes: 0.01, signed: true },
  "too little room for everything": {
    ...{ nodes: 30, vms: 60, steps: 1000, crashes: 0.01 },
    limits: { correspondents: 2, subjects: 12, requests: 4, peers: 5 },
  },
  "hundreds of hypervisors": { nodes: 300, vms: 150, steps: 700, crashes: 0.02 },
};

/** All three kinds of addresses, at homes all over. */
function subjectOf(index: number, nodes: number): Subject {
  if (index % 5 === 3) return ipv6SubjectAt(index % nodes, index + 1);
  if (index % 5 === 4) return tenantSubject(index + 1);
  return ipv4Subject(0x0a00_0001 + index, TAGS + (index % 3));
}

function simulate(seed: number, { nodes, vms, steps, crashes, signed = false, limits = {} }: Setting): Simulation {
  const configs = Array.from({ length: nodes }, (_, i) =>
    configOf(i, nodes, {
      seed: seed * 1000 + i,
      timers: TIMERS,
      limits: { ...DEFAULT_LIMITS, ...limits },
      ...(signed && { authentication: { send: SECRETS[i % 2]!.spi, keys: SECRETS } }),
    }),
  );
  const world = new Simulation(seed, configs, MAX_SKEW);
  for (let i = 0; i < vms; i++) world.addVm(`vm${i}`, subjectOf(i, nodes));
  world.quality = { loss: 0.1, duplication: 0.05, minDelay: 0, maxDelay: 120 };
  const chaos = new Chaos(world, { maxSkew: MAX_SKEW, crashes });
  for (let step = 0; step < steps && world.violations.length === 0; step++) chaos.step();
  return world;
}

/** PMIP_SIMULATION=100: that many seeds instead of one. PMIP_SEED=7: from that one on. */
const COUNT = Number(process.env.PMIP_SIMULATION ?? 1);
const FIRST = Number(process.env.PMIP_SEED ?? 1);

describe("at rest all bindings and tables are true, no packet looped or met the wrong VM, and every packet arrives", () => {
  for (const [name, setting] of Object.entries(SETTINGS)) {
    test(
      `${name}: lossy, doubling, reordering wires; seeds from ${FIRST} on, ${COUNT}`,
      () => {
        for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
          const world = simulate(seed, setting);
          expect([seed, faultsAtRest(world, TIMERS, setting.limits === undefined)]).toEqual([seed, []]);
          expect(world.packets.mostHops).toBeLessThan(MOST_HOPS);
        }
      },
      COUNT * 60_000,
    );
  }
});
