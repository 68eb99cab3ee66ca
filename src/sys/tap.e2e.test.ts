import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeDescriptor, closingAfter } from "#sys/descriptor";
import { createNamespace, deleteNamespace, inNamespace, openNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { checkInterfaceName, openTap } from "#sys/tap";

const HERE = `tapH${process.pid}`;
const VM = `tapV${process.pid}`;
let here: Rtnetlink;
let vm: Rtnetlink;

beforeAll(() => {
  createNamespace(HERE);
  createNamespace(VM);
  here = new Rtnetlink(HERE);
  vm = new Rtnetlink(VM);
});

afterAll(() => {
  here.close();
  vm.close();
  deleteNamespace(HERE);
  deleteNamespace(VM);
});

const open = (name: string, queues?: number) =>
  inNamespace(HERE, () => openTap(queues === undefined ? { name } : { name, queues }));

test("a TAP lives in the namespace it was made in, as long as one of its queues is open", () => {
  const { descriptors, udpSegmentation } = open("t0", 3);
  expect(descriptors.length).toBe(3);
  expect(udpSegmentation).toBe(true);
  expect(here.requireLink("t0").kind).toBe("tun");
  descriptors.slice(1).forEach(closeDescriptor);
  expect(here.link("t0")).toBeDefined();
  closeDescriptor(descriptors[0]!);
  expect(here.link("t0")).toBeUndefined();
});

test("a TAP moves into another namespace under another name, and still ends with its descriptor", () => {
  const [fd] = open("t1").descriptors as [number];
  closingAfter(openNamespace(VM), (namespaceFd) =>
    here.changeLink(here.requireLink("t1").index, { namespaceFd, name: "eth0" }),
  );
  expect(here.link("t1")).toBeUndefined();
  expect(vm.requireLink("eth0").kind).toBe("tun");
  closeDescriptor(fd);
  expect(vm.link("eth0")).toBeUndefined();
});

test("a name that is taken, by a TAP or any other interface, is an error that says how to get rid of it", () => {
  const [fd] = open("t2").descriptors as [number];
  here.addBridge("d0");
  for (const name of ["t2", "d0"]) {
    expect(() => open(name)).toThrow(
      new RegExp(`make TAP ${name} \\(an interface of that name exists; "ip link delete`),
    );
  }
  closeDescriptor(fd);
  here.deleteLink(here.requireLink("d0").index);
});

test("what cannot name an interface is refused before the kernel cuts or changes it", () => {
  for (const name of ["", "a".repeat(16), "a b", "a/b", "tap%d", "a:1", ".."]) {
    expect(() => openTap({ name })).toThrow(/cannot name an interface/);
  }
  checkInterfaceName("ä".repeat(7));
  expect(() => checkInterfaceName("ä".repeat(8))).toThrow(RangeError);
});
