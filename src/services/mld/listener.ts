/** The listener's part: tells routers which channels we want. RFC 3810 §6, as far as RFC 4604 §2.2 has it. */
import { nextBetween } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { Channel, PortState, Turn } from "#services/mld/events";
import { REFRESH_INTERVAL, UNSOLICITED_REPORT_INTERVAL } from "#services/mld/times";
import * as ethernet from "#wire/ethernet";
import { ALLOW, BLOCK, type GroupRecord, IS_EX, IS_IN, TO_EX } from "#wire/group-membership";
import { ALL_MLD2_ROUTERS, REPORT_2, writeMld } from "#wire/mld";

type Sources = Map<string, Set<string>>;

/** Changes are said at once, and once more a moment later: ALLOW and BLOCK records (§6.1). */
export function want(turn: Turn, state: PortState, channels: readonly Channel[]): void {
  const wanted: Sources = new Map();
  for (const { group, source } of channels) add(wanted, group, source);
  const changes: Sources = new Map();
  for (const [group, sources] of wanted)
    for (const source of sources) if (!state.wanted.get(group)?.has(source)) add(changes, group, source);
  for (const [group, sources] of state.wanted)
    for (const source of sources) if (!wanted.get(group)?.has(source)) add(changes, group, source);
  if (changes.size === 0) return;
  state.wanted.clear();
  for (const [group, sources] of wanted) state.wanted.set(group, sources);
  for (const [group, sources] of changes) for (const source of sources) add(state.changed, group, source);
  sayChanges(turn, state, changes);
  state.repeatAt = turn.now + nextBetween(turn.random, 1, UNSOLICITED_REPORT_INTERVAL);
  if (state.refreshAt === NEVER) state.refreshAt = nextRefresh(turn);
}

function add(sources: Sources, group: string, source: string): void {
  const known = sources.get(group);
  if (known === undefined) sources.set(group, new Set([source]));
  else known.add(source);
}

const nextRefresh = ({ now, random }: Turn): Millis =>
  now + nextBetween(random, 0.8 * REFRESH_INTERVAL, REFRESH_INTERVAL);

/** A general query, or one about a group: all is said, within the time that is given (§6.2). */
export function beAsked({ now, random }: Turn, state: PortState, maxResponse: Millis): void {
  if (state.wanted.size === 0 && groupsOf(state).length === 0) return;
  state.answerAt = Math.min(state.answerAt, now + nextBetween(random, 0, Math.max(1, maxResponse)));
}

const groupsOf = ({ port: { groups = [] } }: PortState): readonly Uint8Array[] => groups;

/** A group from everybody: nobody is left out. */
const groupRecords = (type: number, state: PortState): GroupRecord[] =>
  groupsOf(state).map((group) => ({ type, group, sources: [] }));

export function listenerTimer(turn: Turn, state: PortState): void {
  if (state.isNew) {
    state.isNew = false;
    report(turn, state, groupRecords(TO_EX, state));
    // Said once more (§6.1), as the answer to a question is.
    state.answerAt = turn.now + nextBetween(turn.random, 1, UNSOLICITED_REPORT_INTERVAL);
  }
  if (state.repeatAt <= turn.now) {
    state.repeatAt = NEVER;
    sayChanges(turn, state, state.changed);
    state.changed.clear();
  }
  if (Math.min(state.answerAt, state.refreshAt) > turn.now) return;
  state.answerAt = NEVER;
  state.refreshAt = state.wanted.size === 0 ? NEVER : nextRefresh(turn);
  const records = [...state.wanted].flatMap(([group, sources]) => recordsOf(IS_IN, group, [...sources]));
  report(turn, state, [...groupRecords(IS_EX, state), ...records]);
}

/** What is true now, whatever was said first. */
function sayChanges(turn: Turn, state: PortState, changes: Sources): void {
  const records = [...changes].flatMap(([group, sources]) => {
    const wanted = [...sources].filter((source) => state.wanted.get(group)?.has(source));
    const unwanted = [...sources].filter((source) => !state.wanted.get(group)?.has(source));
    return [...recordsOf(ALLOW, group, wanted), ...recordsOf(BLOCK, group, unwanted)];
  });
  report(turn, state, records);
}

/** Sources of one record, and octets of records in one message: so that it fits wherever IPv6 goes (§5.2.15). */
const MOST_SOURCES = 32;
const MOST_OCTETS = 1180;
const ADDRESS = 16;
const RECORD = 4 + ADDRESS;

function recordsOf(type: number, group: string, sources: readonly string[]): GroupRecord[] {
  const records: GroupRecord[] = [];
  for (let i = 0; i < sources.length; i += MOST_SOURCES) {
    const some = sources.slice(i, i + MOST_SOURCES).map((source) => Uint8Array.fromHex(source));
    records.push({ type, group: Uint8Array.fromHex(group), sources: some });
  }
  return records;
}

function report(turn: Turn, state: PortState, records: readonly GroupRecord[]): void {
  let some: GroupRecord[] = [];
  let octets = 0;
  for (const record of records) {
    const size = RECORD + ADDRESS * record.sources.length;
    if (octets + size > MOST_OCTETS) {
      send(turn, state, some);
      some = [];
      octets = 0;
    }
    some.push(record);
    octets += size;
  }
  if (some.length > 0) send(turn, state, some);
}

function send({ effects, counters }: Turn, { port }: PortState, records: readonly GroupRecord[]): void {
  counters.reportsSent++;
  const packet = writeMld({
    ...{ source: port.address, destination: ALL_MLD2_ROUTERS },
    message: { type: REPORT_2, records },
  });
  const to = ethernet.multicastMac6(ALL_MLD2_ROUTERS);
  const frame = ethernet.frame(to, port.mac, ethernet.ETHERTYPE_IPV6, packet);
  effects.push({ type: "send", port: port.port, frame });
}
