import { expect, test } from "bun:test";
import { Failure } from "#cli/failure";
import { shownWords } from "#cli/shown-text";

const commandOf = (...words: string[]): string | undefined => shownWords(words)?.command;
const pathOf = (...words: string[]): string | undefined => shownWords(words)?.path;

test("words that `ain show` takes are told with the path that the router is asked", () => {
  expect([pathOf("ports"), commandOf("ports")]).toEqual(["ports", "ain show ports"]);
  expect([pathOf("ports", "eth1"), commandOf("ports", "eth1")]).toEqual(["ports", "ain show ports eth1"]);
  expect(pathOf("flights", "web 1")).toBe("flights/web%201");
  expect(commandOf("flights", "blue/prod 10.0.0.5")).toBe("ain show flights 'blue/prod 10.0.0.5'");
  expect(commandOf("flights", "it's")).toBe(`ain show flights 'it'\\''s'`);
  expect(pathOf("ospf")).toBe("ospf/status");
  expect(pathOf("ospf", "database", "router", "10.0.0.1")).toBe("ospf/database/router/10.0.0.1");
  expect(pathOf("bfd")).toBe("bfd");
});

test("no others are: they would lead elsewhere in the router's API", () => {
  for (const words of [[], [""], ["stop"], ["ports", ""], ["ports", "a", "b"], ["rules", "web"], ["bfd", "x"], ["vm"]])
    expect(shownWords(words), words.join(" ")).toBeUndefined();
  for (const words of [
    ["ospf", "x"],
    ["ospf", "routes", "all"],
    ["ospf", "database", "x"],
  ])
    expect(shownWords(words), words.join(" ")).toBeUndefined();
  expect(shownWords(["ospf", "database", "all", "../stop"])).toBeUndefined();
  expect(shownWords(["ospf", "database", "all", "1.1.1.1", "x"])).toBeUndefined();
});

test("the text is the command line's, narrowed as there; what is not there is a failure that says so", () => {
  const homes = [
    { index: 0, prefix: "2001:db8:1::/64", hypervisor: "hv1", here: true },
    { index: 1, prefix: "2001:db8:2::/64", hypervisor: "hv2", here: false },
  ];
  const { text, json } = shownWords(["homes", "hv2"])!.text(homes);
  expect([text.split("\n").length, json]).toEqual([2, [homes[1]]]);
  expect(() => shownWords(["homes", "hv3"])!.text(homes)).toThrow(Failure);
});
