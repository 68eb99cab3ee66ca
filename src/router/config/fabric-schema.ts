/** What fabric.yaml may say. Published as schema/fabric.schema.json. */
import { z } from "zod";
import { broadcast } from "#router/config/broadcast-schema";
import { fabricMobility } from "#router/config/mobility-schema";
import { networkRoute, rule } from "#router/config/rule-schema";
import { flowLog } from "#router/config/watching-schema";
import { domainName, ipAddress, ipv4, macAddress, prefix4, prefix6, span, whole } from "#runtime/document/scalars";

const NAME = "a name: 1 … 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit";
/** Of a fabric, node, tenant, network, uplink or VM: fit for a file name and for `tenant/network`. */
export const name = z
  .string({ error: NAME })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error: NAME })
  .meta({ description: NAME, examples: ["hv1"] });

const KEY = "32 hexadecimal digits: the deployment's 128-bit key";
const key = z
  .string({ error: KEY })
  .regex(/^[0-9a-fA-F]{32}$/, { error: KEY })
  .meta({ description: `${KEY} (secret)` });

const HOME = "a home prefix, or a mapping with prefix and hypervisor";
const home = z
  .union([prefix6, z.strictObject({ prefix: prefix6, hypervisor: name.optional() }, { error: HOME })], { error: HOME })
  .transform((value) => ("prefix" in value ? value : { prefix: value }))
  .meta({ description: "a /64 that one hypervisor owns" });

const PREFIXES = "a list of one or more IPv6 prefixes";
const HOMES = "a list of one or more /64 prefixes, in an order that stays";
const NETWORK_PREFIXES = "a list of IPv4 prefixes";
const TENANT_PREFIXES = "a list of IPv6 prefixes";
const NETWORK = "a mapping with id, and prefixes or public";
const ROUTES = "a list of routes, each with to and via";
const RULES = "a list of rules";
const TENANT = "a mapping with id and networks";

export const DEFAULT_TENANT_BITS = 22;
/** Link-local, so that it is in no network's prefix. */
const DEFAULT_GATEWAY = "169.254.1.1";
/** Locally administered, "AIN" in ASCII. */
const DEFAULT_GATEWAY_MAC = "02:41:49:4e:00:01";

/** Most addresses of one kind that a VM is told; a client that takes the least has room for so many. */
const MOST_SERVERS = 8;
const SERVERS = `a list of at most ${MOST_SERVERS} addresses of each kind, IPv4 and IPv6`;
const servers = (whose: string) =>
  z
    .array(ipAddress, { error: SERVERS })
    .refine((all) => [4, 16].every((size) => all.filter(({ bytes }) => bytes.length === size).length <= MOST_SERVERS), {
      error: SERVERS,
    })
    .default([])
    .meta({ description: `addresses of ${whose}, IPv4 and IPv6` });

const DHCP = "false, or a mapping with dns, domain, ntp, mtu, leaseTime";
const dhcp = z
  .union(
    [
      z.literal(false, { error: DHCP }),
      z.strictObject(
        {
          dns: servers("the VMs' DNS servers"),
          domain: domainName.optional().meta({ description: "the VMs' domain" }),
          ntp: servers("the VMs' NTP servers"),
          mtu: whole(576, 65535)
            .optional()
            .meta({ description: "what VMs are told; default: what the fabric carries" }),
          leaseTime: span(10_000, 365 * 86_400_000, 1000)
            .prefault("1h")
            .meta({ description: "how long an address is a VM's before it has to ask again" }),
        },
        { error: DHCP },
      ),
    ],
    { error: DHCP },
  )
  .meta({
    description: "what the router tells VMs by DHCP and router advertisements; false: it is not their DHCP server",
  });

const TENANT_PREFIX = "an IPv6 prefix, or a mapping with prefix and public";
const tenantPrefix = z
  .union(
    [
      prefix6,
      z.strictObject(
        {
          prefix: prefix6,
          public: z.boolean({ error: "true or false" }).default(false).meta({
            description: "true: nobody else's; all public addresses reach them, and the outside",
          }),
        },
        { error: TENANT_PREFIX },
      ),
    ],
    { error: TENANT_PREFIX },
  )
  .transform((value) =>
    "prefix" in value ? { ...value.prefix, isPublic: value.public } : { ...value, isPublic: false },
  )
  .meta({ description: TENANT_PREFIX });

