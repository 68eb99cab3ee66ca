/** What the two configuration files say, parsed: addresses as octets beside their canonical text, names resolved. */

import type { Millis } from "#base/time";
import type { OspfConfig } from "#ospf/config";
import type { AddressClass } from "#policy/address-classes";
import type { WrittenRoute } from "#policy/route-table";
import type { IidPrefix } from "#policy/rules";
import type { PortRange } from "#router/config/rule-schema";
import type { Listen } from "#router/config/watching-schema";
import type { Address, Prefix } from "#runtime/document/scalars";

export type { Address, Prefix };

/** fabric.yaml: the same on every node of a deployment. */
export interface Fabric {
  readonly file: string;
  readonly name: string;
  /** The deployment's secret SipHash key, 16 octets. */
  readonly key: Uint8Array;
  /** Upper bits of the tags that are the tenant's: 1 … 31. */
  readonly tenantBits: number;
  /** All homes and router addresses lie inside; a packet from elsewhere is refused. */
  readonly prefixes: readonly Prefix[];
  /** In the order that the jump hash counts them. */
  readonly homes: readonly Home[];
  /** Largest IPv6 packet that every fabric link carries, when given. */
  readonly mtu?: number;
  /** The MAC address every VM sees its gateway at. */
  readonly gatewayMac: Address;
  /** Sorted by tags. */
  readonly networks: readonly Network[];
  /** The operator's first, then tenant by tenant; each by priority, then name. */
  readonly rules: readonly FabricRule[];
  readonly mobility: MobilitySettings;
  /** What is behind the gateways; undefined: nothing. */
  readonly outside?: Outside;
}

/** How hypervisors tell one another where VMs are. */
export interface MobilitySettings {
  /** Undefined: messages are not signed. */
  readonly auth?: { readonly keys: readonly MobilityKey[]; readonly send: number };
  /** Of a binding: 20 s … 65 532 s, whole units of 4 s. */
  readonly lifetime: Millis;
  /** How long the host that a VM has left passes on what still comes: 0 … 600 s. */
  readonly grace: Millis;
  readonly heartbeat: Millis;
  /** How long a correspondent's binding lives that carries nothing. */
  readonly idle: Millis;
  /** Room in the binding table. */
  readonly bindings: number;
  /** Correspondents remembered for each binding. */
  readonly correspondents: number;
}

export interface MobilityKey {
  /** Security parameter index: 256 … 4294967295. */
  readonly id: number;
  readonly secret: Uint8Array;
}

export interface Outside {
  /** A /64. With tags 1 and an IPv4 address behind it, an outside host's address in the fabric. */
  readonly prefix: Prefix;
  /** What is outside of IPv6; disjoint. None: nothing. */
  readonly ipv6: readonly Prefix[];
  /** Sorted by address. */
  readonly floating: readonly Floating[];
}

/** A public address that stands for a private one. */
export interface Floating {
  readonly address: Address;
  readonly network: Network;
  readonly to: Address;
}

/** A rule as it is written, its names resolved. */
export interface FabricRule {
  /** `blue/web`; an operator's: `web`. */
  readonly name: string;
  /** Whose packets it is asked about; undefined: everybody's, before the tenants' rules. */
  readonly tenantId?: number;
  readonly from: readonly RuleEnd[];
  readonly to: readonly RuleEnd[];
  readonly protocol?: number;
  /** Empty: all. */
  readonly ports: readonly PortRange[];
  readonly sourcePorts: readonly PortRange[];
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly action: "allow" | "deny";
  /** 0 … 65535, the smaller first. */
  readonly priority: number;
  readonly stateful: boolean;
  readonly log: boolean;
}

export interface RuleEnd {
  /** As written: `any`, `public`, `blue`, `blue/prod`, `blue/prod 10.0.0.0/28`, `blue/prod 2001:db8:7::/64`. */
  readonly text: string;
  readonly prefixes: readonly IidPrefix[];
  /** Only while the file is read: an IPv6 prefix of what a network's tenant brought, whose numbers are yet to be given. */
  readonly brought?: { readonly tags: number; readonly prefix: Prefix };
}

export interface Home {
  /** A /64. */
  readonly prefix: Prefix;
  /** Name of the node that is meant to own it. */
  readonly hypervisor?: string;
}

