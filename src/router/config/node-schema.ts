/** What node.yaml may say. Published as schema/node.schema.json. */
import { z } from "zod";
import { name } from "#router/config/fabric-schema";
import { nodeMobility } from "#router/config/mobility-schema";
import { ospfSection } from "#router/config/ospf-schema";
import { nodeFlowLog, nodeLog, nodeMetrics } from "#router/config/watching-schema";
import {
  hostName,
  interfaceAddress,
  interfaceName,
  ipv4,
  ipv6,
  macAddress,
  prefix4,
  prefix6,
  whole,
} from "#runtime/document/scalars";

const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected });

export const MOST_NEXT_HOPS = 64;

const ENTRIES = "a power of two, 1024 … 4194304";
const FLOW_CACHE = "false, or a mapping with entries";
const flowCache = z
  .union(
    [
      z.literal(false, { error: FLOW_CACHE }),
      z.strictObject(
        {
          entries: z
            .int({ error: ENTRIES })
            .min(1024, { error: ENTRIES })
            .max(4194304, { error: ENTRIES })
            .refine((n) => (n & (n - 1)) === 0, { error: ENTRIES })
            .meta({ description: `flows whose decision is remembered: ${ENTRIES}` }),
        },
        { error: FLOW_CACHE },
      ),
    ],
    { error: FLOW_CACHE },
  )
  .transform((value) => (value === false ? 0 : value.entries));

const CONNECTIONS = "a mapping with entries and perVm";
const connections = z
  .strictObject(
    {
      entries: whole(1024, 4194304)
        .default(262144)
        .meta({ description: "connections of stateful rules that there is room for; about 150 octets each" }),
      perVm: whole(1, 4194304).optional().meta({ description: "of which one VM may have; default: a quarter" }),
    },
    { error: CONNECTIONS },
  )
  .transform(({ entries, perVm }) => ({ entries, perVm: perVm ?? Math.ceil(entries / 4) }));

const capture = z
  .boolean({ error: "true or false" })
  .default(false)
  .meta({ description: "let captures on the interface (tcpdump) see what is sent too; slower for small packets" });

export const uplink = z.strictObject(
  {
    interface: interfaceName.meta({ description: "kernel interface that leads into the fabric" }),
    name: name.optional().meta({ description: "what routes call it; default: the interface's name" }),
    mtu: whole(1280, 65535).optional().meta({ description: "largest IPv6 packet, octets; default: the interface's" }),
    offload: z
      .boolean({ error: "true or false" })
      .default(true)
      .meta({ description: "let super-packets and unfinished checksums through" }),
    capture,
  },
  { error: "a mapping with interface" },
);

const nextHop = z.strictObject(
  {
    uplink: text("the name of an uplink"),
    nextHop: ipv6.meta({ description: "the neighbour's address, link-local or global" }),
    weight: whole(1, 16).default(1).meta({ description: "share of the flows, relative to the other next hops" }),
  },
  { error: "a mapping with uplink and nextHop" },
);

const NEXT_HOPS = `a list of 1 … ${MOST_NEXT_HOPS} next hops`;
export const route = z.strictObject(
  {
    to: prefix6.meta({ description: "destination; ::/0 is the default route" }),
    via: z.array(nextHop, { error: NEXT_HOPS }).min(1, { error: NEXT_HOPS }).max(64, { error: NEXT_HOPS }).optional(),
    discard: z.literal(true, { error: "true" }).optional().meta({ description: "drop what goes there" }),
  },
  { error: "a mapping with to, and via or discard" },
);

const NETNS = "a network namespace: its name, or an absolute path";
const netns = z.string({ error: NETNS }).regex(/^(?:\/.+|[^/\s]{1,255})$/, { error: NETNS });

const TAP = "the name of a TAP to make, or a mapping with its name";
const tapSettings = z.strictObject(
  {
    name: interfaceName,
    netns: netns.optional().meta({ description: `where the interface is moved to: ${NETNS}` }),
    rename: interfaceName.optional().meta({ description: "the interface's name there" }),
    mac: macAddress.optional().meta({ description: "the MAC address the interface gets" }),
  },
  { error: TAP },
);
type TapSettings = z.output<typeof tapSettings>;
const tap = z
  .union([interfaceName, tapSettings], { error: TAP })
  .transform((value): TapSettings => (typeof value === "string" ? { name: value } : value));

