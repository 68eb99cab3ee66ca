/** Random tests that can be repeated: a new seed each run, or the one in the environment's SEED. */
import { type Random, seeded } from "#base/random";

/** Runs a test on random numbers; a failure is printed with its seed. */
export function withSeed(run: (random: Random) => void): void {
  const seed = Number(process.env.SEED ?? Date.now() >>> 0);
  try {
    run(seeded(seed));
  } catch (error) {
    console.error(`failed with SEED=${seed}`);
    throw error;
  }
}
