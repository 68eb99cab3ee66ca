/**
 * The wire of a VM that moves. In its namespace a small bridge leads from its one interface to the links to all routers it
 * may live at, and one of these is open. To move is to open another: the VM keeps interface, addresses and carrier, as a
 * machine that is migrated does, and the routers see an interface whose carrier stays while frames come and go.
 *
 * What the VM sends is led past the bridge to the open link, by a program at the bridge's port that is replaced as a whole: each
 * frame goes to one router, also while two links are open for what comes.
 */
import { changeIfDifferent } from "#lab/links";
import { redirectIncoming } from "#sys/bpf";
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { pinned, unpin } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { type Link, Rtnetlink } from "#sys/rtnetlink";

/** Interfaces of a VM's namespace that are not the VM's: the bridge, and its port towards the VM. */
const BRIDGE = "wire";
const INNER = "wire0";
export const WIRE_NAMES: readonly string[] = [BRIDGE, INNER];

export interface Wire {
  /** The VM's interface. */
  readonly interface: string;
  /** The ends of its links; the first is open to begin with. */
  readonly ports: readonly string[];
  /** Octets. */
  readonly mtu: number;
}

/** Makes the wire in a VM's namespace, or repairs it. An open port stays the open one. */
export function ensureWire(namespace: string, wire: Wire): void {
  inSocket(namespace, (socket) => makeWire(socket, namespace, wire));
}

function makeWire(socket: Rtnetlink, namespace: string, wire: Wire): void {
  if (socket.link(BRIDGE) === undefined) socket.addBridge(BRIDGE);
  if (socket.link(wire.interface) === undefined) {
    socket.addVeth({ name: wire.interface, peerName: INNER, mtu: wire.mtu });
  }
  const bridge = socket.requireLink(BRIDGE);
  const names = [INNER, ...wire.ports];
  for (const name of [BRIDGE, ...names]) {
    const link = socket.requireLink(name);
    if (!link.up) socket.changeLink(link.index, { generateLinkLocal: false }, name);
  }
  const open = openPort(socket, wire.ports, bridge) ?? wire.ports[0];
  for (const name of names) {
    const link = socket.requireLink(name);
    if (link.master === bridge.index) continue;
    socket.changeLink(link.index, { master: bridge.index }, name);
    // Links see the VM only: while one is opened before another is closed, nothing goes from router to router.
    const settings = { learns: false, ...(name !== INNER && { isolated: true, open: name === open }) };
    socket.changeBridgePorts([{ index: link.index, settings }]);
  }
  for (const name of [BRIDGE, INNER]) changeIfDifferent(socket, socket.requireLink(name), { up: true });
  if (open !== undefined) switchTo(socket, namespace, wire.ports, open);
}

/** Where the wire leads; undefined when it leads nowhere. */
export function wireEnd(namespace: string, ports: readonly string[]): string | undefined {
  return inSocket(namespace, (socket) => openPort(socket, ports, socket.link(BRIDGE)));
}

/** Moves the VM to another of its links. What it sends meanwhile is neither lost nor sent twice. */
export function moveWire(namespace: string, ports: readonly string[], to: string): void {
  inSocket(namespace, (socket) => switchTo(socket, namespace, ports, to));
}

function switchTo(socket: Rtnetlink, namespace: string, ports: readonly string[], to: string): void {
  const { index } = socket.requireLink(to);
  const others = ports.filter((name) => name !== to).map((name) => socket.requireLink(name));
  socket.changeBridgePorts([{ index, settings: { open: true } }]);
  const inner = socket.requireLink(INNER).index;
  inNamespace(namespace, () => redirectIncoming(inner, index, `${INNER} to ${to}`));
  socket.changeBridgePorts(
    others.filter(({ open }) => open).map((other) => ({ index: other.index, settings: { open: false } })),
  );
}

function openPort(socket: Rtnetlink, ports: readonly string[], bridge: Link | undefined): string | undefined {
  return ports.find((name) => {
    const link = socket.link(name);
    return bridge !== undefined && link?.master === bridge.index && link.open;
  });
}

function inSocket<T>(namespace: string, act: (socket: Rtnetlink) => T): T {
  const socket = new Rtnetlink(namespace);
  try {
    return act(socket);
  } finally {
    socket.close();
  }
}

const RARP_FRAME = 60; // octets, the shortest Ethernet frame
const ETHERTYPE_RARP = [0x80, 0x35];
/** Hardware: Ethernet; protocol: IPv4; their lengths; request reverse. RFC 903. */
const RARP_HEAD = [0, 1, 8, 0, 6, 4, 0, 3];
const VNET_HEADER = 10; // octets, empty

/** Has the VM say where it is now, by the frame that QEMU sends for a machine it has taken over. */
export function announce(namespace: string, name: string): void {
  const { index, mac } = inSocket(namespace, (socket) => socket.requireLink(name));
  const everyone = [255, 255, 255, 255, 255, 255];
  const nobody = [0, 0, 0, 0];
  const frame = [...everyone, ...mac, ...ETHERTYPE_RARP, ...RARP_HEAD, ...mac, ...nobody, ...mac, ...nobody];
  const memory = pinned(VNET_HEADER + RARP_FRAME);
  const settings = { index, about: name, receiveBuffer: 1 << 12, sendBuffer: 1 << 16 };
  const fd = inNamespace(namespace, () => openPacketSocket(settings));
  try {
    memory.bytes.set(frame, VNET_HEADER);
    check(libc.write(fd, memory.address, VNET_HEADER + RARP_FRAME), "send RARP", name);
  } finally {
    closeDescriptor(fd);
    unpin(memory);
  }
}
