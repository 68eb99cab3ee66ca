/**
 * The router's part: asks, and remembers who listens to what. RFC 3810 §7, as far as source-specific multicast needs it (RFC
 * 4604 §3). Links between routers and to hypervisors have one host at the other end: what it does not want any more nobody
 * there wants, and no further question is asked (§7.4.2).
 */
import { NEVER } from "#base/time";
import type { PortState, Turn } from "#services/mld/events";
import {
  LISTENER_INTERVAL,
  OTHER_QUERIER_INTERVAL,
  QUERY_INTERVAL,
  QUERY_RESPONSE_INTERVAL,
  ROBUSTNESS,
  STARTUP_QUERY_INTERVAL,
} from "#services/mld/times";
import * as ethernet from "#wire/ethernet";
import { ALLOW, BLOCK, type GroupRecord, IS_EX, IS_IN, TO_EX, TO_IN } from "#wire/group-membership";
import { QUERY, writeMld } from "#wire/mld";
import { ALL_NODES } from "#wire/nd";

/** RFC 4291 §2.7: groups that no router forwards. */
const LINK_SCOPE = 2;
/** Channels that one port may listen to. */
const MOST_CHANNELS = 16_384;

export function heed(turn: Turn, state: PortState, { type, group, sources }: GroupRecord): void {
  const { counters } = turn;
  // Goes nowhere; said for switches that snoop.
  if ((group[1]! & 15) <= LINK_SCOPE && (type === IS_EX || type === TO_EX)) return;
  const isKnownType = type === IS_IN || type === TO_IN || type === ALLOW || type === BLOCK;
  if (!isKnownType || !isSourceSpecific(group)) {
    counters.unspecific++;
    return;
  }
  const name = group.toHex();
  for (const source of sources) {
    if (type === BLOCK) forget(turn, state, name, source.toHex());
    else listen(turn, state, name, source.toHex());
  }
}

/** ff3x::/32, but that the scope is more than a link: RFC 4607 §1. */
const isSourceSpecific = (group: Uint8Array): boolean =>
  group[0] === 0xff && group[1]! >> 4 === 3 && (group[1]! & 15) > 2 && group[2] === 0 && group[3] === 0;

function listen(turn: Turn, state: PortState, group: string, source: string): void {
  let sources = state.heard.get(group);
  if (sources?.has(source) !== true) {
    if (state.channels >= MOST_CHANNELS) {
      turn.counters.overflows++;
      return;
    }
    state.channels++;
    turn.isChanged = true;
  }
  if (sources === undefined) {
    sources = new Map();
    state.heard.set(group, sources);
  }
  const until = turn.now + LISTENER_INTERVAL;
  sources.set(source, until);
  state.endAt = Math.min(state.endAt, until);
}

function forget(turn: Turn, state: PortState, group: string, source: string): void {
  const sources = state.heard.get(group);
  if (sources?.delete(source) !== true) return;
  state.channels--;
  turn.isChanged = true;
  if (sources.size === 0) state.heard.delete(group);
}

/** Another router asks: the one with the lower address goes on (§7.6.2). */
export function hearQuery({ now }: Turn, state: PortState, source: Uint8Array): void {
  state.routerUntil = now + OTHER_QUERIER_INTERVAL;
  if (state.port.isRouter && Buffer.compare(source, state.port.address) < 0) {
    state.otherUntil = now + OTHER_QUERIER_INTERVAL;
    state.queryAt = state.otherUntil;
    state.startupLeft = 0;
  }
}

export function routerTimer(turn: Turn, state: PortState): void {
  if (state.queryAt <= turn.now) {
    ask(turn, state);
    state.startupLeft = Math.max(0, state.startupLeft - 1);
    state.queryAt = turn.now + (state.startupLeft > 0 ? STARTUP_QUERY_INTERVAL : QUERY_INTERVAL);
  }
  if (state.endAt <= turn.now) endSilent(turn, state);
}

function endSilent(turn: Turn, state: PortState): void {
  state.endAt = NEVER;
  for (const [group, sources] of state.heard) {
    for (const [source, until] of sources) {
      if (until <= turn.now) forget(turn, state, group, source);
      else state.endAt = Math.min(state.endAt, until);
    }
  }
}

function ask({ effects, counters }: Turn, { port }: PortState): void {
  counters.queriesSent++;
  const packet = writeMld({
    ...{ source: port.address, destination: ALL_NODES },
    message: {
      ...{ type: QUERY, version: 2, group: new Uint8Array(16), maxResponse: QUERY_RESPONSE_INTERVAL },
      ...{ suppress: false, robustness: ROBUSTNESS, interval: QUERY_INTERVAL / 1000, sources: [] },
    },
  });
  const frame = ethernet.frame(ethernet.multicastMac6(ALL_NODES), port.mac, ethernet.ETHERTYPE_IPV6, packet);
  effects.push({ type: "send", port: port.port, frame });
}
