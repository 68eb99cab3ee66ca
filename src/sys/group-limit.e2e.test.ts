/** The kernel's limit to frames to groups, at a packet socket and at a TAP. Needs root. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeDescriptor } from "#sys/descriptor";
import { FrameSocket, openFrameSocket } from "#sys/frame-socket";
import { GroupLimit } from "#sys/group-limit";
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { waitFor } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";
import { openTap } from "#sys/tap";

const NAMESPACE = `groups${process.pid}`;
/** Frames a second: not one more while a test runs. */
const HARDLY = 0.001;
const BURST = 4;
let links: Rtnetlink;

const frame = (first: number, last = 0): Uint8Array =>
  Uint8Array.of(first, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, ...new Array(45).fill(0), last);
const BROADCAST = frame(0xff);
const MULTICAST = frame(0x33);
const UNICAST = frame(0x02);
/** Sent last, as others are not limited. */
const END = frame(0x02, 0xee);

beforeAll(() => {
  createNamespace(NAMESPACE);
  links = new Rtnetlink(NAMESPACE);
  links.addVeth({ name: "near", peerName: "far" });
  for (const name of ["near", "far"]) bringUp(name);
});

afterAll(() => {
  links.close();
  deleteNamespace(NAMESPACE);
});

function bringUp(name: string): void {
  writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1, NAMESPACE); // the kernel says nothing of its own
  links.changeLink(links.requireLink(name).index, { up: true }, name);
}

function openSocket(name: string): FrameSocket {
  const { index } = links.requireLink(name);
  return new FrameSocket(inNamespace(NAMESPACE, () => openFrameSocket(index, name, [])));
}

function close(socket: FrameSocket): void {
  socket.free();
  closeDescriptor(socket.fd);
}

function limit(rate: number, burst: number): GroupLimit {
  const made = GroupLimit.open("near");
  made.set(rate, burst);
  return made;
}

/** How many frames came before the last. */
function heard(socket: FrameSocket): number {
  let count = 0;
  while (waitFor(socket.fd, 2000)) {
    if (socket.receive()?.at(-1) === 0xee) break;
    count++;
  }
  return count;
}

function send(name: string, frames: readonly Uint8Array[]): void {
  const sender = openSocket(name);
  for (const each of [...frames, END]) expect(sender.send(each)).toBe(0);
  close(sender);
}

const times = (count: number, each: Uint8Array): Uint8Array[] => new Array<Uint8Array>(count).fill(each);

test("frames to groups beyond rate and burst are refused and counted, all others pass", () => {
  const socket = openSocket("near");
  const groups = limit(HARDLY, BURST);
  groups.attachToSocket(socket.fd);
  send("far", [...times(20, UNICAST), ...times(10, BROADCAST), ...times(10, MULTICAST), ...times(20, UNICAST)]);
  expect([heard(socket), groups.refused]).toEqual([40 + 1 + BURST, 20 - 1 - BURST]);
  close(socket);
  groups.close();
});

test("another limit holds at once, and two sockets of an interface have it together", () => {
  const [first, second] = [openSocket("near"), openSocket("near")];
  const groups = limit(HARDLY, 0);
  for (const { fd } of [first, second]) groups.attachToSocket(fd);
  groups.set(1e9, 1e9);
  send("far", times(10, BROADCAST));
  expect([heard(first), heard(second), groups.refused]).toEqual([10, 10, 0]);
  groups.set(HARDLY, 5); // each frame counts for both: 6 of 20 pass
  send("far", times(10, BROADCAST));
  expect(heard(first) + heard(second)).toBe(6);
  expect(groups.refused).toBe(14);
  for (const socket of [first, second]) close(socket);
  groups.close();
});

test("what its interface sends to a TAP's reader is limited likewise", () => {
  const [fd] = inNamespace(NAMESPACE, () => openTap({ name: "tap0" })).descriptors as [number];
  const groups = limit(HARDLY, BURST);
  groups.attachToTap(fd);
  bringUp("tap0");
  send("tap0", [...times(10, BROADCAST), ...times(5, UNICAST)]);
  const memory = pinned(4096);
  let frames = 0;
  while (waitFor(fd, 1000) && libc.read(fd, memory.address, memory.size) > 0) frames++;
  expect([frames, groups.refused]).toEqual([1 + BURST + 5 + 1, 10 - 1 - BURST]);
  groups.close();
  closeDescriptor(fd);
});

test("it stays with what has it when whoever made it is done with it", () => {
  const socket = openSocket("near");
  const groups = limit(HARDLY, 0);
  groups.attachToSocket(socket.fd);
  groups.close();
  send("far", times(10, BROADCAST));
  expect(heard(socket)).toBe(1);
  close(socket);
});
