/** Which ways through a lab are measured. */
import { expect, test } from "bun:test";
import type { Place } from "#cli/lab-vms";
import { pairsOf, waysOf } from "#cli/lab-ways";

/** `blue1@hv1` is blue's first VM, at hv1. */
const vms = (...texts: string[]): Place[] =>
  texts.map((text) => {
    const [name = "", hypervisor = ""] = text.split("@");
    const network = name.replace(/\d+$/, "");
    return { name, hypervisor, network, namespace: name, address: "10.0.0.2", networkAddress: "2001:db8::" };
  });
const names = (ways: ReturnType<typeof waysOf>): string[] => ways.map(({ from, to }) => `${from.name} ${to.name}`);

test("the first VM sends to those of its network, at other hypervisors first, and to no more than a few", () => {
  const small = vms("blue1@hv1", "red1@hv1", "blue2@hv1", "blue3@hv2", "red2@hv2");
  expect(names(waysOf(small))).toEqual(["blue1 blue3", "blue1 blue2"]);
  const large = vms(...Array.from({ length: 20 }, (_, i) => `blue${i}@hv${i}`));
  expect(names(waysOf(large))).toEqual(["blue0 blue1", "blue0 blue2", "blue0 blue3", "blue0 blue19"]);
  expect(waysOf([])).toEqual([]);
});

test("at once every VM is in one pair of its network, or in none", () => {
  const some = vms("blue1@hv1", "red1@hv1", "blue2@hv2", "red2@hv2", "blue3@hv3", "green1@hv1");
  expect(names(pairsOf(some))).toEqual(["blue1 blue2", "red1 red2"]);
});
