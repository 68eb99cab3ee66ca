/** The golden cases of tunnels through a whole router, and the captures of them. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { describe } from "#fastpath/testing/describe";
import { SmallRouter } from "#fastpath/testing/small-router";
import { capturesOf, pathsOf } from "./captures";
import { CASES } from "./cases";

for (const cacheEntries of [0, 1024]) {
  test.each(CASES.map((each) => [each.title, each] as const))(
    `%s, ${cacheEntries === 0 ? "without" : "with"} a flow cache`,
    (_, { setUp, port, input, offload, output }) => {
      const router = new SmallRouter({ cacheEntries, offload: false });
      setUp(router);
      const sent = router.offer(port, input, offload).map(({ octets }) => octets);
      expect(sent.map((b) => describe(b.slice(14)))).toEqual(output.map((b) => describe(b.slice(14))));
      expect(sent).toEqual([...output]);
    },
  );
}

test("the captures in this directory are those of the cases (else run write.ts)", () => {
  for (const each of CASES) {
    const { input, output } = capturesOf(each);
    const paths = pathsOf(each);
    expect([each.name, readFileSync(paths.input).equals(input)]).toEqual([each.name, true]);
    expect([each.name, readFileSync(paths.output).equals(output)]).toEqual([each.name, true]);
  }
  const kept = readdirSync(import.meta.dir).filter((file) => file.endsWith(".pcap"));
  expect(kept.length).toBe(2 * CASES.length);
});
