/** How a lab is: what stands, what runs. */

import { locationOf } from "#lab/move";
import { inodeOf } from "#lab/namespaces";
import { isRunning } from "#lab/processes";
import { answers } from "#lab/router";
import type { LabFiles, LabState, NodeState } from "#lab/state";
import { Rtnetlink } from "#sys/rtnetlink";

export interface LabStatus {
  readonly name: string;
  readonly file: string;
  readonly nodes: readonly NodeStatus[];
}

export interface NodeStatus {
  readonly name: string;
  readonly role: NodeState["role"];
  readonly namespace: string;
  /** "up", or what is wrong. */
  readonly state: string;
  /** Process of a router that runs. */
  readonly pid?: number;
  /** Address that a VM was given. */
  readonly address?: string;
  /** A VM that moves: the node its wire leads to. */
  readonly location?: string;
  readonly interfaces: readonly { readonly name: string; readonly up: boolean }[];
}

export async function labStatus(files: LabFiles, state: LabState): Promise<LabStatus> {
  const nodes = Object.entries(state.nodes).map(async ([name, node]) => {
    const status = await nodeStatus(files, name, node);
    const location = node.ports !== undefined && status.state === "up" ? locationOf(state, name) : undefined;
    return location === undefined ? status : { ...status, location };
  });
  return { name: state.name, file: state.file, nodes: await Promise.all(nodes) };
}

async function nodeStatus(files: LabFiles, name: string, node: NodeState): Promise<NodeStatus> {
  const { role, namespace, address } = node;
  const inode = inodeOf(namespace);
  const pid = node.process !== undefined && isRunning(node.process) ? node.process.pid : undefined;
  const status = {
    name,
    role,
    namespace,
    ...(address !== undefined && { address }),
    ...(pid !== undefined && { pid }),
  };
  if (inode === undefined) return { ...status, state: "no namespace", interfaces: [] };
  if (node.inode !== undefined && inode !== node.inode) {
    return { ...status, state: "the namespace is somebody else's", interfaces: [] };
  }
  return { ...status, state: await stateOf(files, name, node), interfaces: interfacesIn(namespace) };
}

async function stateOf(files: LabFiles, name: string, node: NodeState): Promise<string> {
  switch (node.role) {
    case "router":
      if (node.process === undefined) return "not started";
      if (!isRunning(node.process)) return `ended, see ${files.log(name)}`;
      return (await answers(files.socket(name))) ? "up" : "does not answer";
    case "frr":
      if (node.daemons === undefined) return "not started";
      return node.daemons.every(isRunning) ? "up" : `a daemon ended, see ${files.log(name)}`;
    case "vm":
      return node.address === undefined ? "not configured" : "up";
    case "plain":
      return "up";
  }
}

/** All but the loopback. */
function interfacesIn(namespace: string): { name: string; up: boolean }[] {
  const socket = new Rtnetlink(namespace);
  try {
    return socket.links().flatMap(({ name, up }) => (name === "lo" ? [] : [{ name, up }]));
  } finally {
    socket.close();
  }
}
