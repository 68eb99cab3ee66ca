/** `ain home ADDRESS…`: where an address lives, and why. */
import { Command } from "commander";
import { contains, parseIpv4 } from "#base/address";
import { toHex, u32 } from "#base/bytes";
import { FABRIC_OPTION, fabricOf, networkOf } from "#cli/fabric-choice";
import { Failure, MISUSED } from "#cli/failure";
import { colorsFor, print, printJson } from "#cli/output";
import { homeHash, homeOf, interfaceIdentifier, networkAddress } from "#policy/homes";
import { tagsText } from "#router/config/facts";
import type { Fabric, Network } from "#router/config/model";
import { addressOf } from "#runtime/document/scalars";

interface Options {
  readonly network: string;
  readonly fabric: string;
  readonly json?: true;
}

/** The steps from an address to its home. */
interface Explanation {
  readonly address: string;
  readonly network: string;
  readonly tenantId: number;
  readonly networkId: number;
  /** Eight hexadecimal digits. */
  readonly tags: string;
  /** Interface identifier: 16 hexadecimal digits. */
  readonly identifier: string;
  /** SipHash-2-4 of the identifier: 16 hexadecimal digits. */
  readonly hash: string;
  readonly index: number;
  readonly homes: number;
  readonly prefix: string;
  readonly hypervisor?: string;
  readonly networkAddress: string;
}

export const homeCommand = (): Command =>
  new Command("home")
    .description("explain which hypervisor's prefix an address has its home in")
    .argument("<address...>", "IPv4 addresses of VMs")
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
  if (ipv4 === undefined) throw new Failure(`found "${text}", expected an IPv4 address`, MISUSED);
  const prefixes = [...network.prefixes, ...network.publicPrefixes];
  if (!prefixes.some((prefix) => contains(prefix, ipv4))) {
    const ranges = prefixes.map((prefix) => prefix.text).join(", ");
    throw new Failure(`${text} is in none of the prefixes of ${network.name} (${ranges})`, MISUSED);
  }
  const { tags, tenantId, networkId } = network;
  const identifier = interfaceIdentifier(tags, ipv4);
  const index = homeOf(fabric, tags, ipv4);
  const { prefix, hypervisor } = fabric.homes[index]!;
  return {
    address: text,
    network: network.name,
    tenantId,
    networkId,
    tags: tagsText(u32(identifier, 0)),
    identifier: toHex(identifier),
    hash: toHex(homeHash(fabric, identifier)),
    index,
    homes: fabric.homes.length,
    prefix: prefix.text,
    ...(hypervisor !== undefined && { hypervisor }),
    networkAddress: addressOf(networkAddress(prefix.address, tags, ipv4)).text,
  };
}

function show(steps: Explanation): void {
  const { bold, dim } = colorsFor(process.stdout);
  const line = (name: string, value: string, remark: string): void =>
    print(`  ${name.padEnd(12)}${value.padEnd(22)}${dim(remark)}`.trimEnd());
  const owner = steps.hypervisor === undefined ? "" : `, meant for ${steps.hypervisor}`;
  print(`${bold(steps.address)} in ${steps.network}`);
  line("tags", steps.tags, `tenant ${steps.tenantId}, network ${steps.networkId}`);
  line("identifier", steps.identifier, "tags, then the address");
  line("hash", steps.hash, "SipHash-2-4 of the identifier, with the fabric's key");
  line("home", steps.prefix, `number ${steps.index} of 0 … ${steps.homes - 1} (jump hash)${owner}`);
  line("in fabric", bold(steps.networkAddress), "");
}
