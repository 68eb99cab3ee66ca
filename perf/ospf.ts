/**
 * `npm run perf:ospf`: how AIN, FRR and BIRD take an area of the paper's size from one neighbor: time to Full and to the
 * last route, SPF, memory, CPU while all LSAs are refreshed, and what AIN's forwarding loses meanwhile. They take turns;
 * figures are medians of the rounds, ratios medians of the rounds' own ratios. Nothing is asserted.
 */
import { ain } from "./ospf/ain";
import type { Kind } from "./ospf/area";
import { bird } from "./ospf/bird";
import type { Contestant } from "./ospf/contestant";
import { frr } from "./ospf/frr";
import { type Result, table } from "./ospf/report";
import { takeTurn } from "./ospf/turn";
import { World } from "./ospf/world";

const CONTESTANTS: readonly Contestant[] = [ain, frr, bird];
const SIZES = [1316, 4496, 34_176, 88_848];

interface Options {
  readonly rounds: number;
  readonly refresh: number;
  readonly changes: number;
  readonly sizes: readonly number[];
  readonly only: readonly string[];
  readonly kind: Kind;
}

function parse(words: readonly string[]): Options {
  const value = (name: string): string | undefined => words[words.indexOf(`--${name}`) + 1];
  const given = (name: string, otherwise: string): string =>
    words.includes(`--${name}`) ? (value(name) ?? otherwise) : otherwise;
  return {
    rounds: Number(given("rounds", "3")),
    refresh: Number(given("refresh", "60")),
    changes: Number(given("changes", "3")),
    sizes: given("sizes", SIZES.join()).split(",").map(Number),
    only: given("only", "ain,frr,bird").split(","),
    kind: given("kind", "area") as Kind,
  };
}

async function main({ rounds, refresh, changes, sizes, only, kind }: Options): Promise<void> {
  const contestants = CONTESTANTS.filter(({ name }) => only.includes(name));
  const results: Result[] = [];
  const world = new World();
  const interrupted = (): void => void world.down().then(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    world.up();
    for (let round = 0; round < rounds; round++) {
      for (const lsas of sizes) {
        for (let i = 0; i < contestants.length; i++) {
          const contestant = contestants[(i + round) % contestants.length]!;
          const turn = `${contestant.name} with ${lsas} LSAs`;
          const figures = await takeTurn(world, contestant, { lsas, refresh, changes, kind }).catch((error: Error) => {
            console.error(`${turn}: no figures: ${error.message}`); // the others' are worth having
          });
          if (figures === undefined) continue;
          results.push({ contestant: contestant.name, lsas, round, figures });
          console.error(JSON.stringify(results.at(-1)));
        }
      }
    }
  } finally {
    await world.down();
  }
  console.log(table(results, { sizes, contestants: contestants.map(({ name }) => name) }));
}

await main(parse(process.argv.slice(2)));
process.exit(0);
