/** The router's ports as the control thread keeps them: opened, watched, opened again when they come back, closed. */

import { NO_PORT } from "#fastpath/counters";
import { discardPacketPort, freePacketPort, openPacketPort, type PacketDescriptor } from "#fastpath/ports/packet";
import { freeTapPort, openTapPort, type TapDescriptor } from "#fastpath/ports/tap";
import type { PortDescriptor } from "#fastpath/shared";
import type { OutsideLink, Uplink, Vm } from "#router/config/model";
import { GroupLimits } from "#router/group-limits";
import type { InterfaceClaims } from "#router/interface-claims";
import { InterfaceDrops } from "#router/interface-drops";
import {
  openServiceNamespace,
  SERVICE_INTERFACE,
  SERVICE_MTU,
  type ServiceNamespace,
} from "#router/metadata/service-namespace";
import { RouterError } from "#router/router-error";
import type { UndoLog } from "#router/undo";
import { closeDescriptor, closingAfter } from "#sys/descriptor";
import { SysError } from "#sys/errno";
import { describeErrno } from "#sys/libc";
import type { Arena } from "#sys/memory";
import { openNamespace } from "#sys/namespace";
import { type Link, Rtnetlink } from "#sys/rtnetlink";
import { openTap } from "#sys/tap";

/** A port of the configuration and what became of it. */
export interface PortState {
  readonly index: number;
  readonly name: string;
  readonly kind: "uplink" | "vm" | "service" | "outside";
  readonly interface: string;
  readonly attachment: "packet" | "tap";
  readonly uplink?: Uplink;
  readonly outside?: OutsideLink;
  /** Replaced where no more than its services change. */
  vm?: Vm;
  /** Of the metadata service's port, while it is open: where the service lives. */
  service?: ServiceNamespace | undefined;
  /** Undefined while it is open; else why it is not. */
  trouble: string | undefined;
  /** Valid while it is open: the router's MAC on the port and the largest IP packet, octets. */
  mac: Uint8Array;
  mtu: number;
  /** ifindex of a packet port's interface. */
  interfaceIndex: number;
  /** One for each forwarder; empty while closed. */
  descriptors: readonly PortDescriptor[];
}

/** What ports have in common, not open yet. */
const closed = (index: number) => ({
  index,
  trouble: "not opened yet",
  mac: new Uint8Array(6),
  mtu: 0,
  interfaceIndex: 0,
  descriptors: [],
});

export const uplinkPort = (index: number, uplink: Uplink): PortState => ({
  ...closed(index),
  name: uplink.name,
  kind: "uplink",
  interface: uplink.interface,
  attachment: "packet",
  uplink,
});

/** Whether super-packets and partial checksums may go its way. */
export const hasOffload = ({ uplink, vm, outside }: PortState): boolean => (uplink ?? vm ?? outside)?.offload ?? true;

export interface PortsOptions {
  readonly arena: Arena;
  readonly forwarders: number;
  readonly gatewayMac: Uint8Array;
  /** The metadata service's address. */
  readonly serviceAddress: Uint8Array;
  /** Largest packet that every link of the fabric carries, octets; undefined: each uplink's own. */
  readonly fabricMtu: number | undefined;
  readonly undo: UndoLog;
  readonly claims: InterfaceClaims;
}

export class Ports {
  readonly all = new Map<number, PortState>();
  readonly groups = new GroupLimits();
  readonly drops = new InterfaceDrops(this.groups);
  private readonly options: PortsOptions;
  private readonly netlink = new Rtnetlink();

  constructor(options: PortsOptions) {
    this.options = options;
  }

