/** Reads node.yaml and the fabric it names: first the form (node-schema.ts), then what has to fit together. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { z } from "zod";
import { type FabricResult, loadFabric } from "#router/config/fabric";
import { buildNodeMobility } from "#router/config/mobility";
import type { Fabric, FlowLogFiles, Node, Route, Uplink } from "#router/config/model";
import { checkRole, type Place, placeOf } from "#router/config/node-in-fabric";
import { checkLists, type NodeLists, uplinkName } from "#router/config/node-lists";
import { nodeOutline, route, uplink, vm } from "#router/config/node-schema";
import { inspectOspf, OSPF_SECRETS, type OspfSection } from "#router/config/ospf";
import { buildOspf } from "#router/config/ospf-build";
import { buildOutsideLink, checkOutsideLink } from "#router/config/outside-link";
import { readUserData, USER_DATA_SECRETS } from "#router/config/user-data";
import { buildVm } from "#router/config/vm-build";
import { type Housed, houseVms } from "#router/config/vm-homes";
import type { ConfigError } from "#runtime/document/config-error";
import { Inspector, isMapping } from "#runtime/document/inspector";
import { readSource, type Source } from "#runtime/document/source";

export type NodeResult =
  | { readonly ok: true; readonly node: Node; readonly fabric: Fabric; readonly warnings: ConfigError[] }
  | { readonly ok: false; readonly errors: ConfigError[]; readonly warnings: ConfigError[] };

/**
 * Reads and checks a node's file and its fabric's. Never throws for what is in the files, or that they are not there.
 * Errors are sorted by line, the fabric's before the node's: they may be what causes them.
 */
export function loadNode(file: string): NodeResult {
  const result = readSource(file);
  if ("errors" in result) return { ok: false, errors: result.errors, warnings: [] };
  const path = isMapping(result.source.value) ? result.source.value.fabric : undefined;
  if (typeof path !== "string" || path === "") return checkNode(result.source, undefined);
  return checkNode(result.source, loadFabric(isAbsolute(path) ? path : join(dirname(file), path)));
}

/** The same for a source that is already read; `fabric` is undefined when it does not say which. */
export function checkNode(source: Source, fabric: FabricResult | undefined): NodeResult {
  const inspector = new Inspector(source, [OSPF_SECRETS, USER_DATA_SECRETS]);
  const node = inspectNode(inspector, fabric?.ok ? fabric.fabric : undefined);
  const errors = [...(fabric === undefined || fabric.ok ? [] : fabric.errors), ...inspector.errors];
  const warnings = [...(fabric?.warnings ?? []), ...inspector.warnings];
  if (!fabric?.ok || node === undefined || errors.length > 0) return { ok: false, errors, warnings };
  return { ok: true, node, fabric: fabric.fabric, warnings };
}

function inspectNode(inspector: Inspector, fabric: Fabric | undefined): Node | undefined {
  const outline = inspector.read(nodeOutline, []);
  const lists: NodeLists = {
    uplinks: inspector.readList(uplink, ["uplinks"]),
    routes: inspector.readList(route, ["routes"]),
    vms: inspector.readList(vm, ["vms"]),
  };
  checkLists(inspector, lists);
  const ospf = inspectOspf(
    inspector,
    lists.uplinks.map(({ value }) => uplinkName(value)),
  );
  if (outline === undefined) return undefined;
  checkRole(inspector, outline);
  if (fabric === undefined) return undefined;
  const place = placeOf(inspector, outline, fabric);
  const userData = readUserData(inspector, lists.vms);
  const housed = houseVms(inspector, outline.role === "hypervisor" ? lists.vms : [], fabric, place);
  if (outline.outside !== undefined) checkOutsideLink(inspector, outline.outside, { fabric, uplinks: lists.uplinks });
  if (place === undefined) return undefined;
  return buildNode(inspector.source.file, outline, lists, { fabric, place, housed, userData, ospf });
}

interface Surroundings {
  readonly fabric: Fabric;
  readonly place: Place;
  readonly housed: ReadonlyMap<number, Housed>;
  readonly userData: ReadonlyMap<number, Uint8Array>;
  readonly ospf: OspfSection | undefined;
}

function buildNode(
  file: string,
  outline: z.output<typeof nodeOutline>,
  lists: NodeLists,
  { fabric, place, housed, userData, ospf }: Surroundings,
): Node {
  const { name, role, forwarders, flowCache, connections, metrics, log, flowLog, socket } = outline;
  const routes = lists.routes.map(({ value }) => buildRoute(value));
  return {
    file,
    name,
    role,
    address: place.address,
    homes: place.homes,
    forwarders,
    flowCacheEntries: flowCache,
    connections,
    uplinks: lists.uplinks.map(({ value }) => buildUplink(value)),
    routes,
    vms: lists.vms.flatMap(({ index, value }) => {
      const house = housed.get(index);
      return house === undefined ? [] : [buildVm(value, house, fabric, userData.get(index))];
    }),
    socket: socket ?? `/run/ain/${name}.sock`,
    flowLog: buildFlowLog(flowLog, file),
    ...(metrics !== undefined && { metrics: metrics.listen }),
    ...(log !== undefined && { log }),
    ...(outline.outside !== undefined && { outside: buildOutsideLink(outline.outside) }),
    ...(ospf !== undefined && { ospf: buildOspf(ospf, { file, fabric, place, routes }) }),
    ...(outline.mobility !== undefined && { mobility: buildNodeMobility(outline.mobility, file) }),
  };
}

const buildFlowLog = (
  { file: flows, limit, keep }: z.output<typeof nodeOutline>["flowLog"],
  file: string,
): FlowLogFiles => ({ limit, keep, ...(flows !== undefined && { file: resolve(dirname(file), flows) }) });

const buildUplink = (value: z.output<typeof uplink>): Uplink => ({
  name: uplinkName(value),
  interface: value.interface,
  ...(value.mtu !== undefined && { mtu: value.mtu }),
  offload: value.offload,
  capture: value.capture,
});

const buildRoute = ({ to, via }: z.output<typeof route>): Route => ({
  to,
  via: (via ?? []).map(({ uplink: name, nextHop, weight }) => ({ uplink: name, address: nextHop, weight })),
});
