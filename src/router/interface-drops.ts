/**
 * What the kernel dropped at the ports' interfaces, where neither a packet socket nor a TAP's descriptor tells of it: a
 * full backlog of a veth end, a full queue of a TAP. Counted from when the port first had the interface.
 */
import type { GroupLimits } from "#router/group-limits";
import type { PortState } from "#router/ports";
import { SysError } from "#sys/errno";
import { type Link, Rtnetlink } from "#sys/rtnetlink";

/** Frames, as the router sees them: lost on their way in, lost on their way out. */
export interface Drops {
  readonly receive: number;
  readonly transmit: number;
}

const NONE: Drops = { receive: 0, transmit: 0 };

export class InterfaceDrops {
  private readonly groups: GroupLimits;
  private readonly since = new Map<PortState, Drops & { readonly index: number }>();

  /** `groups`: what it refuses, a TAP's interface counts too, and is counted for that. */
  constructor(groups: GroupLimits) {
    this.groups = groups;
  }

  /** The port has an interface that was there before. */
  opened(port: PortState, { index, receiveDrops, transmitDrops }: Link): void {
    if (this.since.get(port)?.index === index) return;
    this.since.set(port, { index, receive: receiveDrops, transmit: transmitDrops });
  }

  removed(port: PortState): void {
    this.since.delete(port);
  }

  /** For each of the ports. */
  read(ports: Iterable<PortState>): Map<PortState, Drops> {
    const links = new Map<string, readonly Link[]>();
    const drops = new Map<PortState, Drops>();
    for (const port of ports) {
      const { namespace, name } = placeOf(port);
      if (!links.has(namespace)) links.set(namespace, listLinks(namespace));
      const link = links.get(namespace)!.find((it) => it.name === name);
      drops.set(port, link === undefined ? NONE : this.dropsOf(port, link));
    }
    return drops;
  }

  private dropsOf(port: PortState, { receiveDrops, transmitDrops }: Link): Drops {
    // A TAP is made anew by the router, and what its interface sends is what the router receives.
    if (port.attachment === "tap") {
      const refused = this.groups.refusedNow(port);
      return { receive: Math.max(0, transmitDrops - refused), transmit: receiveDrops };
    }
    const { receive, transmit } = this.since.get(port) ?? { receive: receiveDrops, transmit: transmitDrops };
    return { receive: Math.max(0, receiveDrops - receive), transmit: Math.max(0, transmitDrops - transmit) };
  }
}

/** Namespace ("": the router's own) and name of a port's interface. */
function placeOf(port: PortState): { namespace: string; name: string } {
  if (port.service !== undefined) return { namespace: port.service.path, name: port.interface };
  const attachment = port.vm?.attachment;
  if (attachment?.kind !== "tap" || attachment.netns === undefined) return { namespace: "", name: port.interface };
  return { namespace: attachment.netns, name: attachment.rename ?? port.interface };
}

/** None where the namespace has gone. */
function listLinks(namespace: string): Link[] {
  try {
    const netlink = new Rtnetlink(namespace === "" ? undefined : namespace);
    try {
      return netlink.links();
    } finally {
      netlink.close();
    }
  } catch (error) {
    if (error instanceof SysError) return [];
    throw error;
  }
}
