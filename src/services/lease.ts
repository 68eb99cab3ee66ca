/** The life of a lease, the same in DHCPv4 and DHCPv6: the address is the VM's, the lease tells what its client made of it. */
import { type Millis, NEVER } from "#base/time";

/** How long a declined address is not given: as long as a DHCPv4 client waits before it asks again (RFC 2131 §3.1). */
export const DECLINED: Millis = 10_000;

/**
 * `offered`: asked for, not taken yet. `bound`: taken. `told`: asks for settings only, and has its address from elsewhere
 * (RFC 2131 §3.4). `released`, `declined`, `expired`: what became of it.
 */
export type LeaseState = "none" | "offered" | "bound" | "told" | "released" | "declined" | "expired";

export interface LeaseLife {
  state: LeaseState;
  /** When a bound lease expires, or a declined address may be offered again. */
  deadline: Millis;
}

export function enter(lease: LeaseLife, state: LeaseState, deadline: Millis = NEVER): void {
  lease.state = state;
  lease.deadline = deadline;
}

/** What time does to it. True: it has expired. */
export function lapse(lease: LeaseLife, now: Millis): boolean {
  if (lease.deadline > now) return false;
  lease.deadline = NEVER;
  if (lease.state !== "bound") return false;
  lease.state = "expired";
  return true;
}

export const isDeclined = ({ state, deadline }: LeaseLife, now: Millis): boolean =>
  state === "declined" && deadline !== NEVER && deadline > now;
