/** Numbers by which rules know addresses that tenants brought. */
import { expect, test } from "bun:test";
import { parsePrefix6 } from "#base/address";
import { addressClasses, type BroughtPrefix, classesWithin, fabricHosts, publicClasses } from "#policy/address-classes";
import { isIpv6Host, MOST_HOST_NUMBER } from "#policy/homes";
import { covers } from "#policy/rules";

const prefix = (text: string) => parsePrefix6(text)!;
const brought = (text: string, isPublic = false): BroughtPrefix => ({ ...prefix(text), isPublic });

test("each prefix, and each part of it that is named, has a number of its own, above the fabric's hosts'", () => {
  const classes = addressClasses(
    [brought("2001:db8:70::/48", true), brought("fd00:1::/48")],
    ["2001:db8:70:1::/64", "2001:db8:70:1::7/128", "2001:db8:70::/48", "2001:db8::/32", "fd00:2::/64"].map(prefix),
  );
  expect(classes.map(({ prefix: { length }, isPublic }) => [length, isPublic])).toEqual([
    [128, true],
    [64, true],
    [48, true],
    [48, false],
  ]);
  const hosts = classes.map(({ host }) => host);
  expect(new Set(hosts).size).toBe(4);
  for (const host of hosts) {
    expect(host).toBeGreaterThan(MOST_HOST_NUMBER);
    expect(host).toBeLessThan(0xff_ffff);
    expect([isIpv6Host(host), covers(fabricHosts(7), { tags: 7, host })]).toEqual([true, false]);
  }
  expect(covers(fabricHosts(7), { tags: 7, host: MOST_HOST_NUMBER })).toBe(true);
  expect(classesWithin(7, classes, prefix("2001:db8:70:1::/64")).map(({ host }) => host)).toEqual(hosts.slice(0, 2));
  expect(classesWithin(7, classes, prefix("2001:db8::/32"))).toHaveLength(3);
  expect(publicClasses(7, classes).map(({ host }) => host)).toEqual(hosts.slice(0, 3));
});

test("a prefix has the same number beside whatever others, so that connections outlast another rule", () => {
  const one = addressClasses([brought("2001:db8:70::/48")], []);
  const many = addressClasses(
    [brought("2001:db8:70::/48")],
    Array.from({ length: 500 }, (_, i) => prefix(`2001:db8:70:${(i + 1).toString(16)}::/64`)),
  );
  expect(many).toHaveLength(501);
  expect(new Set(many.map(({ host }) => host)).size).toBe(501);
  expect(many.at(-1)).toEqual(one[0]!);
});
