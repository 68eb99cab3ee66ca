/** Checks of a node's uplinks, routes and VMs that need nothing but the node's own file. */
import type { z } from "zod";
import { isLinkLocal6, isMulticast6, isUnspecified, sameAddress } from "#base/address";
import type { route, uplink, vm } from "#router/config/node-schema";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

/** An element of a list, with its place in the file. */
export interface Entry<Schema extends z.ZodType> {
  readonly index: number;
  readonly value: z.output<Schema>;
}

export interface NodeLists {
  readonly uplinks: readonly Entry<typeof uplink>[];
  readonly routes: readonly Entry<typeof route>[];
  readonly vms: readonly Entry<typeof vm>[];
}

export function checkLists(inspector: Inspector, { uplinks, routes, vms }: NodeLists): void {
  checkUplinks(inspector, uplinks);
  checkRoutes(inspector, routes);
  checkUplinksOfRoutes(inspector, routes, uplinks);
  checkVms(inspector, vms);
  checkInterfaces(inspector, uplinks, vms);
}

export const uplinkName = (value: z.output<typeof uplink>): string => value.name ?? value.interface;

/** Things of which there may be one only: says so at the second, naming the first. */
class Once {
  readonly #inspector: Inspector;
  readonly #first = new Map<string, Path>();

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** @param key what must not come twice. */
  claim(key: string, path: Path, words: { readonly found: string; readonly expected: string }): void {
    const first = this.#first.get(key);
    if (first === undefined) {
      this.#first.set(key, path);
      return;
    }
    const found = `${words.found}, as in ${this.#inspector.lineOf(first)}`;
    this.#inspector.report(path, { found, expected: words.expected });
  }
}

function checkUplinks(inspector: Inspector, uplinks: NodeLists["uplinks"]): void {
  const names = new Once(inspector);
  for (const { index, value } of uplinks) {
    const path: Path = value.name === undefined ? ["uplinks", index, "interface"] : ["uplinks", index, "name"];
    names.claim(uplinkName(value), path, { found: `the uplink ${uplinkName(value)}`, expected: "each uplink once" });
  }
}

function checkRoutes(inspector: Inspector, routes: NodeLists["routes"]): void {
  const destinations = new Once(inspector);
  for (const { index, value } of routes) {
    const path = ["routes", index];
    const { to, via, discard } = value;
    destinations.claim(to.text, [...path, "to"], {
      found: `a route to ${to.text}`,
      expected: "one route a destination",
    });
    if ((via === undefined) === (discard === undefined)) {
      const found = via === undefined ? "neither via nor discard" : "both via and discard";
      inspector.report(path, { found, expected: "next hops in via, or discard: true" });
    }
    const hops = new Once(inspector);
    for (const [i, { uplink: name, nextHop }] of (via ?? []).entries()) {
      const hop = [...path, "via", i, "nextHop"];
      hops.claim(`${name} ${nextHop.text}`, hop, {
        found: `${nextHop.text} on ${name}`,
        expected: "each next hop once",
      });
      if (!isHostAddress(nextHop.bytes)) {
        inspector.report(hop, { found: nextHop.text, expected: "a neighbour's link-local or global address" });
      }
    }
  }
}

/** False for ::, ::1 and multicast. */
const isHostAddress = (address: Uint8Array): boolean =>
  !isMulticast6(address) && !isUnspecified(address) && !sameAddress(address, LOOPBACK);

const LOOPBACK = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0));

/** True for what a router may have as its own address in the fabric. */
export const isGlobalAddress = (address: Uint8Array): boolean => isHostAddress(address) && !isLinkLocal6(address);

function checkUplinksOfRoutes(inspector: Inspector, routes: NodeLists["routes"], uplinks: NodeLists["uplinks"]): void {
  const names = uplinks.map(({ value }) => uplinkName(value));
  for (const { index, value } of routes) {
    for (const [i, hop] of (value.via ?? []).entries()) {
      if (names.includes(hop.uplink)) continue;
      const expected = names.length === 0 ? "an uplink (there is none)" : `one of the uplinks ${names.join(", ")}`;
      const meant = closest(hop.uplink, names);
      inspector.report(["routes", index, "via", i, "uplink"], {
        found: `the unknown uplink "${hop.uplink}"`,
        expected,
        ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
      });
    }
  }
}

