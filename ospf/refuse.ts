/** Packets that are not for us to process: counted, and the reason kept for whoever asks why there is no adjacency. */
import type { Millis } from "#base/time";
import { type Core, nowOf } from "#ospf/core";
import type { Interface, Refusal } from "#ospf/state";

/** Senders remembered for each interface: the link may be full of strangers. */
const MAX_REFUSALS = 32;
/** After the last packet of a sender, which is gone then or was put right. */
const KEPT: Millis = 120_000;

export interface Sender {
  readonly routerId: number;
  readonly address: Uint8Array;
}

export function refuse(core: Core, on: Interface, { routerId, address }: Sender, reason: string): void {
  count(on, reason);
  const neighbor = on.neighbors.get(routerId);
  if (neighbor !== undefined) neighbor.trouble = reason;
  const now = nowOf(core);
  for (const [id, refusal] of on.refusals) if (!isRecent(refusal, now)) on.refusals.delete(id);
  const known = on.refusals.get(routerId);
  if (known === undefined && on.refusals.size >= MAX_REFUSALS) return;
  on.refusals.set(routerId, { address, reason, at: now, count: (known?.count ?? 0) + 1 });
}

/** False: whoever sent it has not been refused for two minutes. */
export const isRecent = ({ at }: Refusal, now: Millis): boolean => now - at < KEPT;

/** Reasons hold what was found, so there may be many: after a bound they are one. */
const MAX_REASONS = 64;

/** For packets whose sender is not to be believed. */
export function count(on: Interface, reason: string): void {
  const { refused } = on.counters;
  const key = refused.has(reason) || refused.size < MAX_REASONS ? reason : "other";
  refused.set(key, (refused.get(key) ?? 0) + 1);
}
