/** The golden cases through a whole router: pipeline, translator, errors. */
import { expect, describe as suite, test } from "bun:test";
import { describe } from "#fastpath/testing/describe";
import { SmallRouter } from "#fastpath/testing/small-router";
import { masked } from "../masked";
import type { GoldenCase } from "./case";
import { CASES } from "./cases";
import { arriving } from "./frames";
import { GENERATED } from "./world";

/** What a step did: the packets that left, as text with all octets, and its ending. */
function run(router: SmallRouter, golden: GoldenCase, input: Uint8Array): { sent: Uint8Array[]; ending: string } {
  const port = golden.direction === "out" ? 1 : 0;
  const before = router.endings(port);
  const sent = router.offer(port, arriving(input, golden.direction)).map(({ octets }) => octets.slice(14));
  const after = Object.entries(router.endings(port));
  const ended = after.filter(([name, count]) => name !== "originated" && count !== (before[name] ?? 0));
  return { sent, ending: ended.map(([name]) => name).join(" and ") };
}

suite("the router agrees with the golden cases", () => {
  for (const cacheEntries of [0, 1024]) {
    const named = CASES.map((golden) => [golden.title, golden] as const);
    test.each(named)(`%s, ${cacheEntries === 0 ? "without" : "with"} a flow cache`, (_, golden) => {
      const { fabricMtu: uplinkMtu, vmMtu } = golden;
      const router = new SmallRouter({ cacheEntries, uplinkMtu, vmMtu });
      for (const { input, output, ending } of [...golden.steps, ...golden.steps]) {
        const real = run(router, golden, input);
        const about = describe(input);
        const generated = output.map((p) => p[0]! >> 4 === 4 && ((p[4]! << 8) | p[5]!) === GENERATED);
        const wanted = output.map((p, i) => masked(p, generated[i]!));
        const seen = real.sent.map((p, i) => masked(p, generated[i] ?? false));
        const whole = golden.direction === "out" ? "to-fabric" : "to-vm";
        expect({ about, ending: real.ending, sent: seen.map(describe) }).toEqual({
          about,
          ending: ending ?? whole,
          sent: wanted.map(describe),
        });
        expect(seen).toEqual(wanted);
      }
    });
  }
});