function checkVms(inspector: Inspector, vms: NodeLists["vms"]): void {
  const names = new Once(inspector);
  const addresses = new Once(inspector);
  const macs = new Once(inspector);
  for (const { index, value } of vms) {
    const path = ["vms", index];
    const { name, network, address, mac, tap } = value;
    names.claim(name, [...path, "name"], { found: `the VM name ${name}`, expected: "each name once" });
    if (address !== undefined) {
      addresses.claim(`${network} ${address.text}`, [...path, "address"], {
        found: `${address.text} in ${network}`,
        expected: "an address that no other VM of the network has",
      });
    }
    checkIpv6(inspector, index, value, addresses);
    if (mac !== undefined) {
      const expected = "a MAC address that no other VM of the network has";
      macs.claim(`${network} ${mac.text}`, [...path, "mac"], { found: `${mac.text} in ${network}`, expected });
    }
    if ((tap === undefined) === (value.interface === undefined)) {
      const found = tap === undefined ? "neither tap nor interface" : "both tap and interface";
      inspector.report(path, { found, expected: "a tap to make or an existing interface" });
    }
    if (tap !== undefined && value.capture) {
      const expected = "capture beside interface only: a capture on a TAP sees everything as it is";
      inspector.report([...path, "capture"], { found: "true, beside tap", expected });
    }
  }
}

/** Of an element of a list that may stand alone, its place in the file. */
export const ipv6Path = (inspector: Inspector, vmIndex: number, i: number): Path =>
  Array.isArray(inspector.valueAt(["vms", vmIndex, "ipv6"])) ? ["vms", vmIndex, "ipv6", i] : ["vms", vmIndex, "ipv6"];

/** The least MTU of a link with IPv6 (RFC 8200 §5). */
const LEAST_MTU = 1280;

function checkIpv6(inspector: Inspector, index: number, value: z.output<typeof vm>, addresses: Once): void {
  const { address, network, ipv6 = [], mtu } = value;
  const path = ["vms", index];
  if (address === undefined && ipv6.length === 0) {
    inspector.report(path, { found: "a VM without addresses", expected: "address, ipv6 or both" });
  }
  for (const [i, { text }] of ipv6.entries()) {
    // A tenant's own may be another network's too; the fabric's have the network's tags in them.
    const expected = "each IPv6 address once";
    addresses.claim(`${network} ${text}`, ipv6Path(inspector, index, i), { found: text, expected });
  }
  if (ipv6.length > 0 && mtu !== undefined && mtu < LEAST_MTU) {
    const expected = `at least ${LEAST_MTU} beside ipv6 (RFC 8200 §5)`;
    inspector.report([...path, "mtu"], { found: `${mtu}`, expected });
  }
}

/** An interface has one user: two packet sockets on it, or a TAP of the same name, would take each other's frames. */
function checkInterfaces(inspector: Inspector, uplinks: NodeLists["uplinks"], vms: NodeLists["vms"]): void {
  const users = new Once(inspector);
  const expected = "an interface that nothing else uses";
  for (const { index, value } of uplinks) {
    users.claim(value.interface, ["uplinks", index, "interface"], { found: value.interface, expected });
  }
  for (const { index, value } of vms) {
    const { tap } = value;
    if (value.interface !== undefined) {
      users.claim(value.interface, ["vms", index, "interface"], { found: value.interface, expected });
    }
    if (tap === undefined) continue;
    users.claim(tap.name, ["vms", index, "tap"], { found: `the TAP ${tap.name}`, expected });
    if (tap.netns === undefined) continue;
    const inside = tap.rename ?? tap.name;
    const found = `${inside} in the namespace ${tap.netns}`;
    users.claim(`${tap.netns} ${inside}`, ["vms", index, "tap"], { found, expected });
  }
}