  /** Makes an entry, not open yet. Throws RangeError when all 1023 indexes are taken. */
  add(of: { uplink: Uplink } | { vm: Vm } | { service: string } | { outside: OutsideLink }): PortState {
    const index = this.freeIndex();
    const common = closed(index);
    let port: PortState;
    if ("service" in of) {
      port = { ...common, name: of.service, kind: "service", interface: SERVICE_INTERFACE, attachment: "tap" };
    } else if ("outside" in of) {
      const { outside } = of;
      const name = outside.interface;
      port = { ...common, name, kind: "outside", interface: name, attachment: "packet", outside };
    } else if ("uplink" in of) {
      port = uplinkPort(index, of.uplink);
    } else {
      const { attachment, name } = of.vm;
      const kind = attachment.kind === "tap" ? "tap" : "packet";
      port = { ...common, name, kind: "vm", interface: attachment.interface, attachment: kind, vm: of.vm };
    }
    this.all.set(index, port);
    return port;
  }

  /** The latest of that name: while one is being replaced there are two. */
  find(kind: PortState["kind"], name: string): PortState | undefined {
    return [...this.all.values()].findLast((port) => port.kind === kind && port.name === name);
  }

  /** Tries to open the port. False: `trouble` says why not; try again later. */
  open(port: PortState): boolean {
    try {
      port.descriptors = this.openKind(port);
      port.trouble = undefined;
      return true;
    } catch (error) {
      const expected = error instanceof SysError || error instanceof RangeError || error instanceof RouterError;
      if (!expected) throw error;
      port.trouble = error.message;
      return false;
    }
  }

  private openKind(port: PortState): readonly PortDescriptor[] {
    if (port.kind === "service") return this.openService(port);
    return port.attachment === "tap" ? this.openTap(port) : this.openPacket(port);
  }

  /** The forwarders have closed it; `why` shows as its state. */
  closed(port: PortState, why: string): void {
    this.groups.closed(port);
    port.service?.close();
    port.service = undefined;
    for (const descriptor of port.descriptors) this.free(descriptor);
    port.descriptors = [];
    port.trouble = why;
  }

  remove(port: PortState): void {
    this.closed(port, "removed");
    this.all.delete(port.index);
    this.drops.removed(port);
    this.groups.removed(port);
    if ([...this.all.values()].some((other) => other.interface === port.interface)) return;
    this.options.undo.undoInterface(port.interface);
    this.options.claims.release(port.interface);
  }

  /** The interface of an open port is there and up, as the kernel has it now. */
  stands({ interface: name, interfaceIndex }: PortState): boolean {
    const link = this.netlink.link(name);
    return link?.up === true && link.index === interfaceIndex;
  }

  /** What an errno of a failed port means to an operator. */
  static reason(errno: number): string {
    return `down: ${describeErrno(errno)}`;
  }

  close(): void {
    this.netlink.close();
  }

  private free(descriptor: PortDescriptor): void {
    if (descriptor.kind === "tap") freeTapPort(this.options.arena, descriptor);
    else freePacketPort(this.options.arena, descriptor);
  }

  private freeIndex(): number {
    for (let index = 0; index < NO_PORT; index++) if (!this.all.has(index)) return index;
    throw new RangeError(`more than ${NO_PORT} ports`);
  }

  private openPacket(port: PortState): PacketDescriptor[] {
    const { arena, forwarders } = this.options;
    const link = this.prepare(port);
    const { offload, capture } = port.uplink ?? port.outside ?? port.vm!;
    const descriptors: PacketDescriptor[] = [];
    try {
      for (let queue = 0; queue < forwarders; queue++) {
        descriptors.push(
          openPacketPort(arena, {
            index: port.index,
            interfaceIndex: link.index,
            interfaceName: link.name,
            mtu: link.mtu,
            offload,
            exclusive: queue === 0,
            express: !capture,
            tunnels: port.kind === "uplink",
            ...(forwarders > 1 && { fanoutGroup: (process.pid * 131 + link.index) & 0xffff }),
          }),
        );
      }
      if (port.kind === "vm")
        this.groups.opened(port, (limit) => {
          for (const { fd } of descriptors) limit.attachToSocket(fd);
        });
    } catch (error) {
      for (const descriptor of descriptors) discardPacketPort(arena, descriptor);
      throw error;
    }
    return descriptors;
  }

