/** What the section `ospf:` of node.yaml may say. Published with schema/node.schema.json. */
import { z } from "zod";
import { secretKeys } from "#router/config/secret";
import { identifier32, prefix6, span, timestamp, whole } from "#runtime/document/scalars";

const ROUTER_ID = "a router id: 10.0.0.1, or a whole number 1 … 4294967295";
const routerId = identifier32(ROUTER_ID, 1);

export const AREA_ID = "an area: 0.0.0.1, or a whole number 0 … 4294967295";
const areaId = identifier32(AREA_ID, 0);

const YES_NO = "true or false";
const yesNo = z.boolean({ error: YES_NO });

/** Intervals that hellos carry as whole seconds, 16 bits (RFC 5340 §A.3.2). */
const seconds = (least: number, most: number) => span(1000 * least, 1000 * most, 1000);

const LS_INFINITY = 0xff_ffff;
const metric = whole(0, LS_INFINITY - 1);

// ---- areas ----

const KIND = "normal, stub or nssa";
const TRANSLATE = "candidate, always or never";

const range = z.strictObject(
  {
    prefix: prefix6.meta({ description: "told to the other areas in place of the prefixes inside it" }),
    advertise: yesNo.default(true).meta({ description: "false: neither it nor what is inside is told" }),
    cost: metric.optional().meta({ description: "default: the greatest cost inside" }),
  },
  { error: "a mapping with prefix" },
);

const RANGES = "a list of ranges";
export const area = z.strictObject(
  {
    kind: z.enum(["normal", "stub", "nssa"], { error: KIND }).default("normal").meta({ description: KIND }),
    summaries: yesNo
      .default(true)
      .meta({ description: "stub, nssa: false has border routers tell it the default route only (totally stubby)" }),
    defaultCost: metric
      .optional()
      .meta({ description: "stub, nssa: metric of the default route that border routers tell it; default 1" }),
    translate: z
      .enum(["candidate", "always", "never"], { error: TRANSLATE })
      .default("candidate")
      .meta({ description: "nssa: whether this border router makes AS-external routes of the area's own" }),
    ranges: z
      .array(range, { error: RANGES })
      .nullish()
      .transform((ranges) => ranges ?? [])
      .meta({ description: "border routers tell the other areas these in place of what lies inside" }),
  },
  { error: "an area: a mapping with kind, ranges …" },
);

// ---- interfaces ----

const key = z.strictObject(
  {
    id: whole(0, 65535).meta({ description: "the same at both ends" }),
    ...secretKeys,
    sendFrom: timestamp.optional().meta({ description: "sent with from then on; default: always" }),
    acceptUntil: timestamp.optional().meta({ description: "accepted until then; default: for ever" }),
    frr8: z
      .boolean({ error: "true or false" })
      .default(false)
      .meta({ description: "for neighbors that run FRR before 9.1, whose trailers are not as RFC 7166 has them" }),
  },
  { error: "a key: a mapping with id, and secret or secretFile" },
);

const KEYS = "a list of 1 … 16 keys";
const auth = z.strictObject(
  { keys: z.array(key, { error: KEYS }).min(1, { error: KEYS }).max(16, { error: KEYS }) },
  { error: "a mapping with keys" },
);

const BFD = "true, false, or a mapping with interval and multiplier";
const bfdSettings = z.strictObject(
  {
    interval: span(10, 60_000).default(100).meta({ description: "between packets, both ways" }),
    multiplier: whole(1, 255).default(3).meta({ description: "so many lost in a row: the neighbor is gone" }),
  },
  { error: BFD },
);
const bfd = z
  .union([z.boolean({ error: BFD }), bfdSettings], { error: BFD })
  .transform((value) => (value === true ? bfdSettings.parse({}) : value));

const PREFIXES = "a list of prefixes";
const INTERFACE_KIND = "point-to-point or broadcast";

/** Nothing has a default here: what an interface does not say, `defaults` may. */
const interfaceSettings = {
  kind: z
    .enum(["point-to-point", "broadcast"], { error: INTERFACE_KIND })
    .optional()
    .meta({
      description: `${INTERFACE_KIND} (with a designated router); the same at both ends; default: point-to-point`,
    }),
  cost: whole(1, 65535).optional().meta({ description: "default 10" }),
  hello: seconds(1, 65535).optional().meta({ description: "between hellos, the same at both ends; default 10s" }),
  dead: seconds(1, 65535)
    .optional()
    .meta({ description: "silence after which a neighbor is gone, the same at both ends; default: four hellos" }),
  retransmit: span(100, 3_600_000)
    .optional()
    .meta({ description: "between repetitions of what is not acknowledged; default 5s" }),
  transmitDelay: seconds(1, 3599).optional().meta({ description: "by how much LSAs age on the link; default 1s" }),
  priority: whole(0, 255)
    .optional()
    .meta({ description: "broadcast: the greatest becomes designated router, 0 never does; default 1" }),
  passive: yesNo
    .optional()
    .meta({ description: "advertise the link's prefixes, but speak with nobody; default false" }),
  mtuIgnore: yesNo.optional().meta({ description: "be adjacent to neighbors with a larger MTU; default false" }),
  instance: whole(0, 255).optional().meta({ description: "instance id, the same at both ends; default 0" }),
  bfd: bfd.optional().meta({ description: "watch the neighbors by BFD; default false" }),
  auth: auth.optional().meta({ description: "authentication trailer, HMAC-SHA-256 (RFC 7166)" }),
};

export const interfaceDefaults = z.strictObject(interfaceSettings, { error: "a mapping with settings of interfaces" });

