/** Received hellos: RFC 2328 §10.5 as changed by RFC 5340 §4.2.2.1. */
import { sameAddress } from "#base/address";
import { type Core, nowOf, postInterface, postNeighbor } from "#ospf/core";
import { addNeighbor } from "#ospf/fresh";
import { hurryHello } from "#ospf/interface/interfaces";
import { atLeast } from "#ospf/neighbor/machine";
import { OPTION_E, OPTION_N } from "#ospf/packet/options";
import type { Hello } from "#ospf/packet/packet";
import { refuse } from "#ospf/refuse";
import type { Interface, Neighbor } from "#ospf/state";
import { formatRouterId } from "#ospf/text";
import { areaOptions } from "#ospf/transmit";

export function receiveHello(core: Core, on: Interface, source: Uint8Array, hello: Hello): void {
  const fault = faultOf(on, hello) ?? crowded(on, hello.routerId);
  if (fault !== undefined) {
    refuse(core, on, { routerId: hello.routerId, address: source }, fault);
    return;
  }
  on.refusals.delete(hello.routerId);
  const neighbor =
    on.neighbors.get(hello.routerId) ?? addNeighbor(on, { routerId: hello.routerId, address: source }, nowOf(core));
  if (!sameAddress(neighbor.address, source)) changeAddress(core, neighbor, source);
  postNeighbor(core, neighbor, "HelloReceived");
  const isTwoWay = hello.neighbors.includes(core.instance.config.routerId);
  const isNews = neighbor.state === "Down" || atLeast(neighbor.state, "TwoWay");
  if (!isTwoWay && isNews) hurryHello(core, on);
  const before = { ...neighbor };
  takeOver(core, neighbor, hello);
  postNeighbor(core, neighbor, isTwoWay ? "TwoWayReceived" : "OneWay");
  if (isTwoWay) noteClaims(core, before, neighbor);
}

/** Neighbors on one link; more are no network but an attack. */
const MAX_NEIGHBORS = 1000;

/** A cable has two ends. A router that comes in place of another waits for the other's dead interval. */
function crowded(on: Interface, routerId: number): string | undefined {
  if (on.neighbors.has(routerId)) return undefined;
  if (on.config.kind === "broadcast")
    return on.neighbors.size < MAX_NEIGHBORS ? undefined : `more than ${MAX_NEIGHBORS} neighbors on the link`;
  const [other] = on.neighbors.values();
  return other === undefined ? undefined : `${formatRouterId(other.routerId)} is at the other end of this link`;
}

/** Intervals in whole seconds, and the kind of the area, must be the same at both ends. */
function faultOf(on: Interface, hello: Hello): string | undefined {
  const { config } = on;
  const [helloInterval, deadInterval] = [
    Math.round(config.helloInterval / 1000),
    Math.round(config.deadInterval / 1000),
  ];
  if (hello.helloInterval !== helloInterval)
    return `hello interval ${hello.helloInterval} s, ours is ${helloInterval} s`;
  if (hello.routerDeadInterval !== deadInterval)
    return `dead interval ${hello.routerDeadInterval} s, ours is ${deadInterval} s`;
  const kind = OPTION_E | OPTION_N;
  if ((hello.options & kind) !== (areaOptions(on.area) & kind))
    return `area is ${describeKind(hello.options)} there and ${describeKind(areaOptions(on.area))} here`;
  return undefined;
}

function describeKind(options: number): string {
  if ((options & OPTION_N) !== 0) return "an NSSA";
  return (options & OPTION_E) === 0 ? "a stub" : "normal";
}

/** The same router from another address: the link was changed at its end. What routes use is its address. */
function changeAddress(core: Core, neighbor: Neighbor, address: Uint8Array): void {
  neighbor.address = address;
  core.routing.topologyChanged(nowOf(core));
}

function takeOver(core: Core, neighbor: Neighbor, hello: Hello): void {
  if (neighbor.interfaceId !== hello.interfaceId) {
    neighbor.interfaceId = hello.interfaceId;
    core.originator.changed({ kind: "area", area: neighbor.interface.area });
    core.routing.topologyChanged(nowOf(core));
  }
  neighbor.priority = hello.priority;
  neighbor.designatedRouter = hello.designatedRouter;
  neighbor.backupDesignatedRouter = hello.backupDesignatedRouter;
}

/** We restart gracefully, and the neighbor has kept us in our part on the link (RFC 3623 §3): so we claim it again. */
function takeUpPart(core: Core, neighbor: Neighbor): void {
  const { routerId } = core.instance.config;
  const on = neighbor.interface;
  if (neighbor.designatedRouter === routerId) on.designatedRouter = routerId;
  if (neighbor.backupDesignatedRouter === routerId) on.backupDesignatedRouter = routerId;
}

type Claims = Pick<Neighbor, "priority" | "designatedRouter" | "backupDesignatedRouter" | "routerId">;
const claimsDr = (n: Claims): boolean => n.designatedRouter === n.routerId;
const claimsBackup = (n: Claims): boolean => n.backupDesignatedRouter === n.routerId;

/** The last four points of §10.5: what the neighbor says of itself may end our waiting, or call for an election. */
function noteClaims(core: Core, before: Claims, neighbor: Neighbor): void {
  const on = neighbor.interface;
  if (on.config.kind === "point-to-point") return;
  if (on.state === "Waiting") {
    if (core.instance.restartingUntil !== undefined) takeUpPart(core, neighbor);
    if (claimsBackup(neighbor) || (claimsDr(neighbor) && neighbor.backupDesignatedRouter === 0))
      postInterface(core, on, "BackupSeen");
    return;
  }
  const changed =
    before.priority !== neighbor.priority ||
    claimsDr(before) !== claimsDr(neighbor) ||
    claimsBackup(before) !== claimsBackup(neighbor);
  if (changed && atLeast(neighbor.state, "TwoWay")) postInterface(core, on, "NeighborChange");
}
