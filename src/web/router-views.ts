/**
 * What the map reads of routers' views, and no more: another version may answer less, and what answers on a socket may be
 * anything. Names, units and meanings are those of src/router/views.ts.
 */
import { z } from "zod";

const counter = z.number();
const text = z.string();

const ports = z.array(
  z.object({
    ...{ name: text, kind: text, state: text, mtu: z.number().nullable(), mac: text.nullable() },
    ...{ rxOctets: counter, txOctets: counter },
  }),
);

const vms = z.array(
  z.object({
    ...{ name: text, network: text, address: text.nullable(), networkAddress: text.nullable() },
    ...{ ipv6: z.array(text), port: text, state: text, mac: text.nullable() },
  }),
);

const flights = z.object({
  flights: z.array(
    z.object({
      ...{ id: z.number(), vm: text, side: z.enum(["source", "target", "home"]) },
      ...{ outcome: z.enum(["open", "done", "aborted"]), began: z.number(), took: z.number().nullable() },
      ...{ downtime: z.number().nullable(), held: counter, lost: counter },
    }),
  ),
});

const tunnels = z.object({
  tunnels: z.array(
    z.object({
      end: z.object({ address: text, hypervisor: text.nullable() }),
      ...{ mtu: z.number().nullable(), packets: counter, octets: counter, users: z.number() },
    }),
  ),
  shares: z.object({ native: counter, direct: counter, relayed: counter, hairpin: counter }),
});

const drops = z.object({
  reasons: z.array(z.object({ reason: text, frames: counter, lastMinute: z.number().nullable() })),
});

const ospfNeighbors = z.object({
  neighbors: z.array(
    z.object({
      ...{ routerId: text, interface: text, address: text, area: text, state: text },
      ...{ interfaceId: z.number(), trouble: text },
    }),
  ),
});

const ospfInterfaces = z.array(
  z.object({
    ...{ interface: text, area: text, kind: text, state: text, cost: z.number(), interfaceId: z.number() },
    ...{ linkLocal: text, passive: z.boolean() },
  }),
);

const ospfAreas = z.array(
  z.object({ area: text, kind: text, summaries: z.boolean(), borderRouters: z.array(text), checksum: z.number() }),
);

const routerLsas = z.array(
  z.object({
    ...{ scope: text, advertisingRouter: text },
    body: z.object({
      flags: z.array(text).optional(),
      links: z
        .array(
          z.object({
            ...{ type: text, metric: z.number(), interfaceId: z.number() },
            ...{ neighborInterfaceId: z.number(), neighbor: text },
          }),
        )
        .optional(),
    }),
  }),
);

export const VIEW_SCHEMAS = {
  status: z.object({
    ...{ name: text, role: text, address: text, version: text, uptime: z.number() },
    forwarders: z.array(z.object({ busy: z.number() })),
  }),
  vms,
  flights,
  ports,
  "ospf/status": z.object({ routerId: text, areas: z.array(text), isBorder: z.boolean() }),
  "ospf/neighbors": ospfNeighbors,
  "ospf/interfaces": ospfInterfaces,
  "ospf/areas": ospfAreas,
  "ospf/database/router": routerLsas,
  bfd: z.object({ sessions: z.array(z.object({ interface: text, remote: text, state: text })) }),
  neighbors: z.array(z.object({ port: text, address: text, mac: text.nullable(), state: text })),
  homes: z.array(z.object({ prefix: text, hypervisor: text.nullable(), here: z.boolean() })),
  tunnels,
  drops,
} as const;

export type ViewPath = keyof typeof VIEW_SCHEMAS;
export type ViewOf<P extends ViewPath> = z.output<(typeof VIEW_SCHEMAS)[P]>;
export const VIEW_PATHS = Object.keys(VIEW_SCHEMAS) as ViewPath[];

/** What the map needs of it, or why it is not what a router says. */
export function readView<P extends ViewPath>(path: P, json: unknown): { value: ViewOf<P> } | { fault: string } {
  const read = VIEW_SCHEMAS[path].safeParse(json);
  if (read.success) return { value: read.data as ViewOf<P> };
  const { path: where = [], message = "" } = read.error.issues[0] ?? {};
  return { fault: `what it says of ${path.replaceAll("/", " ")} cannot be read: ${where.join(".")}: ${message}` };
}
