/**
 * What is due when: a binary heap whose items know their place in it, so that one of a hundred thousand is put off or
 * dropped in a few steps. Plain data, as the rest of the core's state.
 */
import { type Millis, NEVER } from "#base/time";

/** Something with a deadline. Both fields are the agenda's. */
export interface Timed {
  /** NEVER: it waits for nothing. */
  due: Millis;
  /** Index in the heap; −1: not in it. */
  slot: number;
}

export type Agenda<T extends Timed> = T[];

/** Fields of an item that is in no agenda yet. */
export const UNSCHEDULED: Timed = { due: NEVER, slot: -1 };

export const nextDue = <T extends Timed>(agenda: Agenda<T>): Millis => agenda[0]?.due ?? NEVER;

/** From now on the item is due then; NEVER takes it out. */
export function schedule<T extends Timed>(agenda: Agenda<T>, item: T, due: Millis): void {
  if (due === NEVER) {
    take(agenda, item);
    return;
  }
  const later = due > item.due;
  item.due = due;
  if (item.slot < 0) {
    place(agenda, item, agenda.length);
    rise(agenda, item);
  } else if (later) sink(agenda, item);
  else rise(agenda, item);
}

function take<T extends Timed>(agenda: Agenda<T>, item: T): void {
  item.due = NEVER;
  if (item.slot < 0) return;
  const hole = item.slot;
  const last = agenda.pop()!;
  item.slot = -1;
  if (last === item) return;
  place(agenda, last, hole);
  sink(agenda, last);
  rise(agenda, last);
}

/** The item that is due first, taken out; undefined: none is due at `now`. */
export function takeDue<T extends Timed>(agenda: Agenda<T>, now: Millis): T | undefined {
  const first = agenda[0];
  if (first === undefined || first.due > now) return undefined;
  take(agenda, first);
  return first;
}

function place<T extends Timed>(agenda: Agenda<T>, item: T, slot: number): void {
  agenda[slot] = item;
  item.slot = slot;
}

function rise<T extends Timed>(agenda: Agenda<T>, item: T): void {
  let slot = item.slot;
  while (slot > 0) {
    const parent = (slot - 1) >> 1;
    if (agenda[parent]!.due <= item.due) break;
    place(agenda, agenda[parent]!, slot);
    slot = parent;
  }
  place(agenda, item, slot);
}

function sink<T extends Timed>(agenda: Agenda<T>, item: T): void {
  let slot = item.slot;
  for (;;) {
    let child = 2 * slot + 1;
    if (child >= agenda.length) break;
    if (child + 1 < agenda.length && agenda[child + 1]!.due < agenda[child]!.due) child++;
    if (agenda[child]!.due >= item.due) break;
    place(agenda, agenda[child]!, slot);
    slot = child;
  }
  place(agenda, item, slot);
}
