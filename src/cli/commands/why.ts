/** `ain why SRC DST [PROTOCOL [PORT]]`: where a packet would go, hop by hop, and why; or why it would not. */
import { Command } from "commander";
import { findSocket } from "#cli/client";
import { FAILED, Failure, MISUSED } from "#cli/failure";
import type { WhyJson } from "#cli/json-outputs";
import { print, printError, printJson } from "#cli/output";
import { fleetAt } from "#cli/shell/fleet";
import { surroundings } from "#cli/surroundings";
import { type FoundVm, findDestination, findSource, viewFabric } from "#cli/why/fabric-view";
import { newNonce, tryLive } from "#cli/why/live";
import { type Walk, walk } from "#cli/why/walk";
import { liveText, unaskedText, walkText } from "#cli/why/why-text";
import type { PacketQuestion } from "#router/why/views";

interface Options {
  readonly lab?: string;
  readonly router?: readonly string[];
  readonly fromPort?: string;
  readonly size?: string;
  readonly fragment?: true;
  readonly live?: true;
  readonly verbose?: true;
  readonly json?: true;
}

const FIRST_EPHEMERAL = 49_152; // RFC 6335 §6
/** Another one each time: no connection that is there has it, or hardly. */
const anyPort = (): number => FIRST_EPHEMERAL + Math.floor(Math.random() * (65_536 - FIRST_EPHEMERAL));

const PROTOCOL = "icmp (an echo request), tcp (a SYN), udp, or a protocol number";

export const whyCommand = (): Command =>
  new Command("why")
    .description("predict where a packet goes, hop by hop, and why; 0: it is delivered, 1: it is not")
    .argument("<source>", "a VM: its name, NAME@ROUTER, its address, or TENANT/NETWORK/ADDRESS")
    .argument("<destination>", "an address, or a VM")
    .argument("[protocol]", PROTOCOL, "icmp")
    .argument("[port]", "destination port (tcp: 80, udp: 33434)")
    .option("--lab <name>", "ask all routers of this lab (name or topology file)")
    .option("--router <router...>", "ask these routers (names or API sockets); default: all that run here")
    .option("--from-port <port>", "source port, of icmp the identifier; default 49152, with --live any")
    .option("--size <octets>", "of the IP packet; default: as small as can be")
    .option("--fragment", "IPv4: let routers cut it (without DF)")
    .option("--live", "send a marked packet and compare; it is taken out before a VM would get it")
    .option("-v, --verbose", "every stage, those too that had nothing to say")
    .option("--json", "print JSON (docs/debugging.md has the schema)")
    .action(why);

async function why(source: string, to: string, protocol: string, port: string | undefined, options: Options) {
  const view = await viewFabric(routersOf(options));
  const found = findSource(view, source);
  const destination = findDestination(view, to, found);
  const question: PacketQuestion = {
    ...{ from: found.vm.name, to: destination.address, protocol },
    ...(found.address !== undefined && { source: found.address }),
    ...(port !== undefined && { port: whole(port, "port", 65_535) }),
    ...(options.size !== undefined && { size: whole(options.size, "--size", 65_535) }),
    ...(options.fragment === true && { fragment: true }),
    sourcePort: whole(options.fromPort ?? `${options.live ? anyPort() : FIRST_EPHEMERAL}`, "--from-port", 65_535),
    ...(options.live === true && { nonce: newNonce() }),
  };
  const walked = await walk(view, found.router, question);
  const live = options.live === true ? await tryLive(view, found.router, question, walked) : undefined;
  const note = noteOn(walked, found, destination.vm);
  if (options.json) {
    const report = { question, ...walked, note, unasked: view.unasked, ...(live !== undefined && { live }) };
    printJson(report satisfies WhyJson);
  } else {
    print(walkText(walked, { isVerbose: options.verbose === true }));
    if (note !== null) print(note);
    if (live !== undefined) print(liveText(live, found.vm.name));
    if (view.unasked.length > 0) printError(unaskedText(view.unasked));
  }
  if (walked.outcome !== "delivered" || live?.isAsPredicted === false) throw new Failure("", FAILED);
}

/** The VM was named, and it is not the one that the packet is for: networks may use the same addresses. */
function noteOn({ hops }: Walk, source: FoundVm, meant: FoundVm | undefined): string | null {
  const last = hops.at(-1);
  const vm = last?.kind === "router" ? last.answer.sent[0]?.vm : undefined;
  if (meant === undefined || meant.vm.network === source.vm.network || vm === meant.vm.name) return null;
  return `note: ${meant.vm.name} is in ${meant.vm.network}; to ${source.vm.name}, of ${source.vm.network}, its address may be another's`;
}

/** Name → socket. */
export function routersOf({ lab, router }: Pick<Options, "lab" | "router">): ReadonlyMap<string, string> {
  if (lab !== undefined) return fleetAt(lab).routers();
  if (router !== undefined) return new Map(router.map((name) => [name, findSocket(name)]));
  return surroundings().routers ?? fleetAt(undefined).routers();
}

function whole(text: string, what: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new Failure(`${what}: found ${text}, expected 0 … ${most}`, MISUSED);
  return value;
}
