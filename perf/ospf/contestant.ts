/** What is asked of each router under test. */
import type { World } from "./world";

export interface Running {
  /** Whose CPU time and memory count. */
  readonly pids: readonly number[];
  /** Unix milliseconds: when the router called the speaker Full. */
  fullAt(): number | undefined;
  /** When so many routes were in what forwards. */
  routesAt(expected: number): Promise<number | undefined>;
  /** Milliseconds that the last computation of the whole tree took. */
  spf(): Promise<number | undefined>;
  /** Why it dropped frames, in its own words; for those that count such things. */
  reasons?(): Promise<string>;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  /** Resolves when it says hello on eth1. @param folder its own. */
  start(world: World, folder: string): Promise<Running>;
}
