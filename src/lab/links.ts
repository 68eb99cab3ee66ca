/** Links as veth pairs between namespaces: made, and brought to what the file says when they are there already. */
import type { LabLink, LabNode, LinkEnd } from "#lab/model";
import type { LinkState } from "#lab/state";
import { closingAfter } from "#sys/descriptor";
import { ENODEV, SysError } from "#sys/errno";
import { namespaceExists, openNamespace } from "#sys/namespace";
import { type Link, type LinkSettings, Rtnetlink } from "#sys/rtnetlink";

/** rtnetlink sockets into the namespaces of a lab, opened when first needed. */
export class LabSockets {
  readonly #namespaces: ReadonlyMap<string, string>;
  readonly #sockets = new Map<string, Rtnetlink>();

  constructor(nodes: readonly Pick<LabNode, "name" | "namespace">[]) {
    this.#namespaces = new Map(nodes.map(({ name, namespace }) => [name, namespace]));
  }

  namespace(node: string): string {
    return this.#namespaces.get(node)!;
  }

  of(node: string): Rtnetlink {
    const open = this.#sockets.get(node) ?? new Rtnetlink(this.namespace(node));
    this.#sockets.set(node, open);
    return open;
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

/** Makes the link, or makes of what is there what the file says. Both ends are up afterwards. */
export function ensureLink(sockets: LabSockets, link: LabLink): void {
  const [a, b] = link.ends;
  if (!areConnected(sockets, a, b)) {
    for (const end of [a, b]) removeInterface(sockets, end);
    closingAfter(openNamespace(sockets.namespace(b.node)), (peerNamespaceFd) =>
      sockets.of(a.node).addVeth({
        name: a.interface,
        peerName: b.interface,
        peerNamespaceFd,
        mtu: link.mtu,
        ...(a.mac && { mac: a.mac.bytes }),
        ...(b.mac && { peerMac: b.mac.bytes }),
      }),
    );
  }
  for (const end of [a, b]) {
    const socket = sockets.of(end.node);
    const { index, up } = socket.requireLink(end.interface);
    if (end.isPort && !up) socket.changeLink(index, { generateLinkLocal: false }, end.interface);
    const settings = { mtu: link.mtu, up: true, ...(end.mac && { mac: end.mac.bytes }) };
    changeIfDifferent(socket, socket.requireLink(end.interface), settings);
  }
}

/** Removes what was made for a link that the file no longer has. */
export function removeLink(sockets: LabSockets, ends: LinkState): void {
  for (const end of ends) if (namespaceExists(sockets.namespace(end.node))) removeInterface(sockets, end);
}

/** True when the two interfaces are the ends of one veth pair. */
function areConnected(sockets: LabSockets, a: LinkEnd, b: LinkEnd): boolean {
  const [one, other] = [a, b].map((end) => sockets.of(end.node).link(end.interface));
  if (one?.kind !== "veth" || other?.kind !== "veth") return false;
  return one.peer === other.index && other.peer === one.index;
}

/** A veth's other end goes with it; so it may go just now, when the other end's namespace was deleted a moment ago. */
function removeInterface(sockets: LabSockets, end: Pick<LinkEnd, "node" | "interface">): void {
  const socket = sockets.of(end.node);
  const link = socket.link(end.interface);
  if (link === undefined) return;
  try {
    socket.deleteLink(link.index, end.interface);
  } catch (error) {
    if (!(error instanceof SysError && error.errno === ENODEV)) throw error;
  }
}

/** Leaves alone what is right already: some drivers reset the interface for the same MTU again. */
export function changeIfDifferent(socket: Rtnetlink, link: Link, wanted: LinkSettings): void {
  const { mtu, mac, up } = wanted;
  const changes: LinkSettings = {
    ...(mtu !== undefined && mtu !== link.mtu && { mtu }),
    ...(mac !== undefined && Buffer.compare(mac, link.mac) !== 0 && { mac }),
    ...(up !== undefined && up !== link.up && { up }),
  };
  if (Object.keys(changes).length > 0) socket.changeLink(link.index, changes, link.name);
}
