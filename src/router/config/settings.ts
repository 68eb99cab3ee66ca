/** The settings of a configuration that stand alone, and which of them a running router cannot change. */
import { toHex } from "#base/bytes";
import { mobilitySecrets, mobilityText } from "#router/config/mobility";
import type { Configuration, Floating, Node, OutsideShare } from "#router/config/model";

export interface Setting {
  readonly name: string;
  /** The value in words; what differs shows here. */
  readonly of: (configuration: Configuration) => string;
  /** Never printed: that it differs is all that may be seen. */
  readonly secret?: true;
  /** Why a running router cannot take over a new value; absent when it can. */
  readonly restart?: string;
}

const AT_START = "it is laid out when the router starts";
const EVERY_HOME = "every address gets another home, on every node of the fabric";

export const SETTINGS: readonly Setting[] = [
  { name: "name", of: ({ node }) => node.name, restart: "a router keeps its name" },
  { name: "role", of: ({ node }) => node.role, restart: "a router keeps its role" },
  { name: "address", of: ({ node }) => node.address.text, restart: "a router keeps its address" },
  { name: "prefixes", of: ownPrefixes },
  { name: "forwarders", of: ({ node }) => `${node.forwarders}`, restart: AT_START },
  { name: "flowCache", of: ({ node }) => `${node.flowCacheEntries || "off"}`, restart: AT_START },
  { name: "connections", of: ({ node }) => `${node.connections.entries}`, restart: AT_START },
  { name: "connections perVm", of: ({ node }) => `${node.connections.perVm}` },
  { name: "socket", of: ({ node }) => node.socket, restart: "a router keeps its API socket" },
  { name: "fabric name", of: ({ fabric }) => fabric.name },
  { name: "fabric key", of: ({ fabric }) => toHex(fabric.key), secret: true, restart: EVERY_HOME },
  { name: "fabric tenantBits", of: ({ fabric }) => `${fabric.tenantBits}`, restart: EVERY_HOME },
  { name: "fabric prefixes", of: ({ fabric }) => fabric.prefixes.map((p) => p.text).join(" ") },
  { name: "fabric mtu", of: ({ fabric }) => `${fabric.mtu ?? "not set"}`, restart: AT_START },
  { name: "fabric outside", of: ({ fabric }) => fabric.outside?.prefix.text ?? "none" },
  { name: "fabric outside ipv6", of: ({ fabric }) => fabric.outside?.ipv6.map((p) => p.text).join(" ") || "none" },
  { name: "fabric floating", of: ({ fabric }) => fabric.outside?.floating.map(floatingText).join(" and ") || "none" },
  { name: "outside", of: ({ node }) => outsideText(node), restart: AT_START },
  { name: "fabric mobility", of: ({ fabric }) => mobilityText(fabric.mobility) },
  { name: "fabric mobility secrets", of: ({ fabric }) => mobilitySecrets(fabric.mobility), secret: true },
  { name: "fabric mobility bindings", of: ({ fabric }) => `${fabric.mobility.bindings}`, restart: AT_START },
  {
    name: "mobility record",
    of: ({ node }) => node.mobility?.record?.file ?? "off",
    restart: "a recording is of a whole run",
  },
  { name: "metrics", of: ({ node }) => node.metrics?.text ?? "off", restart: AT_START },
  { name: "log", of: ({ node }) => `${node.log?.format ?? "text"} ${node.log?.level ?? "info"}`, restart: AT_START },
  {
    name: "flowLog",
    of: ({ node: { flowLog } }) =>
      `${flowLog.file ?? "beside the socket"}, ${flowLog.limit / 2 ** 20} MiB, keep ${flowLog.keep}`,
    restart: AT_START,
  },
  { name: "fabric gatewayMac", of: ({ fabric }) => fabric.gatewayMac.text, restart: "the VMs remember it" },
];

/** `192.0.2.10 for blue/prod 10.0.0.5`. */
const floatingText = ({ address, network, to }: Floating): string => `${address.text} for ${network.name} ${to.text}`;

function outsideText({ outside }: Node): string {
  if (outside === undefined) return "none";
  const { interface: name, address, nextHop, ipv6, mtu, offload, capture } = outside;
  const { pool, portBlock, portsPerVm, shares, entries } = outside;
  return [
    `${name} ${address.text}/${address.prefixLength} next hop ${nextHop.text}`,
    ...(ipv6 === undefined ? [] : [`${ipv6.address.text}/${ipv6.address.prefixLength} next hop ${ipv6.nextHop.text}`]),
    ...(mtu === undefined ? [] : [`mtu ${mtu}`]),
    ...(offload ? [] : ["offload off"]),
    ...(capture ? ["capture on"] : []),
    `pool ${pool.map(({ text }) => text).join(" ") || "none"}`,
    ...shares.map(shareText),
    `blocks of ${portBlock} ports, ${portsPerVm} a VM, ${entries} sessions`,
  ].join(", ");
}

const shareText = ({ tenants, pool, ports, portsPerVm }: OutsideShare): string =>
  `${pool.map(({ text }) => text).join(" ")}${ports === undefined ? "" : ` ports ${ports.first}-${ports.last}`} for ${tenants.join(" ")}, ${portsPerVm} a VM`;

function ownPrefixes({ node, fabric }: Configuration): string {
  return node.homes.map((home) => fabric.homes[home]!.prefix.text).join(" ") || "none";
}
