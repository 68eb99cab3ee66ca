/** A packet's way, hop by hop: each router says what it would do, and the next one gets what it would send. */
import { parseIpv6, parseMac } from "#base/address";
import { fromHex, toHex } from "#base/bytes";
import { call } from "#cli/client";
import { type FabricView, type KnownRouter, ownerOf, uplinkWith } from "#cli/why/fabric-view";
import type { FrameQuestion, SentView, WhyAnswer, WhyQuestion } from "#router/why/views";

/** Most hops of a way: each costs one of the hop limit. */
const MOST_HOPS = 64;

/** A router that was asked. */
export interface RouterHop {
  readonly kind: "router";
  readonly answer: WhyAnswer;
}

/** Routers that nobody can ask. */
export interface UnknownHop {
  readonly kind: "unknown";
  readonly after: string;
  readonly port: string;
  readonly nextHop: string | null;
  readonly mac: string;
  /** The router that is supposed to get it from them, as the packet is for an address of its; null: none is known. */
  readonly assumed: string | null;
}

export type Hop = RouterHop | UnknownHop;

/** delivered: to a VM, the outside or the metadata service; taken: by a router's control thread; left: to routers nobody can ask. */
export type Outcome = "delivered" | "dropped" | "taken" | "left" | "loop";

export interface Walk {
  readonly hops: readonly Hop[];
  readonly outcome: Outcome;
  /** In a line: where and why it ends. */
  readonly text: string;
  /** True: between routers that were asked there are some that were not, of which it is supposed that they do what they should. */
  readonly isAssumed: boolean;
}

export async function walk(view: FabricView, from: KnownRouter, question: WhyQuestion): Promise<Walk> {
  const hops: Hop[] = [];
  let at: KnownRouter = from;
  let asks = question;
  for (;;) {
    const answer = (await call(at.socket, "POST", "why", asks)) as WhyAnswer;
    hops.push({ kind: "router", answer });
    const ended = endOf(answer);
    if (ended !== undefined) return finished(hops, ...ended);
    if (hops.length >= MOST_HOPS) return finished(hops, "loop", `goes in circles: ${MOST_HOPS} hops and no end`);
    const sent = answer.sent[0]!;
    const next = uplinkWith(view, sent.mac);
    if (next !== undefined) {
      at = next.router;
      asks = { port: next.port.name, frame: sent.packet.octets };
      continue;
    }
    const beyond = acrossUnknown(view, answer, sent);
    hops.push(beyond.hop);
    if (beyond.router === undefined) return finished(hops, "left", leftText(answer, sent));
    at = beyond.router;
    asks = beyond.asks;
  }
}

function finished(hops: readonly Hop[], outcome: Outcome, text: string): Walk {
  return { hops, outcome, text, isAssumed: hops.some((hop) => hop.kind === "unknown" && hop.assumed !== null) };
}

/** Undefined: it goes on to another router. */
function endOf({ router, ending, sent, icmp, errors }: WhyAnswer): [Outcome, string] | undefined {
  const [first] = sent;
  if (ending.fate === "punted") return ["taken", `${ending.name} at ${router}: ${ending.meaning}`];
  if (ending.fate !== "forwarded" || first === undefined) {
    const told = icmp === null ? "" : errors.length > 0 ? `; its sender is told: ${icmp.text}` : "";
    return ["dropped", `${ending.name} at ${router}: ${ending.meaning}${told}`];
  }
  if (first.kind === "uplink") return undefined;
  const where =
    first.kind === "vm" ? `VM ${first.vm}` : first.kind === "outside" ? "the outside" : "the metadata service";
  return ["delivered", `delivered to ${where} by ${router}`];
}

const leftText = ({ router }: WhyAnswer, sent: SentView): string =>
  `leaves the routers that were asked: ${router} sends it out of ${sent.port} to ${sent.nextHop ?? sent.mac}`;

/** Who gets it behind routers that cannot be asked: whose the (outer) destination is. */
function acrossUnknown(
  view: FabricView,
  { router: after }: WhyAnswer,
  { port, nextHop, mac, packet }: SentView,
): { hop: UnknownHop; router: KnownRouter | undefined; asks: FrameQuestion } {
  const destination = packet.headers.find(({ header }) => header === "ipv6")?.fields.destination;
  const address = typeof destination === "string" ? parseIpv6(destination) : undefined;
  const owner = address === undefined ? undefined : ownerOf(view, address);
  const router = owner?.name === after ? undefined : owner;
  const into = router?.ports.find((each) => each.kind === "uplink" && each.state === "up" && each.mac !== null);
  const hop = {
    kind: "unknown" as const,
    after,
    port,
    nextHop,
    mac,
    assumed: into === undefined ? null : router!.name,
  };
  if (into === undefined) return { hop, router: undefined, asks: { frame: "" } };
  const frame = fromHex(packet.octets)!;
  frame.set(parseMac(into.mac!)!, 0);
  return { hop, router, asks: { port: into.name, frame: toHex(frame) } };
}
