import { expect, test } from "bun:test";
import { BrowserStream } from "#web/browser-stream";

const read = async (stream: BrowserStream): Promise<string> => {
  const { value } = await stream.body.getReader().read();
  return new TextDecoder().decode(value);
};

test("HTML Standard §9.2.6: an event is its name and its data, ended by an empty line", async () => {
  const stream = new BrowserStream(() => {}, 100);
  stream.send("patch", { a: "x\ny" });
  expect(await read(stream)).toBe('event: patch\ndata: {"a":"x\\ny"}\n\n');
});

test("a comment is a sign of life", async () => {
  const stream = new BrowserStream(() => {}, 100);
  stream.comment("still here");
  expect(await read(stream)).toBe(": still here\n\n");
});

test("what waits is bounded: a browser that lets more pile up is dropped, once, and nothing of it is kept", async () => {
  let ended = 0;
  const stream = new BrowserStream(() => ended++, 100);
  stream.send("whole", "x".repeat(1000)); // what it gets at first may be long
  expect([ended, stream.waiting > 1000]).toEqual([0, true]);
  stream.send("patch", 1);
  stream.send("patch", 2);
  expect([ended, stream.waiting]).toEqual([1, 0]);
  expect(read(stream)).rejects.toThrow("does not read");
});

test("a browser that goes is told of", async () => {
  let ended = 0;
  const stream = new BrowserStream(() => ended++, 100);
  await stream.body.cancel();
  stream.send("patch", 1);
  expect([ended, stream.waiting]).toEqual([1, 0]);
});
