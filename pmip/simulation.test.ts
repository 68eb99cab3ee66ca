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

interface Setting {
  readonly seed: number;
  readonly nodes: number;
  readonly vms: number;
  readonly steps: number;
  readonly crashes: number;
  readonly signed?: boolean;
  readonly limits?: Partial<MobilityConfig["limits"]>;
}

/** All three kinds of addresses, at homes all over. */
function subjectOf(index: number, nodes: number): Subject {
  if (index % 5 === 3) return ipv6SubjectAt(index % nodes, index + 1);
  if (index % 5 === 4) return tenantSubject(index + 1);
  return ipv4Subject(0x0a00_0001 + index, TAGS + (index % 3));
}

function simulate({ seed, nodes, vms, steps, crashes, signed = false, limits = {} }: Setting): Simulation {
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
  if (process.env.PMIP_SIMULATION !== undefined) console.log(seed, chaos.done, world.packets, world.messages);
  return world;
}

describe("hundreds of hypervisors, lossy, doubling and reordering wires, crashes", () => {
  test.each((process.env.SEEDS ?? "1").split(",").map(Number))("seed %p", (seed) => {
    const world = simulate({ seed, nodes: 60, vms: 60, steps: 3000, crashes: 0.01 });
    expect(world.violations).toEqual([]);
    expect(faultsAtRest(world, TIMERS)).toEqual([]);
  });
});