const INSTANCE = "an instance id: 1 … 128 letters, digits, dots, dashes and underscores";
const instanceId = z
  .string({ error: INSTANCE })
  .regex(/^[A-Za-z0-9._-]{1,128}$/, { error: INSTANCE })
  .meta({ description: INSTANCE });

const USER_DATA = "text, or a mapping with file or base64";
const BASE64 = "octets in base64 (RFC 4648 §4)";
const userData = z
  .union(
    [
      z.string({ error: USER_DATA }),
      z.strictObject({ file: text("the path of a file") }, { error: USER_DATA }),
      z.strictObject({ base64: z.base64({ error: BASE64 }) }, { error: USER_DATA }),
    ],
    { error: USER_DATA },
  )
  .meta({
    description:
      "what the VM finds as its user data: text, a file's content, its path from this file's folder, or octets in base64",
  });

/** What DHCPv6 gives one VM (services/dhcp6/events.ts). */
const MOST_IPV6 = 16;
const IPV6 = `an IPv6 address, or a list of 1 … ${MOST_IPV6}`;
const ipv6Addresses = z
  .union([ipv6, z.array(ipv6, { error: IPV6 }).min(1, { error: IPV6 }).max(MOST_IPV6, { error: IPV6 })], {
    error: IPV6,
  })
  .transform((value) => (Array.isArray(value) ? value : [value]));

export const vm = z.strictObject(
  {
    name,
    network: z
      .string({ error: "tenant/network" })
      .regex(/^[^/]+\/[^/]+$/, { error: "tenant/network, as in blue/prod" })
      .meta({ description: "tenant/network", examples: ["blue/prod"] }),
    address: ipv4.optional().meta({ description: "the VM's IPv4 address, inside one of the network's prefixes" }),
    ipv6: ipv6Addresses.optional().meta({
      description:
        "its IPv6 addresses: a home prefix, the network's tags, a host number 1 … 7fffff; or one of its tenantPrefixes",
    }),
    mac: macAddress.optional().meta({ description: "the VM's MAC address; learnt when absent" }),
    mtu: whole(576, 65535).optional().meta({ description: "the VM's MTU, octets; default: the port's" }),
    hostname: hostName.optional().meta({ description: "the VM's host name; default: made from its name" }),
    dhcp: z
      .boolean({ error: "true or false" })
      .default(true)
      .meta({ description: "false: this router is not the VM's DHCP server" }),
    instanceId: instanceId.optional().meta({ description: `${INSTANCE}; default: tenant-network-name` }),
    userData: userData.optional(),
    tap: tap.optional().meta({ description: "a TAP that the router makes for the VM" }),
    interface: interfaceName.optional().meta({ description: "an existing interface that leads to the VM" }),
    offload: z
      .boolean({ error: "true or false" })
      .default(true)
      .meta({ description: "let super-packets and unfinished checksums through" }),
    capture,
  },
  { error: "a mapping with name, network, address or ipv6, and tap or interface" },
);

const ROLE = "hypervisor, switch or gateway";
const role = z.enum(["hypervisor", "switch", "gateway"], { error: ROLE });

const POOL = "a list of IPv4 prefixes";
const BLOCK = "a power of two, 16 … 4096";
const outsideIpv6 = z.strictObject(
  {
    address: interfaceAddress.meta({ description: "the gateway's own global IPv6 address there" }),
    nextHop: ipv6.meta({ description: "the IPv6 router there, by its link-local address or another of the subnet" }),
  },
  { error: "a mapping with address and nextHop" },
);

const NAT_PORTS = 'a range of ports as in "1024-32767", of whole blocks, from 1024 on';
const natPorts = z
  .string({ error: NAT_PORTS })
  .regex(/^\d{4,5}-\d{4,5}$/, { error: NAT_PORTS })
  .transform((text) => {
    const [first, last] = text.split("-").map(Number) as [number, number];
    return { first, last };
  })
  .meta({ description: NAT_PORTS, examples: ["1024-32767"] });
const SHARE_TENANTS = "a list of one or more tenants";
const natShare = z.strictObject(
  {
    tenants: z.array(name, { error: SHARE_TENANTS }).min(1, { error: SHARE_TENANTS }).meta({
      description: "whose VMs have these addresses and ports, and no others",
    }),
    pool: z
      .array(prefix4, { error: POOL })
      .min(1, { error: POOL })
      .meta({ description: "NAT addresses, inside the gateway's pool" }),
    ports: natPorts.optional(),
    portsPerVm: whole(16, 65536).optional().meta({ description: "in place of the gateway's" }),
  },
  { error: "a mapping with tenants and pool" },
);

