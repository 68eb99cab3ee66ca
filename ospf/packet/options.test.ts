import { expect, test } from "bun:test";
import { formatOptions, hasOptions, OPTION_AT, OPTION_E, OPTION_L, OPTION_R, OPTION_V6 } from "#ospf/packet/options";

test("bits stand where the pictures of RFC 5340 §A.2, RFC 5613 §2.1 and RFC 7166 §2.1 have them", () => {
  expect(formatOptions(0x000001)).toBe("V6");
  expect(formatOptions(0x00073f)).toBe("V6|E|MC|N|R|DC|AF|L|AT");
});

test("bits without a name are shown as one number", () => {
  expect(formatOptions(0x800041)).toBe("V6|0x800040");
  expect(formatOptions(0x800000)).toBe("0x800000");
  expect(formatOptions(0)).toBe("");
});

test("options are there when every one of them is", () => {
  const options = OPTION_V6 | OPTION_E | OPTION_R;
  expect(hasOptions(options, OPTION_V6)).toBe(true);
  expect(hasOptions(options, OPTION_V6 | OPTION_R)).toBe(true);
  expect(hasOptions(options, OPTION_V6 | OPTION_AT)).toBe(false);
  expect(hasOptions(options, OPTION_L)).toBe(false);
});
