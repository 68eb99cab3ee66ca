/** The forwarding table and its next hops, kept by the control thread. */
import type { Prefix } from "#base/address";
import { FibWriter } from "#fastpath/tables/fib-writer";
import { GroupWriter, type Member } from "#fastpath/tables/groups";
import { GROUP_DISCARD, GROUP_FIRST, GROUP_LOCAL } from "#fastpath/tables/layout";

/** Where packets for a prefix go. */
export type Target =
  | { readonly kind: "local" }
  | { readonly kind: "discard" }
  | { readonly kind: "hops"; readonly members: readonly Member[] }
  /** A group of GroupWriter.ownGroup(): its value in the table. */
  | { readonly kind: "group"; readonly value: number };

export class Routing {
  readonly fib: FibWriter;
  readonly groups: GroupWriter;

  /** `seed`: differs from router to router. `turns`: the forwarders' turn counters. `fib`: octets for its routes; default: a million's. */
  constructor(seed: number, turns: Int32Array, fib?: number) {
    this.fib = new FibWriter({ turns, ...(fib !== undefined && { capacityOctets: fib }) });
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

  /** Counts a reference. `before`: the value it replaces, whose flows stay where they are as far as they can. */
  private valueOf(target: Target, before: number): number {
    switch (target.kind) {
      case "local":
        return GROUP_LOCAL;
      case "discard":
        return GROUP_DISCARD;
      case "hops":
        return this.groups.groupFor(target.members, before >= GROUP_FIRST ? before : 0);
      case "group":
        this.groups.retain(target.value);
        return target.value;
    }
  }

  private release(value: number): void {
    if (value >= GROUP_FIRST) this.groups.release(value);
  }
}
