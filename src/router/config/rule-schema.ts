/** What fabric.yaml may say of rules and of networks' routes. */
import { z } from "zod";
import { ipPrefix, whole } from "#runtime/document/scalars";

const NAME = "a rule's name: 1 … 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit";
const ruleName = z
  .string({ error: NAME })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error: NAME })
  .meta({ description: NAME, examples: ["web"] });

const END = "any, public, outside, a tenant, a network as in blue/prod, or a mapping with network and prefix";
const END_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,62})?$/;
const endName = z.string({ error: END }).regex(END_NAME, { error: END });
/** One end of what a rule matches; the loader looks the names up. */
export const end = z
  .union([endName, z.strictObject({ network: endName, prefix: ipPrefix }, { error: END })], { error: END })
  .meta({ description: END, examples: ["blue/prod"] });
const ENDS = `${END}; or a list of 1 … 64 of these`;
const ends = z
  .union([end, z.array(end, { error: ENDS }).min(1, { error: ENDS }).max(64, { error: ENDS })], { error: ENDS })
  .transform((value) => (Array.isArray(value) ? value : [value]));

export interface PortRange {
  /** 0 … 65535. */
  readonly first: number;
  /** Not below `first`. */
  readonly last: number;
}

const PORTS = 'a port 0 … 65535, a range as in "8000-8080", or a list of 1 … 32 of these';
const port = z.int({ error: PORTS }).min(0, { error: PORTS }).max(65535, { error: PORTS });
const range = z
  .string({ error: PORTS })
  .regex(/^\d{1,5}-\d{1,5}$/, { error: PORTS })
  .transform((text, context): PortRange => {
    const [first, last] = text.split("-").map(Number) as [number, number];
    if (first <= last && last <= 65535) return { first, last };
    context.issues.push({ code: "custom", input: text, message: PORTS });
    return z.NEVER;
  });
const onePort = z.union([port.transform((n): PortRange => ({ first: n, last: n })), range], { error: PORTS });
const ports = z
  .union([onePort, z.array(onePort, { error: PORTS }).min(1, { error: PORTS }).max(32, { error: PORTS })], {
    error: PORTS,
  })
  .transform((value) => (Array.isArray(value) ? value : [value]));

/** Names of protocols and ICMP types that a rule may use, by what they stand for (IANA). */
export const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, sctp: 132 } as const;
/** Those of which rules may name ports. */
export const WITH_PORTS: readonly number[] = [PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.sctp];
const PROTOCOL = `${Object.keys(PROTOCOLS).join(", ")}, or a protocol number 0 … 255`;
const protocol = z
  .union(
    [
      z.enum(["icmp", "tcp", "udp", "sctp"], { error: PROTOCOL }).transform((name) => PROTOCOLS[name]),
      z.int({ error: PROTOCOL }).min(0, { error: PROTOCOL }).max(255, { error: PROTOCOL }),
    ],
    { error: PROTOCOL },
  )
  .meta({ description: PROTOCOL });

export const ICMP_TYPES = { "echo-reply": 0, unreachable: 3, redirect: 5, echo: 8, "time-exceeded": 11 } as const;
const ICMP_TYPE = `${Object.keys(ICMP_TYPES).join(", ")}, or an ICMP type 0 … 255`;
const icmpType = z
  .union(
    [
      z
        .enum(["echo-reply", "unreachable", "redirect", "echo", "time-exceeded"], { error: ICMP_TYPE })
        .transform((name) => ICMP_TYPES[name]),
      z.int({ error: ICMP_TYPE }).min(0, { error: ICMP_TYPE }).max(255, { error: ICMP_TYPE }),
    ],
    { error: ICMP_TYPE },
  )
  .meta({ description: `${ICMP_TYPE}; IPv6 VMs' ICMPv6 counts by its IPv4 counterpart` });

const FLAG = "true or false";
const ACTION = "allow or deny";

export const rule = z.strictObject(
  {
    name: ruleName,
    action: z.enum(["allow", "deny"], { error: ACTION }),
    from: ends.prefault("any").meta({ description: `where packets come from: ${ENDS}` }),
    to: ends.prefault("any").meta({ description: `where they go: ${ENDS}` }),
    protocol: protocol.optional(),
    ports: ports.optional().meta({ description: `destination: ${PORTS}` }),
    sourcePorts: ports.optional().meta({ description: `source: ${PORTS}` }),
    icmpType: icmpType.optional(),
    icmpCode: whole(0, 255).optional(),
    priority: whole(0, 65535)
      .default(1000)
      .meta({ description: "smaller is asked first; of equal ones deny before allow" }),
    stateful: z
      .boolean({ error: FLAG })
      .default(true)
      .meta({ description: "of an allow: answers to what it lets through pass too" }),
    log: z.boolean({ error: FLAG }).default(false).meta({ description: "log the flows that this rule decides" }),
  },
  { error: "a rule: a mapping with name and action" },
);

const VIA = "public, gateway, blackhole, or another network as in blue/prod";
export const networkRoute = z.strictObject(
  {
    to: ipPrefix.meta({ description: "destination" }),
    via: z.string({ error: VIA }).regex(END_NAME, { error: VIA }).meta({ description: VIA }),
  },
  { error: "a mapping with to and via" },
);