export interface Network {
  /** `blue/prod`. */
  readonly name: string;
  /** The interface identifier's first 32 bits: tenant id << (32 − tenantBits) | network id. Unsigned. */
  readonly tags: number;
  readonly tenantId: number;
  readonly networkId: number;
  /** IPv4, not overlapping one another. */
  readonly prefixes: readonly Prefix[];
  /** IPv4, overlapping no prefix of any network's. */
  readonly publicPrefixes: readonly Prefix[];
  /** IPv6, outside the fabric's prefixes: addresses that the tenant brought. Other networks may have the same private ones. */
  readonly tenantPrefixes: readonly TenantPrefix[];
  /** True: the fabric's own IPv6 addresses of its VMs are public. */
  readonly publicIpv6: boolean;
  /** What rules know addresses of `tenantPrefixes` by; the longest prefix first. */
  readonly classes: readonly AddressClass[];
  readonly routes: readonly WrittenRoute<Prefix>[];
  /** What the VMs route through; no VM's address. */
  readonly gateway: Address;
  /** Undefined: the router is not its VMs' DHCP server. */
  readonly dhcp?: DhcpSettings;
  /** True: its VMs find their metadata at 169.254.169.254. */
  readonly metadata: boolean;
  /** False: its VMs get no router advertisements. */
  readonly ra: boolean;
  /** Undefined: nothing of its VMs is broadcast. */
  readonly segment?: Segment;
  /** Undefined: flows of its VMs are not logged. */
  readonly flowLog?: FlowLogSettings;
}

export interface TenantPrefix extends Prefix {
  /** True: they are nobody else's, public addresses of other networks reach them, and by way of gateways the outside. */
  readonly isPublic: boolean;
}

export interface FlowLogSettings {
  /** Of flows that are no connections, one in so many is logged: 1 … 1000000. */
  readonly sample: number;
}

/** The one Ethernet segment that a network's VMs with an IPv4 address in `prefix` are on (paper §2.2). */
export interface Segment {
  /** IPv4: /8 … /30, with the network's gateway in it. Its first and last address are nobody's. */
  readonly prefix: Prefix;
  /** `answer`: the router answers requests for all its addresses. `flood`: they go to all members, as broadcasts do. */
  readonly arp: "answer" | "flood";
  /** How a frame gets to several hypervisors. `auto`: by multicast as soon as {@link multicastFrom} of them are members. */
  readonly replicate: "unicast" | "multicast" | "auto";
  readonly multicastFrom: number;
  /** Frames to groups that a VM may send in a second; a quarter of it at once. */
  readonly rate: number;
}

/** What the VMs of a network are told by DHCP, and by router advertisements. */
export interface DhcpSettings {
  /** IPv4, each once, as are all of these. */
  readonly dns: readonly Address[];
  /** IPv6. */
  readonly dns6: readonly Address[];
  readonly domain?: string;
  readonly ntp: readonly Address[];
  readonly ntp6: readonly Address[];
  /** Undefined: what the fabric carries without cutting. */
  readonly mtu?: number;
  /** Whole seconds: 10 s … 365 days. */
  readonly leaseTime: Millis;
}

/** node.yaml: one router. */
export interface Node {
  readonly file: string;
  readonly name: string;
  readonly role: "hypervisor" | "switch" | "gateway";
  /** The router's own IPv6 address; a hypervisor's is interface identifier 1 in its first home prefix. */
  readonly address: Address;
  /** The home prefixes a hypervisor owns, as indexes into the fabric's homes; none for a switch. */
  readonly homes: readonly number[];
  /** Forwarder threads: 1 … 16. */
  readonly forwarders: number;
  /** Flows whose decision is remembered, per forwarder: a power of two, 1024 … 4194304; 0 without a cache. */
  readonly flowCacheEntries: number;
  /** Connections of stateful rules that there is room for, and that one VM may have. */
  readonly connections: { readonly entries: number; readonly perVm: number };
  readonly uplinks: readonly Uplink[];
  readonly routes: readonly Route[];
  readonly vms: readonly Vm[];
  /** Path of the API socket. */
  readonly socket: string;
  /** Undefined: static routes only. */
  readonly ospf?: NodeOspf;
  readonly mobility?: NodeMobility;
  /** Where metrics are served beside the API socket; undefined: nowhere. */
  readonly metrics?: Listen;
  readonly log?: LogSettings;
  readonly flowLog: FlowLogFiles;
  /** A gateway's, and only a gateway's. */
  readonly outside?: OutsideLink;
}

/** Where a gateway meets the outside: a link with a router on it. */
export interface OutsideLink {
  readonly interface: string;
  /** The gateway's own address there, and how long its subnet's prefix is: 1 … 30. */
  readonly address: Address & { readonly prefixLength: number };
  /** The router that all packets to the outside are sent to; in the subnet. */
  readonly nextHop: Address;
  /** Undefined: it speaks IPv4 alone there. */
  readonly ipv6?: OutsideIpv6;
  /** Undefined: the interface's own. */
  readonly mtu?: number;
  readonly offload: boolean;
  readonly capture: boolean;
  /** NAT addresses of this gateway alone; at most 256, and none means no NAT. */
  readonly pool: readonly Prefix[];
  /** Ports that a VM gets at a time: a power of two, 16 … 4096; and at most has, 1 … 16 times that. */
  readonly portBlock: number;
  readonly portsPerVm: number;
  /** What tenants have of the pool for themselves; disjoint. */
  readonly shares: readonly OutsideShare[];
  /** Sessions there is room for. */
  readonly entries: number;
}

