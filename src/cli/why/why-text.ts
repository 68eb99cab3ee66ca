/** A walk as an operator reads it. */
import { colorsFor } from "#cli/output";
import type { UnaskedRouter } from "#cli/why/fabric-view";
import type { LiveReport } from "#cli/why/live";
import type { Hop, Outcome, UnknownHop, Walk } from "#cli/why/walk";
import type { HeaderView, SentView, StageView, WhyAnswer } from "#router/why/views";

export interface TextOptions {
  /** Every stage, those too that had nothing to say. */
  readonly isVerbose: boolean;
}

export function walkText({ hops, outcome, text, isAssumed }: Walk, options: TextOptions): string {
  const { bold } = colorsFor(process.stdout);
  const assumed = isAssumed ? " (if the routers that cannot be asked bring it where it is for)" : "";
  return [...hops.map((hop) => hopText(hop, options)), "", `${bold(colored(outcome)(text))}${assumed}`].join("\n");
}

function colored(outcome: Outcome): (text: string) => string {
  const { green, red, yellow } = colorsFor(process.stdout);
  return outcome === "delivered" ? green : outcome === "dropped" || outcome === "loop" ? red : yellow;
}

export function unaskedText(unasked: readonly UnaskedRouter[]): string {
  return unasked.map(({ router, error }) => `${router} could not be asked: ${error}`).join("\n");
}

const hopText = (hop: Hop, options: TextOptions): string =>
  hop.kind === "router" ? routerText(hop.answer, options) : unknownText(hop);

function unknownText({ port, nextHop, mac, assumed }: UnknownHop): string {
  const { yellow } = colorsFor(process.stdout);
  const to = `by ${port} to ${nextHop ?? mac}, a router that was not asked`;
  return yellow(`… ${to}${assumed === null ? "" : `; supposed to reach ${assumed}`}`);
}

function routerText(answer: WhyAnswer, { isVerbose }: TextOptions): string {
  const { bold, dim } = colorsFor(process.stdout);
  const { router, port, packet } = answer;
  return [
    `${bold(router)} ${dim(`in by ${port}`)}`,
    line("packet", headersText(packet.headers)),
    ...packetLines(answer, isVerbose),
  ].join("\n");
}

/** What a router did, or would do, with a packet. */
export type Told = Pick<WhyAnswer, "stages" | "ending" | "icmp" | "sent" | "errors"> &
  Partial<Pick<WhyAnswer, "supposed">>;

export function packetLines({ stages, ending, icmp, supposed = [], sent, errors }: Told, isVerbose: boolean): string[] {
  const told = stages.filter(
    ({ stage, text, verdict }) => isVerbose || text !== "" || (verdict !== "continue" && stage !== "send"),
  );
  return [
    ...told.map(stageText),
    ...supposed.map((text) => line("supposing", text)),
    ...sent.slice(0, MOST_SENT).map((each) => line("sends", sentText(each))),
    ...(sent.length > MOST_SENT ? [line("", `… ${sent.length} frames in all`)] : []),
    ...(ending.fate === "forwarded" ? [] : [line("ends", `${ending.name}: ${ending.meaning}`)]),
    ...errors.map((each) => line("tells", `${icmp?.text ?? ""}: ${sentText(each)}`)),
  ];
}

const MOST_SENT = 2;
const NAME = 20;

function stageText({ stage, verdict, text }: StageView): string {
  const { red } = colorsFor(process.stdout);
  const isEnd = verdict !== "continue" && stage !== "send";
  return line(stage, `${isEnd ? `${red(verdict)}${text === "" ? "" : ": "}` : ""}${text}`);
}

function line(name: string, text: string): string {
  const { dim } = colorsFor(process.stdout);
  return `  ${dim(name.padEnd(NAME))}${text}`.trimEnd();
}

function sentText({ port, nextHop, vm, packet }: SentView): string {
  const to = vm === null ? (nextHop === null ? "" : ` to ${nextHop}`) : ` to VM ${vm}`;
  return `by ${port}${to}: ${headersText(packet.headers)}`;
}

/** All headers but Ethernet's, outermost first. */
export const headersText = (headers: readonly HeaderView[]): string =>
  headers
    .filter(({ header }) => header !== "ethernet" && header !== "payload")
    .map(({ header, text }) => `${NAMES[header] ?? header} ${text}`)
    .join(" | ");

const NAMES: Readonly<Record<string, string>> = {
  ...{ ipv4: "IPv4", ipv6: "IPv6", gre: "GRE", tcp: "TCP", udp: "UDP", icmp: "ICMP", icmp6: "ICMPv6", arp: "ARP" },
};

export function liveText({ hops, unforeseen, caughtAt, isAsPredicted, unwatched }: LiveReport, vm: string): string {
  const { bold, dim, green, red } = colorsFor(process.stdout);
  const taken =
    caughtAt === null ? "nobody had to take it out" : `${caughtAt} took it out before anybody would have got it`;
  return [
    "",
    `${bold("live")} a marked packet was sent as if by VM ${vm}; ${taken}`,
    ...hops.flatMap(({ router, differences, waited }) => [
      line(router, differences.length === 0 ? green("as predicted") : red(differences[0]!)),
      ...differences.slice(1).map((each) => line("", red(each))),
      ...waited.map((ending) => line("", dim(`waited first: ${ending}`))),
    ]),
    ...unforeseen.map(({ router, ending }) => line(router, red(`seen, and not predicted: ${ending.name}`))),
    ...unwatched.map(({ router, error }) => line(router, red(`could not watch: ${error}`))),
    bold(isAsPredicted ? green("reality is as predicted") : red("reality differs from the prediction")),
  ].join("\n");
}
