/** Reads fabric.yaml: first its form (fabric-schema.ts), then what has to fit together. */
import { statSync } from "node:fs";
import type { z } from "zod";
import { contains, overlaps, parsePrefix4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { inspectBroadcast } from "#router/config/broadcast";
import { fabricOutline, network as networkSchema, tenantOutline } from "#router/config/fabric-schema";
import { inspectMobility, MOBILITY_SECRETS } from "#router/config/mobility";
import type { Address, DhcpSettings, Fabric, FabricRule, Home, Network, Prefix } from "#router/config/model";
import { checkNetworks, type Placed, routeTo } from "#router/config/network-routes";
import { isGlobalAddress } from "#router/config/node-lists";
import { inspectOutside } from "#router/config/outside";
import { classify, inspectRules, type Names } from "#router/config/rules";
import { checkTenantPrefixes, isUnicast } from "#router/config/tenant-prefixes";
import type { ConfigError, Path } from "#runtime/document/config-error";
import { Inspector } from "#runtime/document/inspector";
import { readSource, type Source } from "#runtime/document/source";

export type FabricResult =
  | { readonly ok: true; readonly fabric: Fabric; readonly warnings: ConfigError[] }
  | { readonly ok: false; readonly errors: ConfigError[]; readonly warnings: ConfigError[] };

/** Reads and checks a fabric's file. Never throws for what is in the file, or that it is not there. */
export function loadFabric(file: string): FabricResult {
  const result = readSource(file);
  if ("errors" in result) return { ok: false, errors: result.errors, warnings: [] };
  const inspector = new Inspector(result.source, FABRIC_SECRETS);
  if (isReadableByAll(file)) warnOfReadableKey(inspector);
  return finish(inspector);
}

/** The same for a source that is already read. */
export const checkFabric = (source: Source): FabricResult => finish(new Inspector(source, FABRIC_SECRETS));

const FABRIC_SECRETS = ["key", MOBILITY_SECRETS];

function finish(inspector: Inspector): FabricResult {
  const fabric = inspectFabric(inspector);
  const { errors, warnings } = inspector;
  if (fabric === undefined || errors.length > 0) return { ok: false, errors, warnings };
  return { ok: true, fabric, warnings };
}

function isReadableByAll(file: string): boolean {
  try {
    return (statSync(file).mode & 0o004) !== 0;
  } catch {
    return false; // It went away since it was read: whoever reads it next will say so.
  }
}

function warnOfReadableKey(inspector: Inspector): void {
  inspector.warn(["key"], {
    found: "the secret key in a file that every user of this machine can read",
    expected: "a file for its owner's eyes only",
    hint: `chmod 600 ${inspector.source.file}`,
    aim: "key",
  });
}

function inspectFabric(inspector: Inspector): Fabric | undefined {
  const outline = inspector.read(fabricOutline, []);
  const { tenants, placed } = inspectTenants(inspector, outline?.tenantBits);
  const written = placed.map(({ network }) => network);
  const hasOutside = outline === undefined || outline.outside !== undefined;
  const hasOutside6 = outline === undefined || (outline.outside?.ipv6.length ?? 0) > 0;
  checkNetworks(inspector, placed, { hasOutside, hasOutside6, prefixes: outline?.prefixes ?? [] });
  checkTenantPrefixes(inspector, placed, outline?.prefixes ?? []);
  const names = { tenantBits: outline?.tenantBits ?? 1, tenants, networks: written, hasOutside };
  const { networks, rules } = classify(written, inspectAllRules(inspector, names));
  if (outline === undefined) return undefined;
  const { name, key, tenantBits, prefixes, mtu, gatewayMac } = outline;
  const homes = outline.homes.map(({ prefix, hypervisor }): Home => (hypervisor ? { prefix, hypervisor } : { prefix }));
  checkPrefixes(inspector, prefixes);
  checkHomes(inspector, homes, prefixes);
  const outside = outline.outside && inspectOutside(inspector, outline.outside, { prefixes, homes, networks });
  return {
    file: inspector.source.file,
    name,
    key: fromHex(key)!,
    tenantBits,
    prefixes,
    homes,
    ...(mtu !== undefined && { mtu }),
    gatewayMac,
    networks: networks.sort((a, b) => a.tags - b.tags),
    rules,
    mobility: inspectMobility(inspector, outline.mobility),
    ...(outside !== undefined && { outside }),
  };
}

const inspectAllRules = (inspector: Inspector, names: Names): FabricRule[] => [
  ...inspectRules(inspector, ["rules"], names),
  ...[...names.tenants].flatMap(([tenant, tenantId]) =>
    inspectRules(inspector, ["tenants", tenant, "rules"], names, { tenant, tenantId }),
  ),
];

function checkPrefixes(inspector: Inspector, prefixes: readonly Prefix[]): void {
  for (const [i, prefix] of prefixes.entries()) {
    if (prefix.length > 64 || !isUnicast(prefix)) {
      const expected = "a prefix inside 2000::/3 or fc00::/7, with room for a /64";
      inspector.report(["prefixes", i], { found: prefix.text, expected });
    }
  }
  refuseOverlaps(inspector, ["prefixes"], prefixes);
}

function checkHomes(inspector: Inspector, homes: readonly Home[], prefixes: readonly Prefix[]): void {
  const seen = new Map<string, number>();
  for (const [i, { prefix }] of homes.entries()) {
    const path: Path = typeof inspector.valueAt(["homes", i]) === "string" ? ["homes", i] : ["homes", i, "prefix"];
    const twin = seen.get(prefix.text);
    if (prefix.length !== 64) {
      inspector.report(path, { found: prefix.text, expected: "a /64: a home prefix has 64 bits" });
    } else if (twin !== undefined) {
      const found = `${prefix.text}, which homes[${twin}] (${inspector.lineOf(["homes", twin])}) has already`;
      inspector.report(path, { found, expected: "each home once" });
    } else if (!prefixes.some((range) => contains(range, prefix.address))) {
      const expected = `a home inside the fabric's prefixes (${prefixes.map((p) => p.text).join(", ")})`;
      inspector.report(path, { found: prefix.text, expected });
    } else {
      seen.set(prefix.text, i);
    }
  }
}

interface Tenants {
  /** Name → id. */
  readonly tenants: ReadonlyMap<string, number>;
  readonly placed: readonly Placed[];
}

/** What rules call all addresses, all public ones, and those outside the data centre. */
const RESERVED = ["any", "public", "outside"];

function inspectTenants(inspector: Inspector, tenantBits: number | undefined): Tenants {
  const ids = new IdCheck(inspector, "tenant", tenantBits === undefined ? undefined : 2 ** tenantBits - 1);
  const tenants = new Map<string, number>();
  const placed = inspector
    .readEntries(tenantOutline, ["tenants"])
    .flatMap(({ key: tenant, value: { id, flowLog } }) => {
      const path = ["tenants", tenant];
      if (RESERVED.includes(tenant)) {
        const expected = "another name: in rules this one means all addresses of a kind";
        inspector.report(path, { found: `a tenant called ${tenant}`, expected, aim: "key" });
      }
      ids.check(id, [...path, "id"]);
      tenants.set(tenant, id);
      return inspectNetworks(inspector, [...path, "networks"], { tenant, tenantId: id, tenantBits, flowLog });
    });
  return { tenants, placed };
}

interface Tenant {
  readonly tenant: string;
  readonly tenantId: number;
  readonly tenantBits: number | undefined;
  readonly flowLog: WrittenFlowLog;
}

type WrittenFlowLog = z.output<typeof networkSchema>["flowLog"];

function inspectNetworks(inspector: Inspector, path: Path, of: Tenant): Placed[] {
  const { tenant, tenantId, tenantBits } = of;
  const networkBits = tenantBits === undefined ? undefined : 32 - tenantBits;
  const ids = new IdCheck(inspector, "network", networkBits === undefined ? undefined : 2 ** networkBits - 1);
  return inspector.readEntries(networkSchema, path).map(({ key, value }): Placed => {
    const { id, prefixes, public: publicPrefixes, tenantPrefixes, publicIpv6 } = value;
    const { gateway, dhcp, metadata, ra, broadcast } = value;
    ids.check(id, [...path, key, "id"]);
    const isWritten = Array.isArray(inspector.valueAt([...path, key, "prefixes"]));
    if (prefixes.length + publicPrefixes.length + tenantPrefixes.length === 0 && !publicIpv6 && !isWritten) {
      const expected = "prefixes, public or both; prefixes: [] where VMs have IPv6 addresses only";
      inspector.report([...path, key], { found: "a network without addresses", expected });
    }
    checkNetworkPrefixes(inspector, [...path, key, "prefixes"], prefixes);
    checkNetworkPrefixes(inspector, [...path, key, "public"], publicPrefixes);
    checkHost(inspector, [...path, key, "gateway"], gateway);
    const tags = tenantId * 2 ** (networkBits ?? 0) + id;
    const routes = value.routes.map(({ to, via }) => routeTo(to, via));
    if (metadata && gateway.text === METADATA) {
      const expected = `another address than ${METADATA}, where VMs find their metadata (or metadata: false)`;
      inspector.report([...path, key, "gateway"], { found: gateway.text, expected });
    }
    const flowLog = value.flowLog ?? of.flowLog ?? false;
    const network: Network = {
      ...{
        name: `${tenant}/${key}`,
        tags,
        tenantId,
        networkId: id,
        prefixes,
        publicPrefixes,
        tenantPrefixes: tenantPrefixes.map(({ address, length, text, isPublic }) => ({
          ...{ address, length, text, isPublic },
        })),
        publicIpv6,
        classes: [], // once it is known which prefixes rules name
        routes,
        gateway,
        metadata,
        ra,
      },
      ...(flowLog !== false && { flowLog }),
      ...(dhcp !== false && { dhcp: inspectDhcp(inspector, [...path, key, "dhcp"], dhcp) }),
      ...(broadcast !== undefined && {
        segment: inspectBroadcast(inspector, [...path, key, "broadcast"], broadcast, {
          prefixes,
          publicPrefixes,
          gateway,
        }),
      }),
    };
    return { network, path: [...path, key] };
  });
}

const METADATA = "169.254.169.254";

function inspectDhcp(
  inspector: Inspector,
  path: Path,
  { dns, ntp, domain, mtu, leaseTime }: Exclude<z.output<typeof networkSchema>["dhcp"], false>,
): DhcpSettings {
  for (const [key, servers] of Object.entries({ dns, ntp })) {
    for (const [i, server] of servers.entries()) {
      if (server.bytes.length === 4) checkHost(inspector, [...path, key, i], server);
      else if (!isGlobalAddress(server.bytes)) {
        inspector.report([...path, key, i], { found: server.text, expected: "a server's global IPv6 address" });
      }
      if (servers.slice(0, i).some(({ text }) => text === server.text)) {
        inspector.report([...path, key, i], { found: `${server.text} a second time`, expected: "each server once" });
      }
    }
  }
  const [dns4, dns6, ntp4, ntp6] = [dns, ntp].flatMap((all) => [ofSize(all, 4), ofSize(all, 16)]);
  return {
    ...{ dns: dns4!, dns6: dns6!, ntp: ntp4!, ntp6: ntp6!, leaseTime },
    ...(domain !== undefined && { domain }),
    ...(mtu !== undefined && { mtu }),
  };
}

const ofSize = (addresses: readonly Address[], octets: number): Address[] =>
  addresses.filter(({ bytes }) => bytes.length === octets);

/** Ids that have to be unique and to fit their share of the tags. */
class IdCheck {
  readonly #inspector: Inspector;
  readonly #what: string;
  readonly #most: number | undefined;
  readonly #seen = new Map<number, Path>();

  constructor(inspector: Inspector, what: string, most: number | undefined) {
    this.#inspector = inspector;
    this.#what = what;
    this.#most = most;
  }

  check(id: number, path: Path): void {
    const twin = this.#seen.get(id);
    if (twin !== undefined) {
      const found = `${id}, the id of another ${this.#what} (${this.#inspector.lineOf(twin)})`;
      this.#inspector.report(path, { found, expected: `an id that no other ${this.#what} has` });
    } else if (this.#most !== undefined && id > this.#most) {
      const expected = `a ${this.#what} id of at most ${this.#most}, as tenantBits gives them room`;
      this.#inspector.report(path, { found: String(id), expected });
    }
    if (twin === undefined) this.#seen.set(id, path);
  }
}

/** This network, loopback, link-local, multicast and reserved (RFC 6890). */
const NO_HOSTS = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"].map((text) => parsePrefix4(text)!);

function checkNetworkPrefixes(inspector: Inspector, path: Path, prefixes: readonly Prefix[]): void {
  for (const [i, prefix] of prefixes.entries()) {
    if (!NO_HOSTS.some((range) => overlaps(range, prefix))) continue;
    const expected = "a prefix outside 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3";
    inspector.report([...path, i], { found: prefix.text, expected });
  }
  refuseOverlaps(inspector, path, prefixes);
}

function checkHost(inspector: Inspector, path: Path, host: Address): void {
  // Link-local is fine, and the gateway's default: VMs reach it on the link.
  const refused = NO_HOSTS.filter((range) => range.length !== 16);
  if (refused.some((range) => contains(range, host.bytes))) {
    inspector.report(path, { found: host.text, expected: "a host's address" });
  }
}

function refuseOverlaps(inspector: Inspector, path: Path, prefixes: readonly Prefix[]): void {
  for (const [i, prefix] of prefixes.entries()) {
    const other = prefixes.slice(0, i).find((earlier) => overlaps(earlier, prefix));
    if (other === undefined) continue;
    const found = `${prefix.text}, which overlaps ${other.text}`;
    inspector.report([...path, i], { found, expected: "prefixes that do not overlap" });
  }
}
