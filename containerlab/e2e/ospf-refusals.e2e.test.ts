/**
 * Neighbours that cannot be: each of FRR's and BIRD's is wrong in one way, and `ain show ospf neighbors` says which.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PeerNetwork } from "./peers/network";
import type { AreaSpec, InterfaceSpec, Player, RouterSpec } from "./peers/spec";

setDefaultTimeout(90_000);

interface Wrong {
  /** What of the other end's interface differs from a's. */
  readonly there?: InterfaceSpec;
  /** Of a's own end. */
  readonly here?: InterfaceSpec;
  readonly areas?: Readonly<Record<string, AreaSpec>>;
  readonly id?: string;
  readonly reason: RegExp;
}

const KEY = { id: 1, secret: "one-secret" };
const CASES: Record<string, Wrong> = {
  "in another area": { there: { area: "0.0.0.7" }, reason: /^area 0\.0\.0\.7, ours is 0\.0\.0\.0$/ },
  "with another hello interval": { there: { hello: 2 }, reason: /^hello interval 2 s, ours is 1 s$/ },
  "with another dead interval": { there: { dead: 9 }, reason: /^dead interval 9 s, ours is 4 s$/ },
  "in what it takes for a stub area": {
    here: { area: "0.0.0.5" },
    there: { area: "0.0.0.5" },
    areas: { "0.0.0.5": { kind: "stub" } },
    reason: /^area is a stub there and normal here$/,
  },
  "in what it takes for an NSSA": {
    here: { area: "0.0.0.6" },
    there: { area: "0.0.0.6" },
    areas: { "0.0.0.6": { kind: "nssa" } },
    reason: /^area is an NSSA there and normal here$/,
  },
  "with our router id": { id: "10.0.0.1", reason: /^its router id is ours$/ },
  "with a larger MTU": { here: { mtu: 1400 }, reason: /MTU/ },
  "of another instance": { there: { instance: 3 }, reason: /^instance id 3, ours is 0$/ },
  "with a key where we have none": { there: { key: KEY }, reason: /^authentication: / },
  "without a key where we have one": { here: { key: KEY }, reason: /^authentication: / },
  "with another key": {
    here: { key: KEY },
    there: { key: { id: 1, secret: "another-secret" } },
    reason: /^authentication: /,
  },
  "with a key that we do not have": {
    here: { key: KEY },
    there: { key: { ...KEY, id: 2 } },
    reason: /^authentication: /,
  },
};

/** Router a with a link to each of them, and to one that nothing is wrong with. */
function networkOf(by: Player): PeerNetwork {
  const others = Object.entries(CASES).map(([, one], i): [string, RouterSpec] => [
    `w${i}`,
    { by, id: one.id ?? `10.0.1.${i}`, interfaces: { up: one.there ?? {} }, areas: one.areas ?? {} },
  ]);
  const here = Object.values(CASES).map((one, i): [string, InterfaceSpec] => [`to${i}`, one.here ?? {}]);
  return new PeerNetwork(`no${by}`, {
    routers: {
      a: { by: "ain", id: "10.0.0.1", interfaces: Object.fromEntries(here) },
      g: { by, id: "10.0.0.2", own: { address: "2001:db8:0:2::1", area: "0.0.0.0" } },
      ...Object.fromEntries(others),
    },
    links: [["a:good", "g:up"], ...others.map(([name], i): [string, string] => [`a:to${i}`, `${name}:up`])],
  });
}

for (const player of ["frr", "bird"] as const) {
  const network = networkOf(player);
  const ain = () => network.ain("a");

  describe(`a neighbour of ${player}'s`, () => {
    beforeAll(() => network.up());
    afterAll(() => network.down());

    test("that nothing is wrong with becomes adjacent beside them", async () => {
      await network.expectRoute("a", "2001:db8:0:2::1/128 intra 11 a–g>g");
      expect(await ain().neighbors()).toContainEqual(expect.objectContaining({ interface: "good", state: "Full" }));
    });

    for (const [i, [title, { reason, id }]] of Object.entries(CASES).entries()) {
      test(`${title} does not become adjacent, and is told why`, async () => {
        const prefix = `to${i} ${id ?? `10.0.1.${i}`}: `;
        const isTold = async (): Promise<boolean> =>
          (await ain().troubles()).some((line) => line.startsWith(prefix) && reason.test(line.slice(prefix.length)));
        await network.lab.until(`${prefix}${reason}`, isTold).catch(async (error: Error) => {
          throw new Error(`${error.message}\n${(await ain().troubles()).join("\n")}`);
        });
        // A peer may have begun before it had read all of its file.
        await network.lab.until("it is not adjacent", async () => {
          const there = (await ain().neighbors()).find((one) => one.interface === `to${i}`);
          return !["Full", "Loading"].includes(there?.state ?? "none");
        });
      });
    }

    test("and the good one stays adjacent all along", async () => {
      const good = (await ain().show("neighbors")).neighbors.find((one) => one.interface === "good")!;
      expect(good).toMatchObject({ state: "Full", changes: 1, trouble: "" });
    });
  });
}
