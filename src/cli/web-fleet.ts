/** The routers whose fabric `ain web` shows: the choice is that of `ain shell` and `ain why`. */
import { basename } from "node:path";
import { findSocket, SOCKET_DIRECTORY } from "#cli/client";
import { labName } from "#cli/lab-target";
import { fleetAt } from "#cli/shell/fleet";
import { surroundings } from "#cli/surroundings";

import { LabFiles, type LabState, listLabs } from "#lab/state";
import { namespaceExists } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import type { Wire } from "#web/members";
import type { Fleet, Target } from "#web/watcher";

/** Throws ClientError or Failure. @param where as `ain shell` takes it. */
export function webFleet(where: string | undefined, routers: readonly string[] | undefined): Fleet {
  if (routers !== undefined) {
    const named = new Map(routers.map((name) => [basename(name, ".sock"), targetOf(findSocket(name))]));
    return { title: "", routers: () => named, wires: () => [] };
  }
  const around = surroundings().routers;
  const fleet = where === undefined && around !== undefined ? { title: "", routers: () => around } : fleetAt(where);
  const lab = labOf(where, fleet.title);
  return {
    title: fleet.title,
    routers: () => new Map([...fleet.routers()].map(([name, socket]) => [name, targetOf(socket)])),
    wires: lab === undefined ? () => [] : wiresOf(new LabFiles(lab)),
  };
}

/** As the command line names it: a router of this machine by its name. */
function targetOf(socket: string): Target {
  const name = basename(socket, ".sock");
  return { socket, shown: socket === `${SOCKET_DIRECTORY}/${name}.sock` ? name : socket };
}

function labOf(where: string | undefined, title: string): string | undefined {
  const name = title !== "" ? title : where === undefined ? undefined : labName(where);
  return name !== undefined && listLabs().includes(name) ? name : undefined;
}

/** Looked at again only when the lab has changed: each node's interfaces have to be asked for. */
function wiresOf(files: LabFiles): () => readonly Wire[] {
  let last = "";
  let wires: readonly Wire[] = [];
  return () => {
    const state = files.read();
    const now = JSON.stringify(state?.links ?? []);
    if (state !== undefined && now !== last) wires = readWires(state);
    last = now;
    return wires;
  };
}

function readWires({ nodes, links }: LabState): Wire[] {
  const indices = new Map<string, number>();
  for (const [node, { namespace, role }] of Object.entries(nodes)) {
    if (role !== "router" && role !== "frr") continue;
    for (const [name, index] of interfacesIn(namespace)) indices.set(`${node}:${name}`, index);
  }
  return links.flatMap(([a, b]) => {
    const [left, right] = [a, b].map((end) => indices.get(`${end.node}:${end.interface}`));
    if (left === undefined || right === undefined) return [];
    return [{ a: { node: a.node, interfaceIndex: left }, b: { node: b.node, interfaceIndex: right } }];
  });
}

/** None where the namespace is not there, or not for this user: names are then told by router ids. */
function interfacesIn(namespace: string): [string, number][] {
  if (process.geteuid?.() !== 0 || !namespaceExists(namespace)) return [];
  const socket = new Rtnetlink(namespace);
  try {
    return socket.links().map(({ name, index }) => [name, index]);
  } finally {
    socket.close();
  }
}
