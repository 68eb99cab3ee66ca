/**
 * `ain why` against reality: a thousand packets by chance, each predicted and then sent, by VMs and from outside, in a
 * deployment with rules, peerings, NAT, tunnels, VMs away from home and VMs that move meanwhile (why-random/world.ts). All
 * frames that arrive at any end of any link have to be the predicted ones, octet by octet, and all counters have to grow by
 * what was predicted; of every third packet the stages at all routers are compared too.
 *
 * `SEED=n` repeats a series, `CASES=n` makes it longer.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { formatIpv4 } from "#base/address";
import { u16 } from "#base/bytes";
import { nextFraction, seeded } from "#base/random";
import { call } from "#cli/client";
import { ENDINGS } from "#fastpath/verdicts";
import { locationOf } from "#lab/move";
import type { WhyAnswer } from "#router/why/views";
import { move } from "./mobility/world";
import { TestLab } from "./test-lab";
import { answerTo, type Case, fromOutside, fromVm, pick } from "./why-random/cases";
import { BINDING, GATEWAY_CASES, strangerTo } from "./why-random/gateway-cases";
import { Observation } from "./why-random/observation";
import { answersOf } from "./why-random/prediction";
import { type Place, Rounds } from "./why-random/rounds";
import { build, MACHINES, ROUTERS } from "./why-random/world";

setDefaultTimeout(240_000);
const SEED = Number(process.env.SEED ?? (Date.now() & 0xffff_ffff) >>> 0);
const CASES = Number(process.env.CASES ?? 1000);
const PER_ROUND = 50;

const lab = new TestLab("wr");
let observation: Observation;

beforeAll(async () => {
  await build(lab);
  for (const router of ROUTERS)
    await lab.until(
      `${router} knows its neighbors`,
      async () => {
        const { length } = (await lab.show(router, "neighbors")).filter(({ mac }) => mac !== null);
        return length >= (router.startsWith("sw") ? 4 : router === "gw" ? 3 : 2);
      },
      30,
    );
  observation = new Observation(lab);
});
afterAll(async () => {
  observation?.close();
  await lab.down();
});

function placeOf(node: string): Place {
  if (node === "o") return { router: "gw", port: "out" };
  const { ways } = MACHINES.find(({ name }) => name === node)!;
  return { router: ways.length > 1 ? locationOf(lab.state, node)! : ways[0]!, port: node };
}

/** Where VMs are led before a round, so that there is talk with them at each place, and right after they have come. */
const MOVES: Readonly<Record<number, readonly [vm: string, to: string]>> = {
  3: ["mb", "hv2"],
  6: ["mr", "hv1"],
  9: ["mb", "hv3"],
  12: ["mb", "hv1"],
  15: ["mr", "hv3"],
};

test("to an address that a tenant brought, of which nothing is known: by a tunnel to its home (docs/wire.md)", async () => {
  const question = { from: "d1", to: "2001:db8:7::77", source: "2001:db8:7::a" };
  const { stages } = (await call(lab.socket("hv1"), "POST", "why", question)) as WhyAnswer;
  const told = stages.find(({ stage }) => stage === "redirect")!;
  expect(told.facts.place).toBe("home tunnel");
  expect(told.text).toMatch(/^a tunnel to its home, 2001:db8:a1:[1-5]::1: /);
});

test("each ending of a gateway's that a packet can bring about is foretold, and is what happens (docs/gateway.md)", async () => {
  const rounds = new Rounds(lab, observation, placeOf);
  const endingOf = async (of: Case): Promise<string> => {
    await rounds.run([of], false);
    return answersOf(rounds.done.at(-1)!.prediction.walk).at(-1)!.ending.name;
  };
  for (const [ending, of] of GATEWAY_CASES) expect([of.what, await endingOf(of)]).toEqual([of.what, ending]);
  expect(await endingOf(BINDING)).toBe("to-outside");
  const { frame } = rounds.done.at(-1)!.arrivals.find(({ at }) => at === "o eth1")!;
  const stranger = strangerTo(formatIpv4(frame, 26), u16(frame, 34)); // source address and port, as they are known outside
  expect(await endingOf(stranger)).toBe("nat-filtered");
  expect(rounds.differing).toEqual([]);
});

test(`a thousand packets by chance go where ain why says, as it says, or end where and for the reason that it says (SEED=${SEED})`, async () => {
  const r = seeded(SEED);
  const rounds = new Rounds(lab, observation, placeOf);
  const heard = (): Case | undefined => {
    const { arrivals } = pick(r, rounds.done);
    const ends = arrivals.filter(({ at }) => at === "o eth1" || MACHINES.some(({ name }) => at.startsWith(`${name} `)));
    return ends.length === 0 ? undefined : answerTo(pick(r, ends));
  };
  const next = (): Case => {
    const at = nextFraction(r);
    if (at < 0.1) return fromOutside(r);
    return (at < 0.3 && rounds.done.length > 0 ? heard() : undefined) ?? fromVm(r);
  };
  for (let round = 0; round * PER_ROUND < CASES; round++) {
    const [vm, to] = MOVES[round] ?? [];
    if (vm !== undefined && to !== undefined) {
      await move(lab, vm, to);
      rounds.forget();
    }
    const cases = Array.from({ length: Math.min(PER_ROUND, CASES - round * PER_ROUND) }, next);
    await rounds.run(cases, round % 3 === 2);
    if (rounds.differing.length > 0)
      throw new Error(`SEED=${SEED}, round ${round} is not as predicted:\n${rounds.differing.join("\n\n")}`);
  }
  const outcomes = new Map<string, number>();
  for (const { prediction } of rounds.done) {
    const name = answersOf(prediction.walk).at(-1)!.ending.name;
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
  }
  const told = [...outcomes].toSorted(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
  console.log(
    `SEED=${SEED}: ${rounds.done.length} as predicted, ${rounds.traced} of them stage by stage: ${told.join(", ")}`,
  );
  for (const text of rounds.again) console.log(`asked again: ${text.split("\n").slice(0, 2).join("\n")}`);
  expect(rounds.done.length).toBe(CASES);
  expect(rounds.again.length).toBeLessThanOrEqual(CASES / 50);
  const dropped = [...outcomes.keys()].filter((name) => ENDINGS.find((each) => each.name === name)!.fate === "dropped");
  if (CASES >= 1000) expect(dropped.length).toBeGreaterThan(15);
});
