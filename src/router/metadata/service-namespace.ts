/**
 * Where the metadata service lives: a network namespace without a name, a TAP in it whose other end is a port of the
 * forwarders', and one address. It ends with the process, whatever becomes of that: nothing is ever left behind.
 */
import { parseIpv6 } from "#base/address";
import { closeDescriptor } from "#sys/descriptor";
import { descriptorPath, inNamespace, privateNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";
import { openTap } from "#sys/tap";

/** Name of the TAP, in its own namespace. */
export const SERVICE_INTERFACE = "metadata";
/** Octets: more than any VM sends in one packet, its growth in translation included. */
export const SERVICE_MTU = 16_384;
/** The forwarders as the service sees them: its way to everybody. */
const NEXT_HOP = parseIpv6("fe80::1")!;
const EVERYBODY = new Uint8Array(16);

export interface ServiceNamespace {
  /** Path by which this process enters it. */
  readonly path: string;
  /** The TAP's own MAC address. */
  readonly mac: Uint8Array;
  /** One TAP queue for each forwarder; the caller's to close. */
  readonly queues: readonly number[];
  close(): void;
}

export interface ServiceNamespaceSettings {
  /** The service's address, 16 octets. */
  readonly address: Uint8Array;
  /** MAC address of the forwarders' end. */
  readonly gatewayMac: Uint8Array;
  readonly queues: number;
}

/** Throws SysError where the kernel refuses a namespace or a TAP. */
export function openServiceNamespace(settings: ServiceNamespaceSettings): ServiceNamespace {
  const namespace = privateNamespace();
  const path = descriptorPath(namespace);
  let queues: readonly number[] = [];
  try {
    queues = inNamespace(path, () => openTap({ name: SERVICE_INTERFACE, queues: settings.queues })).descriptors;
    const mac = configure(path, settings);
    return { path, mac, queues, close: () => closeDescriptor(namespace) };
  } catch (error) {
    queues.forEach(closeDescriptor);
    closeDescriptor(namespace);
    throw error;
  }
}

/** Of its own the kernel there is to say nothing: no link-local address, no solicitations. */
function configure(path: string, { address, gatewayMac }: ServiceNamespaceSettings): Uint8Array {
  writeSysctl(`net/ipv6/conf/${SERVICE_INTERFACE}/router_solicitations`, 0, path);
  writeSysctl(`net/ipv6/conf/${SERVICE_INTERFACE}/accept_ra`, 0, path);
  const netlink = new Rtnetlink(path);
  try {
    const { index, mac } = netlink.requireLink(SERVICE_INTERFACE);
    netlink.changeLink(index, { mtu: SERVICE_MTU, generateLinkLocal: false, up: true }, SERVICE_INTERFACE);
    netlink.addAddress(index, { address, prefixLength: 128 });
    netlink.setNeighbor(index, NEXT_HOP, gatewayMac);
    netlink.setRoute({
      destination: { address: EVERYBODY, prefixLength: 0 },
      nextHops: [{ index, gateway: NEXT_HOP, onLink: true }],
    });
    return mac;
  } finally {
    netlink.close();
  }
}
