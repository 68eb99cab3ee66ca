import { expect, test } from "bun:test";
import { fold, sum } from "#base/checksum";
import { dataFrame, MESSAGE, SIZE } from "./data-frame";
import * as message from "./message";

const PATH = {
  sourceMac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  nextHopMac: Uint8Array.of(2, 0, 0, 0, 0, 2),
  source: Uint8Array.of(10, 9, 1, 2),
  destination: Uint8Array.of(10, 9, 2, 2),
};
const [IP, UDP, PROTOCOL] = [14, 34, 17];

test("is the smallest Ethernet frame, 64 octets with its check sequence", () => {
  expect(SIZE + 4).toBe(64);
});

test.each([0, 1, 0xffff, 0x1_0000, 0x1234_5678, 0xffff_ffff])(
  "the UDP checksum holds for sequence number %d",
  (number) => {
    const frame = dataFrame(PATH, 7);
    message.setSequence(frame, MESSAGE, number);
    const pseudoHeader = sum(frame, IP + 12, 8, PROTOCOL + SIZE - UDP);
    expect(fold(sum(frame, UDP, SIZE - UDP, pseudoHeader))).toBe(0xffff);
    expect(message.sequence(frame, MESSAGE)).toBe(number);
    expect(message.trial(frame, MESSAGE)).toBe(7);
  },
);