  /** Link up, the kernel's own IPv6 off: the router owns it now. */
  private prepare(port: PortState): Link {
    const { undo, gatewayMac, claims } = this.options;
    const link = this.netlink.requireLink(port.interface);
    claims.take(link); // before anything is changed
    undo.sysctl(`net/ipv6/conf/${link.name}/disable_ipv6`, "1");
    // Switched on when it is first seen; from then on that is the operator's business.
    if (!link.up && link.index === port.interfaceIndex) throw new RangeError(`interface ${link.name} is down`);
    if (!link.up) {
      undo.broughtUp(link.name);
      this.netlink.changeLink(link.index, { up: true }, link.name);
    }
    const wanted = (port.uplink ?? port.outside ?? port.vm!).mtu;
    if (wanted !== undefined && wanted > link.mtu)
      throw new RangeError(
        `interface ${link.name} takes packets of ${link.mtu} octets, the configuration wants ${wanted}`,
      );
    const fabricMtu = port.kind === "uplink" ? this.options.fabricMtu : undefined;
    port.mtu = wanted ?? Math.min(link.mtu, fabricMtu ?? link.mtu);
    port.mac = port.kind === "vm" ? gatewayMac : link.mac;
    port.interfaceIndex = link.index;
    this.drops.opened(port, link);
    return link;
  }

  private openService(port: PortState): TapDescriptor[] {
    const { arena, forwarders, gatewayMac, serviceAddress } = this.options;
    port.service = openServiceNamespace({ address: serviceAddress, gatewayMac, queues: forwarders });
    port.mtu = SERVICE_MTU;
    port.mac = gatewayMac;
    return port.service.queues.map((fd) => openTapPort(arena, { index: port.index, fd, offload: true }));
  }

  private openTap(port: PortState): TapDescriptor[] {
    const { arena, forwarders, claims } = this.options;
    const { offload } = port.vm!;
    const existing = this.netlink.link(port.interface);
    if (existing !== undefined) claims.take(existing); // says whose it is, where it is another router's
    let queues: readonly number[] = [];
    try {
      queues = openTap({ name: port.interface, queues: forwarders, offload }).descriptors;
      this.prepareTap(port);
      this.groups.opened(port, (limit) => limit.attachToTap(queues[0]!));
      return queues.map((fd) => openTapPort(arena, { index: port.index, fd, offload }));
    } catch (error) {
      this.groups.closed(port);
      queues.forEach(closeDescriptor);
      claims.release(port.interface);
      throw error;
    }
  }

  private prepareTap(port: PortState): void {
    const { gatewayMac, undo, claims } = this.options;
    const vm = port.vm!;
    if (vm.attachment.kind !== "tap") throw new RangeError(`${port.name} is no TAP`);
    const { netns, rename, mac } = vm.attachment;
    const link = this.netlink.requireLink(port.interface);
    if (netns === undefined) {
      claims.take(link);
      undo.sysctl(`net/ipv6/conf/${link.name}/disable_ipv6`, "1");
    }
    if (mac !== undefined) this.netlink.changeLink(link.index, { mac: mac.bytes }, link.name);
    if (vm.mtu !== undefined) this.netlink.changeLink(link.index, { mtu: vm.mtu }, link.name);
    if (netns !== undefined) this.moveTap(link, netns, rename ?? link.name);
    else this.netlink.changeLink(link.index, { up: true }, link.name);
    port.mtu = vm.mtu ?? link.mtu;
    port.mac = gatewayMac;
  }

  private moveTap(link: Link, netns: string, name: string): void {
    closingAfter(openNamespace(netns), (namespaceFd) =>
      this.netlink.changeLink(link.index, { namespaceFd, name }, link.name),
    );
    const there = new Rtnetlink(netns);
    try {
      const moved = there.requireLink(name);
      there.changeLink(moved.index, { up: true }, name);
    } finally {
      there.close();
    }
  }
}
