import { expect, test } from "bun:test";
import { GroupWriter } from "#fastpath/tables/groups";
import type { MacWatchReport } from "#fastpath/testing/mac-watcher";

const MILLIS = 200;

test("a forwarder that reads a MAC address while it changes never gets octets of two", async () => {
  const writer = new GroupWriter(1);
  const adjacency = writer.add({ port: 0, mtu: 1500, ownMac: new Uint8Array(6) });
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("../testing/mac-watcher.ts", import.meta.url).href);
  try {
    const answer = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        worker.onmessage = (event) => resolve(event.data);
        worker.onerror = (event) => reject(new Error(event.message));
      });
    expect(await answer()).toBe("ready");
    const report = answer();
    worker.postMessage({ groups: writer.buffer, adjacency, stop: stop.buffer });
    const mac = new Uint8Array(6);
    for (const end = performance.now() + MILLIS; performance.now() < end; ) {
      for (let i = 0; i < 100; i++) writer.set(adjacency, mac.fill((mac[0]! + 1) & 0xff));
    }
    Atomics.store(stop, 0, 1);
    const { reads, torn } = (await report) as MacWatchReport;
    expect({ torn }).toEqual({ torn: 0 });
    expect(reads).toBeGreaterThan(0);
  } finally {
    Atomics.store(stop, 0, 1);
    worker.terminate();
  }
});