export const outsideLink = z.strictObject(
  {
    interface: interfaceName.meta({ description: "kernel interface that leads to the outside" }),
    address: interfaceAddress.meta({ description: "the gateway's own IPv4 address there" }),
    nextHop: ipv4.meta({ description: "the router that everything for the outside is sent to" }),
    ipv6: outsideIpv6.optional().meta({ description: "the link's IPv6 side; default: IPv4 alone" }),
    mtu: whole(1280, 65535).optional().meta({ description: "largest IP packet, octets; default: the interface's" }),
    offload: z
      .boolean({ error: "true or false" })
      .default(true)
      .meta({ description: "let super-packets and unfinished checksums through" }),
    capture,
    pool: z
      .array(prefix4, { error: POOL })
      .default([])
      .meta({ description: "NAT addresses, at most 256, of this gateway alone; none: no NAT" }),
    portBlock: whole(16, 4096)
      .refine((n) => (n & (n - 1)) === 0, { error: BLOCK })
      .default(64)
      .meta({ description: `ports that a VM gets at a time: ${BLOCK}` }),
    portsPerVm: whole(16, 65536).default(1024).meta({ description: "ports that a VM may have: 1 … 16 blocks" }),
    shares: z.array(natShare, { error: "a list of shares" }).default([]).meta({
      description: "parts of the pool that some tenants have for themselves; default: all share all",
    }),
    entries: whole(1024, 4194304).default(262144).meta({ description: "NAT sessions there is room for" }),
  },
  { error: "a mapping with interface, address and nextHop" },
);

const PREFIXES = "a list of home prefixes";
const SOCKET = "an absolute path of at most 107 octets";
const socket = z
  .string({ error: SOCKET })
  .regex(/^\/.+$/, { error: SOCKET })
  .refine((path) => new TextEncoder().encode(path).length <= 107, { error: SOCKET });

/** A list that may be left out, or have nothing behind its key. */
const list = <S extends z.ZodType>(element: S, expected: string) =>
  z
    .array(element, { error: expected })
    .nullish()
    .transform((elements) => elements ?? []);

/** The whole file, with the elements of its lists read by the given schemas. */
const nodeWith = <U extends z.ZodType, R extends z.ZodType, V extends z.ZodType, O extends z.ZodType>(element: {
  uplink: U;
  route: R;
  vm: V;
  ospf: O;
}) =>
  z.strictObject(
    {
      name,
      fabric: text("the path of the fabric's file").meta({
        description: "path of fabric.yaml, from this file's folder",
      }),
      role: role.meta({ description: ROLE }),
      prefix: prefix6.optional().meta({ description: "the home prefix that this hypervisor owns" }),
      prefixes: z
        .array(prefix6, { error: PREFIXES })
        .min(1, { error: PREFIXES })
        .optional()
        .meta({ description: "the home prefixes of a hypervisor that took some over, its own first" }),
      address: ipv6.optional().meta({ description: "a switch's or gateway's own address" }),
      forwarders: whole(1, 16).default(1).meta({ description: "forwarder threads" }),
      flowCache: flowCache.prefault({ entries: 262144 }),
      connections: connections.prefault({}),
      uplinks: list(element.uplink, "a list of uplinks"),
      routes: list(element.route, "a list of routes"),
      vms: list(element.vm, "a list of VMs"),
      outside: outsideLink.optional().meta({ description: "a gateway's link to the outside" }),
      ospf: element.ospf.optional().meta({ description: "OSPFv3 on the uplinks; default: static routes only" }),
      metrics: nodeMetrics.optional().meta({ description: "Prometheus' endpoint beside the API socket" }),
      log: nodeLog.optional().meta({ description: "the router's own log, on standard error" }),
      flowLog: nodeFlowLog.prefault({}).meta({ description: "where flows are logged, if the fabric wants any to be" }),
      mobility: nodeMobility.optional().meta({ description: "what this node does about mobility beside the fabric's" }),
      socket: socket.optional().meta({ description: "path of the API socket; default: /run/ain/<name>.sock" }),
    },
    { error: "a node: a mapping with name, fabric and role" },
  );

/** The file's outline: the loader reads the lists' elements one by one, and OSPF by itself, so that every error shows. */
export const nodeOutline = nodeWith({
  uplink: z.unknown(),
  route: z.unknown(),
  vm: z.unknown(),
  ospf: z.unknown(),
});
export const nodeDocument = nodeWith({ uplink, route, vm, ospf: ospfSection });
