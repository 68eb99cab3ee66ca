/**
 * Interfaces, addresses, routes and neighbours of a network namespace, by rtnetlink(7) instead of by running `ip`.
 * All calls wait for the kernel's verdict; a refusal is a SysError that names the operation and the interface.
 */
import { ENODEV, SysError } from "#sys/errno";
import {
  type BridgePortSettings,
  IFLA_IFNAME,
  type Link,
  type LinkSettings,
  linkHeader,
  NAME_MAX,
  readLink,
  type VethSettings,
  writeAddressGeneration,
  writeBridgePort,
  writeKind,
  writeSettings,
  writeVeth,
} from "#sys/link-message";
import { NetlinkSocket, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type RequestWriter } from "#sys/netlink";
import { type Address, type Route, writeAddress, writeNeighbor, writeRoute } from "#sys/route-message";

export type { BridgePortSettings, Link, LinkSettings, VethSettings } from "#sys/link-message";
export type { Address, NextHop, Route } from "#sys/route-message";

const NETLINK_ROUTE = 0;
const AF_BRIDGE = 7;

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_NEWNEIGH = 28;

const RTMGRP_LINK = 1;

export type LinkNotice =
  | { readonly kind: "changed"; readonly link: Link }
  | { readonly kind: "gone"; readonly link: Link };

export class Rtnetlink {
  readonly #socket: NetlinkSocket;

  /** @param namespace name or path; undefined: the calling thread's. */
  constructor(namespace?: string) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, 0, namespace);
  }

  links(): Link[] {
    return this.#socket.dump(RTM_GETLINK, "list links", (r) => linkHeader(r, 0)).map(readLink);
  }

  /** @returns undefined when there is no such interface. */
  link(name: string): Link | undefined {
    if (name.length > NAME_MAX) return undefined;
    try {
      const answer = this.#socket.request(RTM_GETLINK, 0, `get link ${name}`, (r) =>
        linkHeader(r, 0).attributeString(IFLA_IFNAME, name),
      );
      return answer[0] === undefined ? undefined : readLink(answer[0]);
    } catch (error) {
      if (error instanceof SysError && error.errno === ENODEV) return undefined;
      throw error;
    }
  }

  /** Like {@link link}, for an interface that has to be there. */
  requireLink(name: string): Link {
    const link = this.link(name);
    if (link === undefined) throw new SysError("get link", ENODEV, name);
    return link;
  }

  addVeth(settings: VethSettings): void {
    const about = `add veth ${settings.name} – ${settings.peerName}`;
    this.#createLink(settings.name, about, (r) => writeVeth(r, settings));
  }

  addBridge(name: string): void {
    this.#createLink(name, `add bridge ${name}`, (r) => writeKind(r, "bridge"));
  }

  /** Changes ports of bridges one after another, in one go: the time between them is some microseconds. */
  changeBridgePorts(changes: readonly { readonly index: number; readonly settings: BridgePortSettings }[]): void {
    const about = `set bridge ports ${changes.map(({ index }) => `#${index}`).join(", ")}`;
    this.#socket.batch(
      RTM_SETLINK,
      about,
      changes.map(
        ({ index, settings }) =>
          (r) =>
            writeBridgePort(r, index, settings),
      ),
    );
  }

  /** @param about the interface's name, for the error. */
  changeLink(index: number, settings: LinkSettings, about = `#${index}`): void {
    this.#socket.request(RTM_NEWLINK, 0, `set link ${about} ${Object.keys(settings).join(", ")}`, (r) => {
      writeSettings(linkHeader(r, index, settings.up), settings);
    });
    const { generateLinkLocal } = settings;
    if (generateLinkLocal === undefined) return;
    this.#socket.request(RTM_NEWLINK, 0, `set link ${about} addrgenmode`, (r) => {
      writeAddressGeneration(linkHeader(r, index), generateLinkLocal);
    });
  }

  deleteLink(index: number, about = `#${index}`): void {
    this.#socket.request(RTM_DELLINK, 0, `delete link ${about}`, (r) => linkHeader(r, index));
  }

  /** IPv6 addresses are usable at once: no duplicate address detection. */
  addAddress(index: number, address: Address): void {
    this.#changeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address);
  }

  deleteAddress(index: number, address: Address): void {
    this.#changeAddress(RTM_DELADDR, 0, index, address);
  }

  /** Adds the route, or replaces the one to the same destination with the same metric. */
  setRoute(route: Route): void {
    this.#changeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "set", route);
  }

  deleteRoute(route: Route): void {
    this.#changeRoute(RTM_DELROUTE, 0, "delete", route);
  }

  /** A permanent neighbour entry: `address` (4 or 16 octets) is at `mac`. */
  setNeighbor(index: number, address: Uint8Array, mac: Uint8Array): void {
    this.#socket.request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, `set neighbour on #${index}`, (r) => {
      writeNeighbor(r, index, address, mac);
    });
  }

  close(): void {
    this.#socket.close();
  }

  #createLink(name: string, about: string, write: (r: RequestWriter) => void): void {
    this.#socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, about, (r) => {
      write(linkHeader(r, 0).attributeString(IFLA_IFNAME, name));
    });
  }

  #changeAddress(type: number, flags: number, index: number, address: Address): void {
    const verb = type === RTM_NEWADDR ? "add" : "delete";
    this.#socket.request(type, flags, `${verb} address on #${index}`, (r) => writeAddress(r, index, address));
  }

  #changeRoute(type: number, flags: number, verb: string, route: Route): void {
    this.#socket.request(type, flags, `${verb} route`, (r) => writeRoute(r, route));
  }
}

/** Tells of interfaces that come, change and go. Poll {@link fd} for input. */
export class LinkMonitor {
  readonly #socket: NetlinkSocket;

  constructor(namespace?: string) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK, namespace);
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** What has come; never waits. undefined: some were lost, list all links anew. */
  notices(): LinkNotice[] | undefined {
    return this.#socket
      .notices()
      ?.filter(({ type, body }) => (type === RTM_NEWLINK || type === RTM_DELLINK) && body[0] !== AF_BRIDGE)
      .map((message) => ({ kind: message.type === RTM_NEWLINK ? "changed" : "gone", link: readLink(message) }));
  }

  close(): void {
    this.#socket.close();
  }
}
