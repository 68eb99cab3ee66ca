/** What a router did with a packet, beside what it had said it would do. */
import { fromHex, toHex } from "#base/bytes";
import { headersText } from "#cli/why/why-text";
import type { TracedPacket } from "#router/watch/views";
import type { PacketView, SentView, WhyAnswer } from "#router/why/views";

/** In words; empty: it is the same. What was traced is cut off. */
export function differences(predicted: WhyAnswer, real: TracedPacket): string[] {
  const found: string[] = [];
  const differ = (what: string, a: string, b: string): void => {
    if (a !== b) found.push(`${what}: predicted ${a}, was ${b}`);
  };
  if (real.port !== predicted.port && predicted.stages.length > 0) differ("in by", predicted.port, real.port);
  differ("ending", predicted.ending.name, real.ending.name);
  differ("stages", stagesOf(predicted), stagesOf(real));
  differ("frames sent", `${Math.min(predicted.sent.length, MOST_TOLD)}`, `${real.sent.length}`);
  for (const [i, sent] of predicted.sent.slice(0, real.sent.length).entries())
    found.push(...sentDifferences(sent, real.sent[i]!));
  differ("ICMP errors", `${predicted.errors.length}`, `${real.errors.length}`);
  return found;
}

/** Frames that a trace tells of, of those that one became. */
const MOST_TOLD = 4;

/** What was decided, without what changes from packet to packet. */
const stagesOf = ({ stages }: Pick<WhyAnswer, "stages">): string =>
  stages.map(({ stage, verdict }) => (verdict === "continue" ? stage : `${stage} (${verdict})`)).join(" ");

function sentDifferences(predicted: SentView, real: SentView): string[] {
  if (predicted.port !== real.port) return [`out by: predicted ${predicted.port}, was ${real.port}`];
  const [a, b] = [comparable(predicted.packet, real.packet), comparable(real.packet, predicted.packet)];
  if (a === b) return [];
  return [`sent: predicted ${headersText(predicted.packet.headers)}, was ${headersText(real.packet.headers)}`];
}

/**
 * The octets that both have, but for what each forwarder counts for itself: an IPv4 packet's identification, and with it
 * its header's checksum.
 */
function comparable({ octets, headers }: PacketView, other: PacketView): string {
  const b = fromHex(octets.slice(0, other.octets.length))!;
  if (headers.some(({ header }) => header === "ipv4") && b.length >= 26 && b[12] === 8)
    for (const at of [18, 19, 24, 25]) b[at] = 0;
  return toHex(b);
}
