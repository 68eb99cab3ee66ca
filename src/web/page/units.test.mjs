import { expect, test } from "bun:test";
import { bitsText, clipped, duration, millis, percent, short } from "./units.mjs";

test("figures are short, with their unit", () => {
  expect([0, 350, 8700, 999_400, 1e6, 32e6, 1.5e9].map(short)).toEqual([
    "0 ",
    "350 ",
    "8.7 k",
    "999 k",
    "1 M",
    "32 M",
    "1.5 G",
  ]);
  expect([null, 750].map(bitsText)).toEqual(["–", "750 bit/s"]);
  expect([null, 0, 0.001, 0.346, 1].map(percent)).toEqual(["–", "0 %", "<1 %", "35 %", "100 %"]);
  expect([null, 18.4, 1234].map(millis)).toEqual(["–", "18 ms", "1.2 s"]);
  expect([5, 65, 3700, 90_061].map(duration)).toEqual(["5 s", "1 m", "1 h 1 m", "1 d 1 h"]);
});

test("a text that is too long says so", () => {
  expect(clipped("hypervisor", 20)).toBe("hypervisor");
  expect(clipped("hypervisor", 5)).toBe("hype…");
});
