/** When the routers of the topology pod-fabric have come to rest. */
import type { Speakers } from "#cli/demo/speakers";
import { Failure } from "#cli/failure";

/** What a router has to know, by its kind: so many of these prefixes, each over so many ways. */
const NEEDS: Readonly<Record<string, { prefixes: RegExp; count: number; ways: number }>> = {
  hv: { prefixes: /^::\/0$|::\/64$/, count: 2, ways: 2 },
  acc: { prefixes: /^::\/0$/, count: 1, ways: 1 },
  agg: { prefixes: /::\/64$/, count: 2, ways: 2 },
  core: { prefixes: /\/48$/, count: 2, ways: 1 }, // FRR takes one border router at a time
};

/** Milliseconds that all has to stay so, since what FRR tells too early it takes back when it may (MinLSInterval). */
const REST = 5500;
/** Milliseconds after which FRR is reminded. */
const PATIENCE = 10_000;
const LONGEST = 60_000;

/**
 * Until all neighbors of all routers are Full, and every router has all its ways and keeps them. Throws Failure.
 *
 * FRR 8.4's border routers may take back the default route of a totally stubby area, both at once and for good; told
 * once more that the area is one, they tell it again.
 */
export async function untilSettled(speakers: Speakers): Promise<void> {
  const rest = speakers.all().some(({ player }) => player === "FRR") ? REST : 0;
  const begun = performance.now();
  let reminded = begun;
  for (let since = Number.POSITIVE_INFINITY; ; await Bun.sleep(100)) {
    const now = performance.now();
    if (!(await isSettled(speakers))) since = Number.POSITIVE_INFINITY;
    else if (now - since >= rest) return;
    else since = Math.min(since, now);
    if (now - begun > LONGEST) throw new Failure("the routers do not come to rest");
    if (since === Number.POSITIVE_INFINITY && now - reminded > PATIENCE) {
      speakers.remindOfAreas();
      reminded = now;
    }
  }
}

async function isSettled(speakers: Speakers): Promise<boolean> {
  for (const speaker of speakers.all()) {
    const neighbors = await speakers.neighbors(speaker);
    const needs = NEEDS[/^[a-z]+/.exec(speaker.name)![0]]!;
    const routes = (await speakers.routes(speaker)).filter(({ prefix }) => needs.prefixes.test(prefix));
    if (neighbors.some(({ state }) => state !== "Full") || routes.length < needs.count) return false;
    if (routes.some(({ ways }) => ways.length < needs.ways)) return false;
  }
  return true;
}
