/** Answers without an end: what a slow reader costs, and what becomes of one that goes. */
import { expect, test } from "bun:test";
import { LineStream } from "#router/watch/line-stream";

const line = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
const text = (octets: Uint8Array | undefined): string => new TextDecoder().decode(octets);

test("lines come as they are put in, those of one moment together", async () => {
  const stream = new LineStream(new AbortController().signal, () => {});
  const reader = stream.readable.getReader();
  stream.put(line({ type: "start" }));
  stream.put(Uint8Array.of(0x61));
  expect(text((await reader.read()).value)).toBe('{"type":"start"}\na');
  stream.put(line({ type: "counts" }));
  stream.close();
  expect(text((await reader.read()).value)).toBe('{"type":"counts"}\n');
  expect((await reader.read()).done).toBe(true);
});

test("a reader that does not read loses what finds no room, and nothing waits", async () => {
  const stream = new LineStream(new AbortController().signal, () => {});
  const piece = new Uint8Array(1 << 20);
  for (let i = 0; i < 10; i++) stream.put(piece);
  expect(stream.lost).toBeGreaterThan(4);
  const reader = stream.readable.getReader();
  await reader.read();
  const { lost } = stream;
  stream.put(Uint8Array.of(1));
  expect(stream.lost).toBe(lost);
});

test("there is room until so much waits for the reader, and again when he reads", async () => {
  const stream = new LineStream(new AbortController().signal, () => {});
  const hasRoom = (): boolean => stream.hasRoom;
  let pieces = 0;
  for (; hasRoom(); pieces++) stream.put(new Uint8Array(1 << 17));
  expect([pieces, stream.lost]).toEqual([32, 0]); // 4 MiB
  await stream.readable.getReader().read();
  expect(hasRoom()).toBe(true);
});

test("who goes ends it, once; what is put in afterwards is nobody's", async () => {
  let ended = 0;
  const controller = new AbortController();
  const aborted = new LineStream(controller.signal, () => ended++);
  controller.abort();
  aborted.put(line({}));
  aborted.close();
  expect(ended).toBe(1);
  const cancelled = new LineStream(new AbortController().signal, () => ended++);
  await cancelled.readable.cancel();
  cancelled.put(line({}));
  expect(ended).toBe(2);
});
