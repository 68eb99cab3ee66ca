/** Filtered packet sockets on a pair of interfaces. Needs root. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { dropIncoming } from "#sys/bpf";
import { closeDescriptor } from "#sys/descriptor";
import { ENETDOWN } from "#sys/errno";
import { FrameSocket, OFFLOAD_SIZE, openFrameSocket } from "#sys/frame-socket";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import type { Condition } from "#sys/packet-filter";
import { waitFor } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";

const NAMESPACE = `frames${process.pid}`;
let links: Rtnetlink;
let sender: FrameSocket;

beforeAll(() => {
  createNamespace(NAMESPACE);
  links = new Rtnetlink(NAMESPACE);
  links.addVeth({ name: "near", peerName: "far" });
  for (const name of ["near", "far"]) {
    writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1, NAMESPACE); // the kernel says nothing of its own
    links.changeLink(links.requireLink(name).index, { up: true }, name);
  }
  sender = open("far", []);
});

afterAll(() => {
  close(sender);
  links.close();
  deleteNamespace(NAMESPACE);
});

function open(name: string, filter: readonly Condition[]): FrameSocket {
  const { index } = links.requireLink(name);
  return new FrameSocket(inNamespace(NAMESPACE, () => openFrameSocket(index, name, filter)));
}

function close(socket: FrameSocket): void {
  socket.free();
  closeDescriptor(socket.fd);
}

/** A frame of 60 octets, each its own offset, with some changed. */
function frameWith(changes: Readonly<Record<number, number>> = {}): Uint8Array {
  const frame = Uint8Array.from({ length: 60 }, (_, i) => i);
  for (const [at, value] of Object.entries(changes)) frame[Number(at)] = value;
  return frame;
}

/** The frames that come through, offload header taken off; `last` is sent after them and has to. */
function heard(socket: FrameSocket, frames: readonly Uint8Array[], last: Uint8Array): Uint8Array[] {
  for (const frame of [...frames, last]) expect(sender.send(frame)).toBe(0);
  const got: Uint8Array[] = [];
  while (waitFor(socket.fd, 1000)) {
    const octets = socket.receive()?.slice(OFFLOAD_SIZE);
    if (octets === undefined || Buffer.compare(octets, last) === 0) break;
    got.push(octets);
  }
  return got;
}

const FILTER: Condition[] = [
  { at: 0, octets: 4, value: 0x00010203 },
  { at: 4, octets: 2, value: 0x0405 },
  { at: 59, octets: 1, value: 59 },
];
const LAST = frameWith({ 30: 0xff });

test("a filter lets through only what fulfils all of its conditions", () => {
  const socket = open("near", FILTER);
  const [good, other] = [frameWith(), frameWith({ 20: 0xee })];
  const wrong = [frameWith({ 3: 0 }), frameWith({ 5: 0 }), frameWith({ 59: 0 }), frameWith().slice(0, 59)];
  expect(heard(socket, [wrong[0]!, good, ...wrong, other], LAST)).toEqual([good, other]);
  close(socket);
});

test("a tagged frame does not pass for an untagged one (802.1Q)", () => {
  const socket = open("near", [{ at: 12, octets: 2, value: 0x86dd }]);
  const plain = frameWith({ 12: 0x86, 13: 0xdd });
  const tagged = frameWith({ 12: 0x81, 13: 0x00, 14: 0x00, 15: 0x05, 16: 0x86, 17: 0xdd });
  expect(heard(socket, [tagged], plain)).toEqual([]);
  close(socket);
});

test("a socket hears what a tcx program drops behind it, and nothing of what is sent on its own interface", () => {
  const drop = inNamespace(NAMESPACE, () => dropIncoming(links.requireLink("near").index, "near"));
  const socket = open("near", []);
  expect(socket.send(frameWith({ 40: 1 }))).toBe(0);
  expect(heard(socket, [frameWith()], LAST)).toEqual([frameWith()]);
  expect(socket.drops()).toBe(0);
  close(socket);
  closeDescriptor(drop);
});

test("an interface that goes down says so once, refuses frames, and works again when it is back", () => {
  const socket = open("near", []);
  const { index } = links.requireLink("near");
  links.changeLink(index, { up: false }, "near");
  expect([waitFor(socket.fd, 1000), socket.takeError(), socket.takeError()]).toEqual([true, ENETDOWN, 0]);
  expect(socket.send(frameWith())).toBe(ENETDOWN);
  expect(socket.receive()).toBeUndefined();
  links.changeLink(index, { up: true }, "near");
  let got: Uint8Array[] = [];
  // The other end may take a second to believe in its carrier, and loses what is sent until then.
  for (let tries = 0; tries < 5 && got.length === 0; tries++) got = heard(socket, [frameWith()], LAST);
  expect(got).toEqual([frameWith()]);
  close(socket);
});
