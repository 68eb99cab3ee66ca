/** A traced packet as an operator reads it. */
import { colorsFor } from "#cli/output";
import { headersText, packetLines } from "#cli/why/why-text";
import type { TraceCounts, TracedPacket } from "#router/watch/views";

/** `isBrief`: a line for each packet, without its stages. */
export function tracedText(
  packet: TracedPacket,
  { isBrief, isVerbose }: { isBrief: boolean; isVerbose: boolean },
): string {
  const { bold, green, red, yellow } = colorsFor(process.stdout);
  const { fate, name } = packet.ending;
  const color = fate === "forwarded" ? green : fate === "dropped" ? red : yellow;
  const caught = packet.caught ? " (a probe: taken out)" : "";
  const head = `${clock(packet.time)} ${bold(packet.router)} ${packet.port} ${color(name)}${caught} ${headersText(packet.packet.headers)}`;
  return isBrief ? head : [head, ...packetLines(packet, isVerbose)].join("\n");
}

export function countsText(router: string, { told, limited, lost }: TraceCounts): string {
  const kept = [
    ...(limited > 0 ? [`${limited} more than the rate allows`] : []),
    ...(lost > 0 ? [`${lost} lost as nobody read fast enough`] : []),
  ];
  return `${router}: ${told} told${kept.length === 0 ? "" : `, ${kept.join(", ")}`}`;
}

/** Local time of day, to the microsecond. */
function clock(time: number): string {
  const date = new Date(time * 1000);
  const two = (n: number): string => `${n}`.padStart(2, "0");
  const micros = `${Math.floor((time % 1) * 1e6)}`.padStart(6, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
