/** `ain home ADDRESS…`: where an address lives, and why. */
import { Command } from "commander";
import { contains, parseIpv4, parseIpv6 } from "#base/address";
import { toHex, u32 } from "#base/bytes";
import { FABRIC_OPTION, fabricOf, networkOf } from "#cli/fabric-choice";
import { Failure, MISUSED } from "#cli/failure";
import { colorsFor, print, printJson } from "#cli/output";
import { homeHash, homeOf, interfaceIdentifier, networkAddress, tenantHomeHash, tenantHomeOf } from "#policy/homes";
import { tagsText } from "#router/config/facts";
import type { Fabric, Network } from "#router/config/model";
import { addressOf } from "#runtime/document/scalars";

interface Options {
  readonly network: string;
  readonly fabric: string;
  readonly json?: true;
}

/** The steps from an address to its home. */
export interface Explanation {
  readonly address: string;
  readonly network: string;
  readonly tenantId: number;
  readonly networkId: number;
  /** Eight hexadecimal digits. */
  readonly tags: string;
  /** What is hashed: tags, then the address, in hexadecimal digits. Absent: the home is the address's own prefix. */
  readonly identifier?: string;
  /** SipHash-2-4 of that: 16 hexadecimal digits. */
  readonly hash?: string;
  readonly index: number;
  readonly homes: number;
  readonly prefix: string;
  readonly hypervisor?: string;
  /** Absent: it has none, being the tenant's own; tunnels alone lead to it. */
  readonly networkAddress?: string;
}

export const homeCommand = (): Command =>
  new Command("home")
    .description("explain which hypervisor's prefix an address has its home in")
    .argument("<address...>", "addresses of VMs")
    .requiredOption("-n, --network <tenant/network>", "the network they are in")
    .option(...FABRIC_OPTION)
    .option("--json", "print the steps as JSON")
    .action(home);

function home(addresses: string[], options: Options): void {
  const fabric = fabricOf(options.fabric);
  const network = networkOf(fabric, options.network);
  const explanations = addresses.map((address) => explain(fabric, network, address));
  if (options.json) printJson(explanations);
  else for (const explanation of explanations) show(explanation);
}

function explain(fabric: Fabric, network: Network, text: string): Explanation {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return explain4(fabric, network, ipv4);
  const ipv6 = parseIpv6(text);
  if (ipv6 === undefined) throw new Failure(`found "${text}", expected an IP address`, MISUSED);
  return explain6(fabric, network, ipv6);
}

function explain4(fabric: Fabric, network: Network, ipv4: Uint8Array): Explanation {
  const { text } = addressOf(ipv4);
  const prefixes = [...network.prefixes, ...network.publicPrefixes];
  if (!prefixes.some((prefix) => contains(prefix, ipv4))) {
    const ranges = prefixes.map((prefix) => prefix.text).join(", ");
    throw new Failure(`${text} is in none of the prefixes of ${network.name} (${ranges})`, MISUSED);
  }
  const { tags } = network;
  const identifier = interfaceIdentifier(tags, ipv4);
  const index = homeOf(fabric, tags, ipv4);
  return {
    ...named(fabric, network, { text, index }),
    identifier: toHex(identifier),
    hash: toHex(homeHash(fabric, identifier)),
    networkAddress: addressOf(networkAddress(fabric.homes[index]!.prefix.address, tags, ipv4)).text,
  };
}

/** The fabric's are where their prefix is, the tenant's own where their hash says. */
function explain6(fabric: Fabric, network: Network, ipv6: Uint8Array): Explanation {
  const { text } = addressOf(ipv6);
  const { tags, name, tenantPrefixes } = network;
  const own = fabric.homes.findIndex(({ prefix }) => contains(prefix, ipv6));
  if (own !== -1) {
    const found = u32(ipv6, 8);
    if (found === tags) return { ...named(fabric, network, { text, index: own }), networkAddress: text };
    throw new Failure(`${text} has the tags ${tagsText(found)}, not those of ${name} (${tagsText(tags)})`, MISUSED);
  }
  if (!tenantPrefixes.some((prefix) => contains(prefix, ipv6))) {
    const ranges = tenantPrefixes.map((prefix) => prefix.text).join(", ") || "it has none";
    throw new Failure(`${text} is in no home, and in none of the tenantPrefixes of ${name} (${ranges})`, MISUSED);
  }
  const index = tenantHomeOf(fabric, tags, ipv6);
  return {
    ...named(fabric, network, { text, index }),
    ...{ identifier: tagsText(tags) + toHex(ipv6), hash: toHex(tenantHomeHash(fabric, tags, ipv6)) },
  };
}

function named(
  { homes }: Fabric,
  { name, tags, tenantId, networkId }: Network,
  { text, index }: { readonly text: string; readonly index: number },
): Explanation {
  const { prefix, hypervisor } = homes[index]!;
  return {
    ...{ address: text, network: name, tenantId, networkId, tags: tagsText(tags) },
    ...{ index, homes: homes.length, prefix: prefix.text },
    ...(hypervisor !== undefined && { hypervisor }),
  };
}

function show(steps: Explanation): void {
  const { bold, dim } = colorsFor(process.stdout);
  const line = (name: string, value: string, remark: string): void =>
    print(`  ${name.padEnd(12)}${value.padEnd(22)}${dim(remark)}`.trimEnd());
  const owner = steps.hypervisor === undefined ? "" : `, meant for ${steps.hypervisor}`;
  print(`${bold(steps.address)} in ${steps.network}`);
  line("tags", steps.tags, `tenant ${steps.tenantId}, network ${steps.networkId}`);
  const which = `number ${steps.index} of 0 … ${steps.homes - 1}`;
  if (steps.identifier === undefined || steps.hash === undefined) {
    line("home", steps.prefix, `${which}, the address's own prefix${owner}`);
  } else {
    line("identifier", steps.identifier, "tags, then the address");
    line("hash", steps.hash, "SipHash-2-4 of the identifier, with the fabric's key");
    line("home", steps.prefix, `${which} (jump hash)${owner}`);
  }
  if (steps.networkAddress !== undefined) line("in fabric", bold(steps.networkAddress), "");
  else line("in fabric", "none", "the tenant's own: reached in tunnels alone");
}
