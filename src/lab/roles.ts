/** What the labels `ain-…` of a node mean. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { frrIsInstalled } from "#lab/frr";
import type { Role } from "#lab/model";
import type { MergedNode } from "#lab/sections";
import { WIRE_NAMES } from "#lab/wire";
import { type Inspector, strayKey } from "#runtime/document/inspector";
import { interfaceAddress, interfaceName, ipv4, macAddress } from "#runtime/document/scalars";

const MTU = "a whole number 68 … 65535";
const mtu = z
  .string()
  .regex(/^\d{2,5}$/, { error: MTU })
  .transform(Number)
  .refine((octets) => octets >= 68 && octets <= 65535, { error: MTU });

const YES = '"true"';
const yes = z.literal("true", { error: YES }).transform(() => true);
/** What a VM that moves calls its interface unless told otherwise. */
const MOVING_INTERFACE = "eth0";

const ROLES = ["router", "vm"];
const ROUTER_LABELS = ["ain-role", "ain-config", "ain-frr", "ain-router"];
const VM_LABELS = ["ain-role", "ain-address", "ain-gateway", "ain-mac", "ain-mtu", "ain-interface", "ain-moves"];

/** Who plays a router. `auto`: FRR where it is installed and the node has a file for it, else AIN. */
const PLAYERS = ["ain", "frr", "auto"];

/** @param interfaces the node's interfaces that links make. */
export function roleOf(inspector: Inspector, node: MergedNode, interfaces: readonly string[]): Role {
  const role = node.labels["ain-role"];
  const known = role === "router" ? ROUTER_LABELS : role === "vm" ? VM_LABELS : ["ain-role"];
  for (const label of Object.keys(node.labels).filter((name) => name.startsWith("ain-"))) {
    if (!known.includes(label)) reportStrayLabel(inspector, node, label, known);
  }
  if (role === "router") return routerRole(inspector, node);
  if (role === "vm") return vmRole(inspector, node, interfaces);
  if (role !== undefined) {
    inspector.report(node.pathOf("labels", "ain-role"), { found: `"${role}"`, expected: ROLES.join(" or ") });
  }
  return { kind: "plain" };
}

function reportStrayLabel(inspector: Inspector, node: MergedNode, label: string, known: string[]): void {
  const path = node.pathOf("labels", label);
  if (!VM_LABELS.includes(label) && !ROUTER_LABELS.includes(label)) {
    inspector.report(path, strayKey(label, [...new Set([...VM_LABELS, ...ROUTER_LABELS])]));
  } else {
    const expected = `only ${known.join(", ")} on a node whose ain-role is ${node.labels["ain-role"] ?? "not set"}`;
    inspector.report(path, { found: `the label ${label}`, expected, aim: "key" });
  }
}

function routerRole(inspector: Inspector, node: MergedNode): Role {
  const { "ain-config": ain, "ain-frr": frr, "ain-router": player = "auto" } = node.labels;
  if (!PLAYERS.includes(player)) {
    inspector.report(node.pathOf("labels", "ain-router"), { found: `"${player}"`, expected: PLAYERS.join(", ") });
  }
  const kind = player === "frr" || (player === "auto" && frr !== undefined && frrIsInstalled()) ? "frr" : "router";
  const label = kind === "frr" ? "ain-frr" : "ain-config";
  if ((kind === "frr" ? frr : ain) === undefined) {
    const expected = kind === "frr" ? "ain-frr: its frr.conf" : "ain-config: the node's file";
    inspector.report(node.pathOf("labels"), { found: `no label ${label}`, expected });
    return { kind: "plain" };
  }
  return { kind, config: fileOf(inspector, node, label) };
}

/** The file that a label names; its path is the topology's folder's. */
function fileOf(inspector: Inspector, node: MergedNode, label: string): string {
  const path = resolve(dirname(inspector.source.file), node.labels[label]!);
  if (!existsSync(path)) {
    const expected = "a node's file, its path from the topology's folder";
    inspector.report(node.pathOf("labels", label), { found: `${path}, which is not there`, expected });
  }
  return path;
}

function vmRole(inspector: Inspector, node: MergedNode, interfaces: readonly string[]): Role {
  const label = <S extends z.ZodType>(schema: S, name: string): z.output<S> | undefined => {
    const text = node.labels[name];
    if (text === undefined) return undefined;
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    const expected = result.error.issues[0]!.message;
    inspector.report(node.pathOf("labels", name), { found: JSON.stringify(text), expected });
    return undefined;
  };
  const [address, gateway] = [label(interfaceAddress, "ain-address"), label(ipv4, "ain-gateway")];
  const [mac, octets] = [label(macAddress, "ain-mac"), label(mtu, "ain-mtu")];
  const moves = label(yes, "ain-moves") === true;
  const only = moves ? MOVING_INTERFACE : interfaces.length === 1 ? interfaces[0] : undefined;
  const name = label(interfaceName, "ain-interface") ?? only;
  if (moves) checkPorts(inspector, node, interfaces, name);
  if (node.labels["ain-address"] === undefined) {
    const expected = "ain-address: the VM's address, such as 10.0.0.2/32";
    inspector.report(node.pathOf("labels"), { found: "no label ain-address", expected });
  }
  if (name === undefined && node.labels["ain-interface"] === undefined) {
    const expected = "the label ain-interface: which interface has the address";
    inspector.report(node.pathOf("labels"), { found: `${interfaces.length || "no"} interfaces`, expected });
  }
  if (address === undefined || name === undefined) return { kind: "plain" };
  return {
    kind: "vm",
    interface: name,
    address,
    ...(gateway !== undefined && { gateway }),
    ...(mac !== undefined && { mac }),
    ...(octets !== undefined && { mtu: octets }),
    ...(moves && { ports: interfaces }),
  };
}

function checkPorts(inspector: Inspector, node: MergedNode, interfaces: readonly string[], name?: string): void {
  const path = node.pathOf("labels", "ain-moves");
  const taken = interfaces.find((each) => each === name || WIRE_NAMES.includes(each));
  if (interfaces.length === 0) inspector.report(path, { found: "no links", expected: "links to where it moves" });
  if (taken === undefined) return;
  const expected = `other names for its ends of links than ${[name, ...WIRE_NAMES].join(", ")}`;
  inspector.report(path, { found: `a link at ${taken}`, expected });
}