export const ospfInterface = z.strictObject(
  {
    area: areaId.optional().meta({ description: "default: the node's area" }),
    prefixes: z
      .array(prefix6, { error: PREFIXES })
      .optional()
      .meta({ description: "prefixes of the link itself, advertised with its cost" }),
    ...interfaceSettings,
  },
  { error: "a mapping with area, cost, bfd …" },
);

// ---- redistribution ----

const externalSettings = {
  metric: metric.optional(),
  metricType: z
    .union([z.literal(1), z.literal(2)], { error: "1 or 2" })
    .default(2)
    .meta({ description: "1: comparable with costs inside; 2: larger than any" }),
  tag: whole(0, 0xffff_ffff).optional().meta({ description: "told along, for other routers' use" }),
};

/** `true` for the defaults, or settings. */
function redistributed<S extends z.ZodType>(settings: S, words: string) {
  const expected = `true, false, or a mapping with ${words}`;
  return z
    .union([z.boolean({ error: expected }), settings], { error: expected })
    .transform(
      (value) => (value === true ? settings.parse({}) : value === false ? undefined : value) as z.output<S> | undefined,
    );
}

const staticRoutes = z.strictObject(externalSettings, { error: "a mapping with metric, metricType and tag" });
const defaultRoute = z.strictObject(
  {
    ...externalSettings,
    always: yesNo.default(false).meta({ description: "also while this router itself has no default route" }),
  },
  { error: "a mapping with metric, metricType, tag and always" },
);

const redistribute = z.strictObject(
  {
    static: redistributed(staticRoutes, "metric, metricType and tag")
      .optional()
      .meta({ description: "the node's static routes, without the default route; metric: default 20" }),
    default: redistributed(defaultRoute, "metric, metricType, tag and always")
      .optional()
      .meta({ description: "the default route; metric: default 10" }),
  },
  { error: "a mapping with static and default" },
);

// ---- the whole ----

const spf = z.strictObject(
  {
    initial: span(0, 60_000).optional().meta({ description: "wait after a first change; default 50ms" }),
    short: span(0, 60_000).optional().meta({ description: "wait while changes go on; default 200ms" }),
    long: span(0, 60_000).optional().meta({ description: "wait when they do not end; default 5s" }),
    timeToLearn: span(0, 60_000)
      .optional()
      .meta({ description: "in which one event's changes come in; default 500ms" }),
    holdDown: span(0, 600_000).optional().meta({ description: "quiet after which all is as at first; default 10s" }),
  },
  { error: "a mapping with initial, short, long, timeToLearn and holdDown" },
);

const gracefulRestart = z.strictObject(
  {
    period: seconds(1, 1800)
      .default(120_000)
      .meta({ description: "how long neighbors are asked to wait for a restart" }),
    helper: yesNo.default(true).meta({ description: "wait for neighbors that restart" }),
  },
  { error: "a mapping with period and helper" },
);

const RECORD = "the path of a file, or a mapping with file and limit";
const recordSettings = z.strictObject(
  {
    file: z.string({ error: RECORD }).min(1, { error: RECORD }).meta({ description: "from this file's folder" }),
    limit: whole(1, 65536).default(256).meta({ description: "MiB; a recording ends there" }),
  },
  { error: RECORD },
);
export const record = z
  .union([z.string({ error: RECORD }).min(1, { error: RECORD }), recordSettings], { error: RECORD })
  .transform((value) => (typeof value === "string" ? recordSettings.parse({ file: value }) : value));

const SECTION = "true, false, or a mapping with routerId, area, areas, interfaces …";

const sectionWith = <A extends z.ZodType, I extends z.ZodType>(element: { area: A; interface: I }) =>
  z.strictObject(
    {
      routerId: routerId.optional().meta({
        description:
          "unique in the fabric; default: a hypervisor's is one more than the number of its home, a switch's 128.0.0.0 and 31 bits of a hash of its address",
      }),
      area: areaId
        .default(0)
        .meta({ description: "area of interfaces that do not say theirs, and of the node's own prefixes" }),
      areas: z
        .record(z.string(), element.area, { error: "a mapping of areas" })
        .nullish()
        .meta({ description: "by area id; areas that are not here are normal ones" }),
      defaults: interfaceDefaults.optional().meta({ description: "what interfaces do that do not say otherwise" }),
      interfaces: z
        .record(z.string(), element.interface, { error: "a mapping of interfaces" })
        .nullish()
        .meta({ description: "by uplink; all uplinks take part, mentioned or not" }),
      redistribute: redistribute.prefault({}).meta({ description: "what else is advertised, as AS-external routes" }),
      spf: spf.prefault({}).meta({ description: "when routes are computed (RFC 8405)" }),
      gracefulRestart: gracefulRestart.prefault({}),
      maxPaths: whole(1, 64).default(64).meta({ description: "next hops of a route" }),
      maxLsas: whole(1, 10_000_000)
        .default(100_000)
        .meta({ description: "LSAs held, of 64 octets each on average; those of others above it are refused" }),
      record: record
        .optional()
        .meta({ description: "record all that OSPF is told, for `ain ospf replay`. Keys are in it" }),
    },
    { error: SECTION },
  );

/** The section without the elements of its mappings, which the loader reads one by one, so that every error shows. */
export const ospfOutline = z.union(
  [z.boolean({ error: SECTION }), sectionWith({ area: z.unknown(), interface: z.unknown() })],
  {
    error: SECTION,
  },
);
export const ospfSection = z.union([z.boolean({ error: SECTION }), sectionWith({ area, interface: ospfInterface })], {
  error: SECTION,
});
