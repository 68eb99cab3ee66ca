import { expect, test } from "bun:test";
import { MessageChannel } from "node:worker_threads";
import { Alarm } from "#runtime/alarm";

test("rings once, at the deadline set last or after", async () => {
  const rung: number[] = [];
  const alarm = new Alarm(() => rung.push(performance.now()));
  const deadline = performance.now() + 20;
  alarm.set(deadline - 15);
  alarm.set(deadline);
  await Bun.sleep(40);
  expect(rung.length).toBe(1);
  expect(rung[0]).toBeGreaterThanOrEqual(deadline - 1);
});

test("does not ring once it is cancelled, whether it was due or not", async () => {
  let rung = 0;
  const alarm = new Alarm(() => rung++);
  for (const deadline of [performance.now() - 1, performance.now() + 5]) {
    alarm.set(deadline);
    alarm.cancel();
    alarm.set(deadline);
    alarm.set(undefined);
  }
  await Bun.sleep(20);
  expect(rung).toBe(0);
});

test("a core that always has something to do leaves timers and messages their turn, and they leave it its own", async () => {
  const { port1, port2 } = new MessageChannel();
  let [slices, heard, ticks] = [0, 0, 0];
  const alarm = new Alarm(() => {
    slices++;
    alarm.set(0);
  });
  const timer = setInterval(() => ticks++, 1);
  port1.on("message", () => {
    heard++;
    port2.postMessage("again");
  });
  alarm.set(0);
  port2.postMessage("first");
  while (heard < 10 || ticks < 3 || slices < 10) await Bun.sleep(1); // for ever, if one of them starves
  clearInterval(timer);
  alarm.cancel();
  port1.close();
});