export const network = z.strictObject(
  {
    // Bounded by the tenant bits: the loader checks it.
    id: whole(0, 2 ** 31 - 1).meta({ description: "network number, 0 … 2^(32 − tenantBits) − 1" }),
    prefixes: z
      .array(prefix4, { error: NETWORK_PREFIXES })
      .default([])
      .meta({ description: "the network's private addresses, which other networks may have too" }),
    public: z
      .array(prefix4, { error: NETWORK_PREFIXES })
      .default([])
      .meta({ description: "its public addresses, which no other network has and all public addresses reach" }),
    tenantPrefixes: z.array(tenantPrefix, { error: TENANT_PREFIXES }).default([]).meta({
      description:
        "IPv6 addresses that the tenant brought, outside the fabric's; other networks may have the same private ones",
    }),
    publicIpv6: z
      .boolean({ error: "true or false" })
      .default(false)
      .meta({ description: "true: the fabric's IPv6 addresses of its VMs are public" }),
    routes: z
      .array(networkRoute, { error: ROUTES })
      .default([])
      .meta({ description: "beside the way to its own prefixes, and 0.0.0.0/0 to public addresses" }),
    gateway: ipv4.prefault(DEFAULT_GATEWAY).meta({ description: "the address VMs route through; no VM's own" }),
    dhcp: dhcp.prefault({}),
    metadata: z
      .boolean({ error: "true or false" })
      .default(true)
      .meta({ description: "false: VMs find no metadata at 169.254.169.254" }),
    ra: z
      .boolean({ error: "true or false" })
      .default(true)
      .meta({ description: "false: VMs with IPv6 addresses get no router advertisements" }),
    broadcast: broadcast
      .optional()
      .meta({ description: "VMs in one prefix are on one Ethernet segment; default: nothing is broadcast" }),
    flowLog: flowLog.optional().meta({ description: "in place of the tenant's" }),
  },
  { error: NETWORK },
);

const NETWORK_NAME = "tenant/network, as in blue/prod";
const OUTSIDE_PREFIXES = "a list of IPv6 prefixes";
const FLOATING = "a list of mappings with address, network and to";
const floating = z.strictObject(
  {
    address: ipv4.meta({ description: "the address that the outside sees" }),
    network: z
      .string({ error: NETWORK_NAME })
      .regex(/^[^/]+\/[^/]+$/, { error: NETWORK_NAME })
      .meta({ description: NETWORK_NAME }),
    to: ipv4.meta({ description: "the VM's private address in that network" }),
  },
  { error: "a mapping with address, network and to" },
);
export const outside = z.strictObject(
  {
    prefix: prefix6.meta({
      description:
        "a /64 inside the fabric's prefixes, and no home: what IPv4 hosts outside have for addresses in the fabric",
    }),
    ipv6: z.array(prefix6, { error: OUTSIDE_PREFIXES }).default([]).meta({
      description: "what is outside of IPv6, reached straight; 2000::/3 is all of the Internet. Default: nothing",
    }),
    floating: z
      .array(floating, { error: FLOATING })
      .default([])
      .meta({ description: "public addresses that stand for a private one, both ways" }),
  },
  { error: "a mapping with prefix" },
);

const rulesOf = <R extends z.ZodType>(ruleSchema: R, whose: string) =>
  z.array(ruleSchema, { error: RULES }).default([]).meta({ description: whose });

/** A tenant, with its networks and rules read by these schemas. */
const tenantWith = <S extends z.ZodType, R extends z.ZodType>(networkSchema: S, ruleSchema: R) =>
  z.strictObject(
    {
      id: whole(1, 2 ** 31 - 1).meta({ description: "tenant number, 1 … 2^tenantBits − 1; 0 is the infrastructure's" }),
      networks: z.record(name, networkSchema, { error: "a mapping of network names to networks" }),
      flowLog: flowLog.optional(),
      rules: rulesOf(ruleSchema, "for packets of the tenant's VMs on their way out, and to its VMs on their way in"),
    },
    { error: TENANT },
  );

/** The whole file, with its tenants and rules read by these schemas. */
const fabricWith = <S extends z.ZodType, R extends z.ZodType>(tenantSchema: S, ruleSchema: R) =>
  z.strictObject(
    {
      name,
      key,
      tenantBits: whole(1, 31)
        .default(DEFAULT_TENANT_BITS)
        .meta({ description: "how many of the 32 tag bits are the tenant's" }),
      prefixes: z
        .array(prefix6, { error: PREFIXES })
        .min(1, { error: PREFIXES })
        .meta({ description: "the fabric's address ranges: packets from elsewhere are refused" }),
      homes: z.array(home, { error: HOMES }).min(1, { error: HOMES }).meta({ description: HOMES }),
      mtu: whole(1500, 65535)
        .optional()
        .meta({ description: "largest IPv6 packet, octets, that every link of the fabric carries" }),
      gatewayMac: macAddress
        .prefault(DEFAULT_GATEWAY_MAC)
        .meta({ description: "the MAC address that VMs see their gateway at" }),
      tenants: z
        .record(name, tenantSchema, { error: "a mapping of tenant names to tenants" })
        .nullish()
        .transform((tenants) => tenants ?? {}),
      outside: outside.optional().meta({ description: "the Internet behind the gateways; default: there is none" }),
      mobility: fabricMobility
        .prefault({})
        .meta({ description: "how hypervisors tell one another where VMs are (Proxy Mobile IPv6)" }),
      rules: rulesOf(ruleSchema, "the operator's, which are asked before the tenants'"),
    },
    { error: "a fabric: a mapping with name, key, prefixes and homes" },
  );

/** The outline of a tenant and of the file: the loader reads the parts one by one, so that every error shows. */
export const tenantOutline = tenantWith(z.unknown(), z.unknown());
export const fabricOutline = fabricWith(z.unknown(), z.unknown());
export const fabricDocument = fabricWith(tenantWith(network, rule), rule);
