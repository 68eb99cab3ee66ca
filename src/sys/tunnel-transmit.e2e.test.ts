/** Super-packets into tunnels, sent and received on a pair of interfaces. Needs root. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { closeDescriptor } from "#sys/descriptor";
import { libc } from "#sys/libc";
import { Arena, type Memory, pinned } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { waitFor } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";
import {
  closeTunnelTransmit,
  freeTunnelTransmit,
  OUTER,
  openTunnelTransmit,
  TunnelTransmit,
} from "#sys/tunnel-transmit";
import * as vnet from "#wire/virtio-net";

const NAMESPACE = `tunnels${process.pid}`;
const ETHERNET = 14;
const IPV6 = 40;
const TCP = 20;
const MSS = 1000;
const PAYLOAD = 40 * MSS + 17;
const HEADERS = ETHERNET + OUTER + IPV6 + TCP;
const MSG_DONTWAIT = 0x40;

const arena = Arena.map();
let links: Rtnetlink;

beforeAll(() => {
  createNamespace(NAMESPACE);
  links = new Rtnetlink(NAMESPACE);
  links.addVeth({ name: "near", peerName: "far" });
  for (const name of ["near", "far"]) {
    writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1, NAMESPACE);
    links.changeLink(links.requireLink(name).index, { up: true }, name);
  }
});

afterAll(() => {
  links.close();
  deleteNamespace(NAMESPACE);
  arena.unmap();
});

const open = () =>
  inNamespace(NAMESPACE, () =>
    openTunnelTransmit(arena, {
      interfaceIndex: links.requireLink("near").index,
      interfaceName: "near",
      sendBuffer: 1 << 20,
    }),
  );

/** Writes a TCP super-packet in a tunnel, every octet of its payload its own place; returns its end. `key`: of the tunnel. */
function write({ bytes, view }: Memory, at: number, key: number): number {
  const [outer, inner] = [at + ETHERNET, at + ETHERNET + OUTER];
  const tcp = inner + IPV6;
  const end = at + HEADERS + PAYLOAD;
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd], at);
  for (const [header, next, ends] of [
    [outer, 47, ["2001:db8::1", "2001:db8::2"]],
    [inner, 6, ["2001:db8:1::1", "2001:db8:1::2"]],
  ] as const) {
    view.setUint32(header, 0x6000_0000);
    view.setUint16(header + 4, end - header - IPV6);
    bytes.set([next, 64], header + 6);
    for (const [i, text] of ends.entries()) bytes.set(parseIpv6(text)!, header + 8 + 16 * i);
  }
  view.setUint32(outer + IPV6, 0x2000_86dd);
  view.setUint32(outer + IPV6 + 4, key);
  bytes.fill(0, tcp, tcp + TCP);
  view.setUint32(tcp, (5000 << 16) | 5001);
  view.setUint32(tcp + 4, 1_000_000);
  bytes.set([0x50, 0x10], tcp + 12);
  view.setUint16(tcp + 16, pseudo(bytes, inner, end - tcp));
  for (let i = 0; i < PAYLOAD; i++) bytes[tcp + TCP + i] = i % 251;
  return end;
}

