/**
 * What becomes of one group at one port: the router's states of RFC 2236 §7 for a querier. What RFC 3376 §6.4 and
 * RFC 3810 §7.4 add to them are sources, which are not told apart here.
 */
import { NEVER } from "#base/time";
import type { MemberPort, Membership, Turn } from "#services/snooping/events";
import { isHeeded, nameOf } from "#services/snooping/group";
import type { Report, Version } from "#services/snooping/heard";
import { groupQuery } from "#services/snooping/queries";
import {
  GROUP_MEMBERSHIP_INTERVAL,
  LAST_MEMBER_QUERY_COUNT,
  LAST_MEMBER_QUERY_INTERVAL,
  LAST_MEMBER_QUERY_TIME,
} from "#services/snooping/times";

/** Groups that a VM may listen to, of IPv4 and IPv6 together. */
export const MOST_GROUPS = 256;

type Happening =
  | "join"
  | "leave"
  /** Its next query is due. */
  | "query"
  /** Its time is over. */
  | "end";

type Action = (membership: Membership, port: MemberPort, turn: Turn) => void;

const MACHINE: Readonly<Record<Membership["state"], Readonly<Partial<Record<Happening, Action>>>>> = {
  member: { join: refresh, leave: check, end: forget },
  checking: { join: refresh, leave: goOn, query: ask, end: forget },
};

/** What is heeded while hosts of that version listen to the group (RFC 3376 §7.3.2, RFC 3810 §8.3.2). */
const HEEDED: Readonly<Record<Version, Readonly<Partial<Record<Report["kind"], Happening>>>>> = {
  1: { wants: "join" },
  2: { wants: "join", ends: "leave" },
  3: { wants: "join", ends: "leave", blocks: "leave" },
};

/** What a VM says of a group. */
export function heed(port: MemberPort, { group, version, kind }: Report, turn: Turn): void {
  const { counters, now } = turn;
  counters.reports++;
  if (!isHeeded(group)) {
    counters.needless++;
    return;
  }
  const name = nameOf(group);
  const known = port.memberships.get(name);
  const happening = HEEDED[known === undefined ? version : modeOf(known, now)][kind];
  if (happening === undefined) counters.outdated++;
  else if (known !== undefined) MACHINE[known.state][happening]?.(known, port, turn);
  else if (happening === "join") admit(port, name, turn);
  else counters.strayLeaves++;
  const membership = port.memberships.get(name);
  if (membership === undefined || kind !== "wants") return;
  if (version === 1) membership.version1Until = now + GROUP_MEMBERSHIP_INTERVAL;
  if (version === 2) membership.version2Until = now + GROUP_MEMBERSHIP_INTERVAL;
}

/** Does what is due of a port's groups. */
export function expire(port: MemberPort, turn: Turn): void {
  for (const membership of port.memberships.values()) {
    const happening = membership.until <= turn.now ? "end" : membership.queryAt <= turn.now ? "query" : undefined;
    if (happening !== undefined) MACHINE[membership.state][happening]?.(membership, port, turn);
  }
}

/** Group compatibility mode (RFC 3376 §7.3.2). */
function modeOf({ version1Until, version2Until }: Membership, now: number): Version {
  if (version1Until > now) return 1;
  return version2Until > now ? 2 : 3;
}

function admit(port: MemberPort, name: string, { now, counters, changed }: Turn): void {
  if (port.memberships.size >= MOST_GROUPS) {
    counters.overflows++;
    return;
  }
  port.memberships.set(name, {
    group: name,
    state: "member",
    until: now + GROUP_MEMBERSHIP_INTERVAL,
    queryAt: NEVER,
    queriesLeft: 0,
    version1Until: now,
    version2Until: now,
  });
  counters.joined++;
  changed.add(port);
}

/** What has been asked is answered: nothing more is to be asked (RFC 2236 §7). */
function refresh(membership: Membership, _port: MemberPort, { now }: Turn): void {
  membership.state = "member";
  membership.until = now + GROUP_MEMBERSHIP_INTERVAL;
  membership.queryAt = NEVER;
  membership.queriesLeft = 0;
}

/** RFC 3376 §6.4.2, §6.6.3.1. */
function check(membership: Membership, port: MemberPort, turn: Turn): void {
  membership.state = "checking";
  membership.until = turn.now + LAST_MEMBER_QUERY_TIME;
  membership.queriesLeft = LAST_MEMBER_QUERY_COUNT;
  ask(membership, port, turn);
}

function ask(membership: Membership, { port, settings }: MemberPort, { now, effects, counters }: Turn): void {
  effects.push({ type: "send", port, frame: groupQuery(settings, membership.group) });
  counters.sentGroupQueries++;
  membership.queriesLeft--;
  membership.queryAt = membership.queriesLeft > 0 ? now + LAST_MEMBER_QUERY_INTERVAL : NEVER;
}

/** It is being asked already. */
function goOn(): void {}

function forget({ group }: Membership, port: MemberPort, { counters, changed }: Turn): void {
  port.memberships.delete(group);
  counters.left++;
  changed.add(port);
}
