/** `show drops` for a person: a table of reasons and where, then the last frames of each. */
import { columns } from "#cli/columns";
import { colorsFor } from "#cli/output";
import type { DropCount, DropReasonView, DropsView } from "#router/drops/views";

export function dropsText({ reasons }: DropsView): string {
  if (reasons.length === 0) return "nothing was dropped";
  const heading = ["REASON", "PORT", "NETWORK", "FRAMES", "1 S", "1 MIN"];
  const table = columns(heading, reasons.flatMap(rowsOf), ["left", "left", "left", "right", "right", "right"]);
  return [
    `${table}\n\nframes since the start; a second, in the last second and minute`,
    ...reasons.map(samplesText),
  ].join("\n\n");
}

/** The reason's total, and what it is made of if that is more than one. */
function rowsOf(reason: DropReasonView): string[][] {
  const { ports } = reason;
  const [only] = ports;
  const rows = ports.map((port) => ["", port.port, port.network ?? "-", ...numbers(port)]);
  if (ports.length === 1) return [[reason.reason, only!.port, only!.network ?? "-", ...numbers(only!)]];
  return [[reason.reason, "", "", ...numbers(reason)], ...rows];
}

const numbers = ({ frames, lastSecond, lastMinute }: DropCount): string[] => [
  `${frames}`,
  rateText(lastSecond),
  rateText(lastMinute),
];

/** Frames a second. */
const rateText = (rate: number | null): string =>
  rate === null ? "-" : rate >= 10 || rate === 0 ? rate.toFixed(0) : rate.toPrecision(2);

function samplesText({ reason, meaning, samples }: DropReasonView): string {
  const { bold } = colorsFor(process.stdout);
  const lines = samples.map(({ at, port, packet }) => `  ${timeText(at)}  ${port}  ${packet}`);
  return [`${bold(reason)}: ${meaning}`, ...(lines.length === 0 ? ["  no sample"] : lines)].join("\n");
}

/** The time of the day, UTC. */
const timeText = (at: number): string => new Date(at).toISOString().slice(11, 23);
