import { afterEach, expect, test } from "bun:test";
import { SysError } from "#sys/errno";
import { SLOT, UdpBatch } from "#sys/udp-batch";

const LOOPBACK = "127.0.0.1";
const open: UdpBatch[] = [];

function pair(): { sender: UdpBatch; receiver: UdpBatch } {
  const receiver = new UdpBatch({ host: LOOPBACK, port: 0 }, 8);
  const sender = new UdpBatch({ host: LOOPBACK, port: 0 }, 8);
  open.push(receiver, sender);
  sender.connect({ host: LOOPBACK, port: receiver.port });
  receiver.setReceiveTimeout(1000);
  sender.setReceiveTimeout(1000);
  return { sender, receiver };
}

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

test("what was sent one by one is received in one batch, datagram by datagram", () => {
  const { sender, receiver } = pair();
  for (let number = 1; number <= 5; number++) {
    sender.payloads.fill(number, 0, 18);
    expect(sender.send(18)).toBe(true);
  }
  expect(receiver.receive()).toBe(5);
  for (let slot = 0; slot < 5; slot++) {
    expect(receiver.length(slot)).toBe(18);
    expect(receiver.payloads.subarray(slot * SLOT, slot * SLOT + 18)).toEqual(new Uint8Array(18).fill(slot + 1));
  }
});

test("a reply goes back to the sender, again and again over the same slots", () => {
  const { sender, receiver } = pair();
  for (let round = 0; round < 3; round++) {
    sender.payloads[0] = round;
    sender.send(4);
    expect(receiver.receive()).toBe(1);
    expect(receiver.reply(0)).toBe(true);
    sender.payloads[0] = 0xa5;
    expect(sender.receive()).toBe(1);
    expect(sender.length(0)).toBe(4);
    expect(sender.payloads[0]).toBe(round);
  }
});

test("receive ends with nothing when its time is over", () => {
  const { receiver } = pair();
  receiver.setReceiveTimeout(5);
  expect(receiver.receive()).toBe(0);
});

test("a taken port is an error that names it", () => {
  const { port } = pair().receiver;
  expect(() => new UdpBatch({ host: LOOPBACK, port })).toThrow(SysError);
  expect(() => new UdpBatch({ host: LOOPBACK, port })).toThrow(`${LOOPBACK} port ${port}`);
});