export interface OutsideShare {
  /** Names of tenants that have no other share. */
  readonly tenants: readonly string[];
  /** Inside the gateway's pool. */
  readonly pool: readonly Prefix[];
  /** Whole blocks; undefined: all that the NAT gives. */
  readonly ports?: PortRange;
  readonly portsPerVm: number;
}

export interface OutsideIpv6 {
  /** Global; the subnet's prefix has 1 … 128 bits. */
  readonly address: Address & { readonly prefixLength: number };
  /** Link-local, or in the subnet. */
  readonly nextHop: Address;
}

/** Undefined, each: the default, or what the command line says. */
export interface LogSettings {
  readonly format?: "text" | "json" | undefined;
  readonly level?: "debug" | "info" | "warn" | "error" | undefined;
}

export interface FlowLogFiles {
  /** Absolute path; undefined: `<name>.flows.jsonl` beside the API socket. */
  readonly file?: string;
  /** Octets of a file. */
  readonly limit: number;
  /** Files kept beside the present one: 1 … 100. */
  readonly keep: number;
}

export interface NodeMobility {
  readonly record?: RecordSettings;
}

export interface NodeOspf {
  /** `external`: also of static routes none of whose next hops works just now. */
  readonly config: OspfConfig;
  /** The default route is told, if at all, also while this router has none. */
  readonly alwaysDefault: boolean;
  /** By uplink; those without BFD are not here. */
  readonly bfd: ReadonlyMap<string, BfdSettings>;
  readonly record?: RecordSettings;
}

export interface BfdSettings {
  /** Between packets, both ways. */
  readonly interval: Millis;
  /** Packets lost in a row that make a neighbor lost: 1 … 255. */
  readonly multiplier: number;
}

export interface RecordSettings {
  /** Absolute path. */
  readonly file: string;
  /** Octets. */
  readonly limit: number;
}

export interface Uplink {
  readonly name: string;
  readonly interface: string;
  /** Undefined: the interface's own. */
  readonly mtu?: number;
  /** False: no super-packets and no partial checksums on this port. */
  readonly offload: boolean;
  /** True: captures on the interface see what is sent, which costs speed. */
  readonly capture: boolean;
}

export interface Route {
  readonly to: Prefix;
  /** 1 … 64 next hops; empty for a route that discards. */
  readonly via: readonly NextHop[];
}

export interface NextHop {
  /** Name of an uplink. */
  readonly uplink: string;
  readonly address: Address;
  /** Share of the flows, relative to the route's other next hops: 1 … 16. */
  readonly weight: number;
}

export interface Vm {
  readonly name: string;
  readonly network: Network;
  /** Undefined: it has IPv6 addresses only. */
  readonly ipv4?: VmIpv4;
  /** Its IPv6 addresses, at most 16. None: it has an IPv4 address only. */
  readonly ipv6: readonly VmIpv6[];
  /** Undefined: learnt from the VM's first frame. */
  readonly mac?: Address;
  /** Undefined: the port's own. */
  readonly mtu?: number;
  readonly attachment: Attachment;
  readonly hostname: string;
  /** False: the router is not its DHCP server, whatever its network says. */
  readonly dhcp: boolean;
  readonly instanceId: string;
  /** Octets that the VM finds as its user data; undefined: none. */
  readonly userData?: Uint8Array;
  readonly offload: boolean;
  /** As an uplink's; without meaning for a TAP, where captures see everything. */
  readonly capture: boolean;
}

export interface VmIpv4 {
  readonly address: Address;
  /** Index of the address's home among the fabric's homes. */
  readonly home: number;
  /** The IPv6 address that stands for it in the fabric: home prefix, tags, IPv4 address. */
  readonly networkAddress: Address;
}

export interface VmIpv6 extends Address {
  /** `fabric`: a home prefix, the network's tags, a host number. `tenant`: inside one of the network's `tenantPrefixes`. */
  readonly owned: "fabric" | "tenant";
  /** Index of its home among the fabric's homes. */
  readonly home: number;
}

/** How a VM's frames reach the router. */
export type Attachment = TapAttachment | InterfaceAttachment;

/** A TAP that the router makes: its far end is the interface of that name. */
export interface TapAttachment {
  readonly kind: "tap";
  readonly interface: string;
  /** Network namespace (name or path) that the interface is moved to. */
  readonly netns?: string;
  /** The interface's name there. */
  readonly rename?: string;
  /** MAC address given to the interface. */
  readonly mac?: Address;
}

/** An interface that exists already (veth, QEMU's TAP), read and written with a packet socket. */
export interface InterfaceAttachment {
  readonly kind: "interface";
  readonly interface: string;
}

/** What one router runs with. */
export interface Configuration {
  readonly node: Node;
  readonly fabric: Fabric;
}