/** What a partial checksum begins with: the pseudo-header's sum (RFC 8200 §8.1). */
function pseudo(bytes: Uint8Array, ip: number, length: number): number {
  let sum = length + 6;
  for (let i = 8; i < 40; i += 2) sum += (bytes[ip + i]! << 8) | bytes[ip + i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function send(transmit: TunnelTransmit, keys: readonly number[]): void {
  for (const [i, key] of keys.entries()) {
    const at = frames + i * 65536 + 2;
    const end = write(arena, at, key);
    const from = transmit.takeOff(at);
    const header = from - vnet.SIZE;
    arena.bytes.fill(0, header, from);
    vnet.setFlags(arena.bytes, header, vnet.NEEDS_CSUM);
    vnet.setGsoType(arena.bytes, header, vnet.GSO_TCPV6);
    vnet.setHdrLen(arena.bytes, header, HEADERS - OUTER);
    vnet.setGsoSize(arena.bytes, header, MSS);
    vnet.setCsumStart(arena.bytes, header, ETHERNET + IPV6);
    vnet.setCsumOffset(arena.bytes, header, 16);
    transmit.add(header, end);
  }
  transmit.flush();
}
const frames = arena.allocate(8 * 65536, 4096);

/** All frames that come by "far", each led by its virtio_net_hdr, until none comes any more. */
function heard(socket: number): Uint8Array[] {
  const memory = pinned(70_000);
  const got: Uint8Array[] = [];
  while (waitFor(socket, 300)) {
    const length = libc.recv(socket, memory.address, memory.size, MSG_DONTWAIT);
    if (length > 0) got.push(memory.bytes.slice(0, length));
  }
  return got;
}

function listen(): number {
  const { index } = links.requireLink("far");
  const settings = { index, about: "far", receiveBuffer: 4 << 20, sendBuffer: 4096, promiscuous: true };
  return inNamespace(NAMESPACE, () => openPacketSocket(settings));
}

const keyOf = (frame: Uint8Array): number => new DataView(frame.buffer).getUint32(vnet.SIZE + ETHERNET + IPV6 + 4);

test("between virtual interfaces a super-packet arrives whole, in its tunnel, with what it asks for", () => {
  const descriptor = open();
  const transmit = new TunnelTransmit(arena, descriptor);
  const socket = listen();
  send(transmit, [0x401, 0x402, 0x801]);
  const got = heard(socket);
  expect(got.map((frame) => [frame.length, keyOf(frame)])).toEqual(
    [0x401, 0x402, 0x801].map((key) => [vnet.SIZE + HEADERS + PAYLOAD, key]),
  );
  const [frame] = got as [Uint8Array];
  expect([vnet.gsoType(frame, 0), vnet.gsoSize(frame, 0)]).toEqual([vnet.GSO_TCPV6, MSS]);
  expect([vnet.flags(frame, 0) & vnet.NEEDS_CSUM, vnet.csumStart(frame, 0)]).toEqual([vnet.NEEDS_CSUM, HEADERS - TCP]);
  write(arena, frames + 2, 0x401);
  expect(frame.subarray(vnet.SIZE)).toEqual(arena.bytes.slice(frames + 2, frames + 2 + HEADERS + PAYLOAD));
  expect(transmit.refused).toBe(0);
  closeTunnelTransmit(descriptor);
  freeTunnelTransmit(arena, descriptor);
  closeDescriptor(socket);
});

test("two senders on an interface do not mix their headers up, and what others send is left alone", () => {
  const descriptors = [open(), open()];
  const [first, second] = descriptors.map((each) => new TunnelTransmit(arena, each)) as [
    TunnelTransmit,
    TunnelTransmit,
  ];
  const socket = listen();
  send(first, [1, 2]);
  send(second, [3]);
  send(first, [4]);
  expect(heard(socket).map(keyOf)).toEqual([1, 2, 3, 4]);
  for (const each of descriptors) {
    closeTunnelTransmit(each);
    freeTunnelTransmit(arena, each);
  }
  closeDescriptor(socket);
});

test("an interface that cannot cut it has it cut by the kernel: each segment in a tunnel of its own (RFC 2784)", () => {
  Bun.spawnSync([
    "ip",
    "netns",
    "exec",
    NAMESPACE,
    "ethtool",
    "-K",
    "near",
    "gso",
    "on",
    "tso",
    "off",
    "tx-gre-segmentation",
    "off",
  ]);
  const descriptor = open();
  const socket = listen();
  send(new TunnelTransmit(arena, descriptor), [0x401]);
  const got = heard(socket);
  expect(got.length).toBe(41);
  for (const [i, frame] of got.entries()) {
    const length = i < 40 ? MSS : 17;
    const view = new DataView(frame.buffer, vnet.SIZE + ETHERNET);
    expect([frame.length, keyOf(frame)]).toEqual([vnet.SIZE + HEADERS + length, 0x401]);
    expect([view.getUint16(4), view.getUint16(OUTER + 4)]).toEqual([8 + IPV6 + TCP + length, TCP + length]);
    expect(view.getUint32(OUTER + IPV6 + 4)).toBe(1_000_000 + i * MSS);
    expect(frame[vnet.SIZE + HEADERS]).toBe((i * MSS) % 251);
  }
  closeTunnelTransmit(descriptor);
  freeTunnelTransmit(arena, descriptor);
  closeDescriptor(socket);
});
