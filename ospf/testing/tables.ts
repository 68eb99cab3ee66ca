/** Routing tables put together by hand. */
import type { OspfRoute, RouterPath, RoutingTable } from "#ospf/routes/model";
import { prefix } from "#ospf/testing/configs";

/** Inside an area of that id, by a next hop that is on no interface. */
export const route = (text: string, more: Partial<OspfRoute> = {}): OspfRoute => ({
  prefix: prefix(text),
  text,
  path: "intra",
  area: 0,
  cost: 10,
  nextHops: [{ interface: "elsewhere", address: undefined }],
  ...more,
});

/** A border router inside the backbone. */
export const way = (routerId: number, more: Partial<RouterPath> = {}): RouterPath => ({
  routerId,
  area: 0,
  path: "intra",
  cost: 10,
  nextHops: [{ interface: "elsewhere", address: undefined }],
  isBorder: true,
  isAsbr: false,
  translates: false,
  ...more,
});

export function tableOf(routes: readonly OspfRoute[], ways: readonly RouterPath[] = []): RoutingTable {
  const routers = new Map<number, Map<number, RouterPath>>();
  for (const path of ways) {
    const inArea = routers.get(path.area) ?? new Map<number, RouterPath>();
    routers.set(path.area, inArea.set(path.routerId, path));
  }
  return { routes: new Map(routes.map((each) => [each.text, each])), routers };
}
