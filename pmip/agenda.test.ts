import { expect, test } from "bun:test";
import { nextBelow, seeded } from "#base/random";
import { NEVER } from "#base/time";
import { type Agenda, nextDue, schedule, type Timed, takeDue, UNSCHEDULED } from "#pmip/agenda";

interface Item extends Timed {
  readonly id: number;
}

test("an agenda gives what a search through all items gives, however they are put off and dropped", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seeded(seed);
    const items: Item[] = Array.from({ length: 60 }, (_, id) => ({ ...UNSCHEDULED, id }));
    const agenda: Agenda<Item> = [];
    const oracle = new Map<number, number>();
    for (let step = 0; step < 2000; step++) {
      const item = items[nextBelow(random, items.length)]!;
      const kind = nextBelow(random, 10);
      if (kind < 6) {
        const due = nextBelow(random, 1000);
        schedule(agenda, item, due);
        oracle.set(item.id, due);
      } else if (kind < 8) {
        schedule(agenda, item, NEVER);
        oracle.delete(item.id);
      } else {
        const now = nextBelow(random, 400);
        const taken = takeDue(agenda, now);
        const least = Math.min(...oracle.values());
        if (least > now) expect([seed, taken]).toEqual([seed, undefined]);
        else {
          expect([seed, oracle.get(taken!.id)]).toEqual([seed, least]);
          oracle.delete(taken!.id);
        }
      }
      expect([seed, nextDue(agenda)]).toEqual([seed, Math.min(...oracle.values())]);
      expect(agenda.every((each, slot) => each.slot === slot)).toBe(true);
    }
    expect(agenda.length).toBe(oracle.size);
  }
});

test("an item that is in no agenda is due never, and taking it out again changes nothing", () => {
  const agenda: Agenda<Item> = [];
  const item: Item = { ...UNSCHEDULED, id: 1 };
  schedule(agenda, item, NEVER);
  expect([item.due, item.slot, nextDue(agenda)]).toEqual([NEVER, -1, NEVER]);
  schedule(agenda, item, 5);
  expect(takeDue(agenda, 4)).toBeUndefined();
  expect(takeDue(agenda, 5)).toBe(item);
  expect([item.due, item.slot]).toEqual([NEVER, -1]);
});
