/** The forwarding table and its next hops, kept by the control thread. */
import type { Prefix } from "#base/address";
import { FibWriter } from "#fastpath/tables/fib-writer";
import { GroupWriter, type Member } from "#fastpath/tables/groups";
import { GROUP_DISCARD, GROUP_FIRST, GROUP_LOCAL } from "#fastpath/tables/layout";

/** Where packets for a prefix go. */
export type Target =
  | { readonly kind: "local" }
  | { readonly kind: "discard" }
  | { readonly kind: "hops"; readonly members: readonly Member[] };

export class Routing {
  readonly fib: FibWriter;
  readonly groups: GroupWriter;

  /** `seed`: differs from router to router. `turns`: the forwarders' turn counters. */
  constructor(seed: number, turns: Int32Array) {
    this.fib = new FibWriter({ turns });
    this.groups = new GroupWriter(seed, turns);
  }

  /** Adds or replaces a route: the new one is in force before the old one's group is let go. */
  set(prefix: Prefix, target: Target): void {
    const before = this.fib.get(prefix.address, prefix.length);
    const value = this.valueOf(target, before);
    try {
      this.fib.insert(prefix.address, prefix.length, value);
    } catch (error) {
      this.release(value);
      throw error;
    }
    this.release(before);
  }

  remove(prefix: Prefix): void {
    const before = this.fib.get(prefix.address, prefix.length);
    this.fib.remove(prefix.address, prefix.length);
    this.release(before);
  }

  /** `before`: the value it replaces, whose flows stay where they are as far as they can. */
  private valueOf(target: Target, before: number): number {
    if (target.kind === "local") return GROUP_LOCAL;
    return target.kind === "discard"
      ? GROUP_DISCARD
      : this.groups.groupFor(target.members, before >= GROUP_FIRST ? before : 0);
  }

  private release(value: number): void {
    if (value >= GROUP_FIRST) this.groups.release(value);
  }
}
