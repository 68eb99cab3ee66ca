/** What the files may say of being watched: metrics, the router's log, the log of flows. */
import { z } from "zod";
import { parseIpv4, parseIpv6 } from "#base/address";
import { whole } from "#runtime/document/scalars";

const LISTEN = "an address and a port, as in [::1]:9464 or 127.0.0.1:9464";

export interface Listen {
  readonly text: string;
  /** IPv4 or IPv6 address. */
  readonly host: string;
  /** 1 … 65535. */
  readonly port: number;
}

function parseListen(text: string): Listen | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65535) return undefined;
  const address = bracketed === undefined ? parseIpv4(host) : parseIpv6(host);
  return address === undefined ? undefined : { text, host, port };
}

const listen = z
  .string({ error: LISTEN })
  .refine((text) => parseListen(text) !== undefined, { error: LISTEN })
  .transform((text) => parseListen(text)!)
  .meta({ description: LISTEN, examples: ["[::1]:9464"] });

export const nodeMetrics = z.strictObject(
  {
    listen: listen.meta({
      description: "where Prometheus finds /metrics, in the router's network namespace, unprotected; default: nowhere",
    }),
  },
  { error: "a mapping with listen" },
);

const FORMAT = "text or json";
const LEVEL = "debug, info, warn or error";
export const nodeLog = z.strictObject(
  {
    format: z
      .enum(["text", "json"], { error: FORMAT })
      .optional()
      .meta({ description: "json: a JSON object a line; default: text" }),
    level: z
      .enum(["debug", "info", "warn", "error"], { error: LEVEL })
      .optional()
      .meta({ description: "least level that is logged; default: info" }),
  },
  { error: "a mapping with format and level" },
);

/** Octets of a MiB. */
const MEBI = 2 ** 20;

export const nodeFlowLog = z
  .strictObject(
    {
      file: z
        .string({ error: "the path of a file" })
        .min(1, { error: "the path of a file" })
        .optional()
        .meta({ description: "where flows are logged; default: <name>.flows.jsonl beside the API socket" }),
      limit: whole(1, 65536).default(16).meta({ description: "MiB of a file, after which another is begun" }),
      keep: whole(1, 100).default(3).meta({ description: "files kept beside the present one: .1 is the latest" }),
    },
    { error: "a mapping with file, limit and keep" },
  )
  .transform(({ file, limit, keep }) => ({ file, limit: limit * MEBI, keep }));

const FLOW_LOG = "false, or a mapping with sample";
export const flowLog = z
  .union(
    [
      z.literal(false, { error: FLOW_LOG }),
      z.strictObject(
        {
          sample: whole(1, 1_000_000)
            .default(100)
            .meta({ description: "of flows that are no connections, one in so many is logged" }),
        },
        { error: FLOW_LOG },
      ),
    ],
    { error: FLOW_LOG },
  )
  .meta({
    description:
      "log connections of the VMs, from their begin to their end, and a sample of other flows; default: none",
  });
