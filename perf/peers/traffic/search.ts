/** The search for the highest rate that passes without loss: doubling until a rate fails, then halving the interval. */

export interface Trial {
  /** Datagrams a second the generator was told to send. */
  readonly wanted: number;
  /** Datagrams a second it did send. */
  readonly offered: number;
  /** 0 … 1. */
  readonly loss: number;
}

export interface LossFree {
  /** Datagrams a second that were offered in the fastest trial without loss; 0 when every trial lost. */
  readonly rate: number;
  /** True: the generator could not offer more (which, where the kernel forwards, runs on the sender's time too). */
  readonly senderLimited: boolean;
  readonly trials: readonly Trial[];
}

export interface SearchOptions {
  /** Loss that still counts as none. */
  readonly tolerance: number;
  readonly firstRate: number;
  /** The search ends when the lowest failed rate is less than this share above the highest passed one. */
  readonly precision: number;
}

/** A sender this far behind what it was told is at its own limit. */
const SENDER_AT_LIMIT = 0.9;
/** Below this rate, the thing under test does not carry packets at all. */
const SLOWEST = 100;

/**
 * @param run one trial. What goes wrong in it may be the machine's hiccup and not the rate's, so that a rate has failed
 * when it fails twice, and a sender is at its limit when it falls behind twice.
 */
export async function searchLossFree(run: (rate: number) => Promise<Trial>, options: SearchOptions): Promise<LossFree> {
  const trials: Trial[] = [];
  const passes = (trial: Trial): boolean => trial.loss <= options.tolerance;
  const attempt = async (rate: number): Promise<Trial> => {
    const first = await run(rate);
    trials.push(first);
    if (passes(first) && !isBehind(first)) return first;
    const second = await run(rate);
    trials.push(second);
    return passes(second) && !(passes(first) && first.offered > second.offered) ? second : first;
  };
  let passed = 0;
  let failed = Number.POSITIVE_INFINITY;
  let best = 0;
  for (let rate = options.firstRate; rate >= SLOWEST; rate = nextRate(passed, failed)) {
    const trial = await attempt(rate);
    if (passes(trial)) {
      passed = rate;
      best = Math.max(best, trial.offered);
      if (isBehind(trial)) return { rate: best, senderLimited: true, trials };
    } else {
      failed = rate;
    }
    if (failed < passed * (1 + options.precision)) break;
  }
  return { rate: best, senderLimited: false, trials };
}

const isBehind = (trial: Trial): boolean => trial.offered < SENDER_AT_LIMIT * trial.wanted;

function nextRate(passed: number, failed: number): number {
  if (failed === Number.POSITIVE_INFINITY) return 2 * passed;
  return passed === 0 ? failed / 4 : (passed + failed) / 2;
}
