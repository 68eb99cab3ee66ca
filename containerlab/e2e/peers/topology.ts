/** What a lab needs to build a network of routers: the topology, and the routers' files. */
import { join } from "node:path";
import { AIN_FABRIC, ainConfig, keyFile } from "./ain";
import { birdConfig } from "./bird";
import { frrConfig } from "./frr";
import type { Attachment, NetworkSpec } from "./spec";

export interface Place {
  /** Where all files of the network are. */
  readonly folder: string;
  readonly attachments: readonly Attachment[];
}

/** Duplicate address detection would cost a second. */
const SYSCTLS = `net.ipv6.conf.all.accept_dad: 0, net.ipv6.conf.default.accept_dad: 0, net.ipv6.conf.all.forwarding: 1`;
/** A bridge is not to speak. */
const SILENT = "net.ipv6.conf.all.disable_ipv6: 1, net.ipv6.conf.default.disable_ipv6: 1";

/** The routers' files with their contents, named from the folder. */
export function configsOf(spec: NetworkSpec, place: Place): [string, string | Uint8Array][] {
  const files = Object.entries(spec.routers).flatMap(([name, router]): [string, string | Uint8Array][] => {
    const own = place.attachments.filter((one) => one.router === name);
    if (router.by === "frr") return [[`${name}.conf`, frrConfig(name, router, own)]];
    if (router.by === "bird") return [[`${name}.conf`, birdConfig(router, own, birdFile(place, name, "log"))]];
    const keys = own.flatMap((one): [string, string | Uint8Array][] =>
      one.key ? [[keyFile(one), one.key.secret]] : [],
    );
    return [[`${name}.yaml`, ainConfig(name, router, own)], ...keys];
  });
  return [["fabric.yaml", AIN_FABRIC], ...files];
}

/** The YAML below `topology:`. */
export function topologyOf(spec: NetworkSpec, place: Place): string {
  const nodes = [...Object.keys(spec.routers).map((name) => routerNode(spec, place, name)), ...lanNodes(spec)];
  return `  nodes:\n${nodes.join("\n")}\n  links:\n${links(spec, place).join("\n")}\n`;
}

export const birdFile = ({ folder }: Place, router: string, ending: string): string =>
  join(folder, `${router}.${ending}`);

function routerNode(spec: NetworkSpec, place: Place, name: string): string {
  const { by } = spec.routers[name]!;
  if (by === "ain") return `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const role =
    by === "frr"
      ? `labels: { ain-role: router, ain-router: frr, ain-frr: ${name}.conf }`
      : `exec: ${listOf(birdCommands(place, name))}`;
  return `    ${name}: { kind: linux, sysctls: { ${SYSCTLS} }, ${role} }`;
}

const listOf = (commands: readonly string[]): string =>
  `[${commands.map((words) => JSON.stringify(words)).join(", ")}]`;

function birdCommands(place: Place, router: string): string[] {
  const own = place.attachments.filter((one) => one.router === router);
  const [conf, ctl, pid] = ["conf", "ctl", "pid"].map((ending) => birdFile(place, router, ending));
  return [
    ...own.flatMap(({ name, address }) => (address === undefined ? [] : [`ip -6 addr add ${address} dev ${name}`])),
    ...own.flatMap(({ name, mtu }) => (mtu === undefined ? [] : [`ip link set ${name} mtu ${mtu}`])),
    `bird -c ${conf} -s ${ctl} -P ${pid}`,
  ];
}

function lanNodes({ lans = {} }: NetworkSpec): string[] {
  return Object.entries(lans).map(([lan, ends]) => {
    const each = (what: string): string[] => ends.map((_, i) => `ip link set dev p${i} ${what}`);
    // Down and up again: all routers begin to wait for a designated one at the same time (RFC 2328 §9.4).
    const bridge = ["ip link add br0 type bridge mcast_snooping 0", "ip link set br0 up"];
    const commands = [...each("down"), ...bridge, ...each("master br0"), "sleep 0.3", ...each("up")];
    return `    ${lan}: { kind: linux, sysctls: { ${SILENT} }, exec: ${listOf(commands)} }`;
  });
}

function links({ links = [], lans = {} }: NetworkSpec, { attachments }: Place): string[] {
  const end = (text: string): string => {
    const [router, name] = text.split(":");
    const { mac } = attachments.find((one) => one.router === router && one.name === name)!;
    return `{ node: ${router}, interface: ${name}, mac: "${mac}" }`;
  };
  const line = (a: string, b: string): string => `    - { type: veth, mtu: 1500, endpoints: [${a}, ${b}] }`;
  const direct = links.map(([a, b]) => line(end(a), end(b)));
  const shared = Object.entries(lans).flatMap(([lan, ends]) =>
    ends.map((one, i) => line(end(one), `{ node: ${lan}, interface: p${i} }`)),
  );
  return [...direct, ...shared];
}
