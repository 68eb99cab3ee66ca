/** `ain alloc`: addresses of a network that are at home at a hypervisor, so that packets to its VMs need no tunnel. */
import { Command } from "commander";
import { formatIpv4 } from "#base/address";
import { u32 } from "#base/bytes";
import { call, findSocket } from "#cli/client";
import { FABRIC_OPTION, fabricOf, networkOf } from "#cli/fabric-choice";
import { Failure, MISUSED } from "#cli/failure";
import { print, printError, printJson } from "#cli/output";
import { allocateNear } from "#policy/homes";
import { edgesOf } from "#router/config/broadcast";
import type { Fabric, Network, Vm } from "#router/config/model";
import { loadNode } from "#router/config/node";
import { ipv6Near } from "#router/config/vm-ipv6";
import type { RegisteredVmView } from "#router/vms/views";
import { formatConfigError } from "#runtime/document/config-error";
import { addressOf } from "#runtime/document/scalars";

interface Options {
  readonly network: string;
  readonly near: string;
  readonly fabric: string;
  readonly count: string;
  readonly node: readonly string[];
  readonly router: readonly string[];
  readonly ipv6?: true;
  readonly json?: true;
}

const several = (value: string, before: readonly string[]): string[] => [...before, value];

export const allocCommand = (): Command =>
  new Command("alloc")
    .description("find free addresses of a network whose home is a certain hypervisor: no tunnel leads there")
    .requiredOption("-n, --network <tenant/network>", "the network they are to be in")
    .requiredOption("--near <hypervisor>", "its name in the fabric's file, or a home prefix")
    .option("-c, --count <k>", "so many", "1")
    .option("-6, --ipv6", "IPv6 addresses")
    .option("--node <file>", "a node's file whose VMs' addresses are taken; may be given several times", several, [])
    .option(
      "--router <router>",
      "a running router whose VMs' addresses are taken; may be given several times",
      several,
      [],
    )
    .option(...FABRIC_OPTION)
    .option("--json", "print JSON")
    .action(alloc);

async function alloc(options: Options): Promise<void> {
  const fabric = fabricOf(options.fabric);
  const network = networkOf(fabric, options.network);
  const homes = homesOf(fabric, options.near);
  const count = /^[1-9]\d{0,4}$/.test(options.count) ? Number(options.count) : undefined;
  if (count === undefined) throw new Failure(`--count: found "${options.count}", expected 1 … 99999`, MISUSED);
  const nobodys = [network.gateway.bytes, ...edgesOf(network)].map((address) => formatIpv4(address));
  const taken = new Set([...nobodys, ...takenInFiles(options.node, network)]);
  for (const router of options.router) for (const address of await takenAt(router, network)) taken.add(address);
  const found = options.ipv6
    ? ipv6Near({ fabric, network }, homes[0]!, { count, isTaken: (text) => taken.has(text) }).map(({ text }) => text)
    : ipv4Near({ fabric, network, homes }, count, taken);
  if (options.json) printJson(found);
  else for (const address of found) print(address);
  if (found.length < count) {
    throw new Failure(
      `found ${found.length} free addresses of ${network.name} at home at ${options.near}, wanted ${count}`,
    );
  }
}

function homesOf({ homes, file }: Fabric, near: string): number[] {
  const found = homes.flatMap(({ prefix, hypervisor }, i) => (near === hypervisor || near === prefix.text ? [i] : []));
  if (found.length > 0) return found;
  const names = [...new Set(homes.map(({ prefix, hypervisor }) => hypervisor ?? prefix.text))];
  throw new Failure(`${file} gives no home to "${near}" (it has ${names.join(", ")})`, MISUSED);
}

interface Pool {
  readonly fabric: Fabric;
  readonly network: Network;
  readonly homes: readonly number[];
}

function ipv4Near({ fabric, network, homes }: Pool, count: number, taken: ReadonlySet<string>): string[] {
  const pool = { tags: network.tags, prefixes: [...network.prefixes, ...network.publicPrefixes] };
  const words = new Set([...taken].flatMap((text) => (text.includes(":") ? [] : [wordOf(text)])));
  const wanted = { homes: new Set(homes), count, isTaken: (ipv4: number) => words.has(ipv4) };
  return allocateNear(fabric, pool, wanted).map((bytes) => addressOf(bytes).text);
}

const wordOf = (ipv4: string): number => u32(Uint8Array.from(ipv4.split("."), Number), 0);

function takenInFiles(files: readonly string[], { name }: Network): string[] {
  return files.flatMap((file) => {
    const result = loadNode(file);
    if (result.ok) return result.node.vms.filter(({ network }) => network.name === name).flatMap(addressesOf);
    for (const error of result.errors) printError(formatConfigError(error));
    throw new Failure("", MISUSED);
  });
}

const addressesOf = ({ ipv4, ipv6 }: Vm): string[] => [
  ...(ipv4 === undefined ? [] : [ipv4.address.text]),
  ...ipv6.map(({ text }) => text),
];

async function takenAt(router: string, { name }: Network): Promise<string[]> {
  const vms = (await call(findSocket(router), "GET", "vm")) as RegisteredVmView[];
  return vms.flatMap(({ network, addresses }) => (network === name ? addresses.map(({ address }) => address) : []));
}
