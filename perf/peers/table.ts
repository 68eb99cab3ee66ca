/** The report on a terminal: the figures, and how AIN stands to each of the others. */
import colors from "picocolors";
import { YARDSTICK } from "./contestants/list";
import { METRICS, ratio, shown, spread } from "./figures";
import { conditions, type Entry, type Report, succeeded } from "./report";

const FIRST_COLUMN = 32;
const COLUMN = 13;
/** Column heads, in METRICS' order. */
const HEADS: readonly (readonly [string, string])[] = [
  ["one stream", "Gbit/s"],
  ["four streams", "Gbit/s"],
  ["both ways", "Gbit/s"],
  ["UDP 64 oct.", "kpackets/s"],
  ["RTT median", "µs"],
  ["RTT 99 %", "µs"],
  ["CPU/Gbit", "ms machine"],
  ["CPU/Gbit", "ms own"],
];

const row = (first: string, cells: readonly string[]): string =>
  first.padEnd(FIRST_COLUMN) + cells.map((cell) => cell.padStart(COLUMN)).join("");

function figureRows(entry: Entry): string[] {
  const turns = succeeded(entry);
  const failures = entry.failures.map((failure) => colors.red(`  ${failure}`));
  if (turns.length === 0) return [colors.bold(row(entry.title, ["failed"])), ...failures];
  const spreads = METRICS.map((metric) => ({ metric, ...spread(turns, metric.key) }));
  const limited = turns.some((turn) => turn.senderLimited);
  const medians = spreads.map(({ metric, median }) => {
    const mark = metric.key === "udpRate" && limited ? "≥" : "";
    return mark + shown(metric, median);
  });
  const ranges = spreads.map(({ metric, min, max }) => `${shown(metric, min)}…${shown(metric, max)}`);
  const lines = [colors.bold(row(entry.title, medians))];
  if (turns.length > 1) lines.push(colors.dim(row("", ranges)));
  return [...lines, ...failures];
}

function ratioRow(entry: Entry, other: Entry): string {
  const cells = METRICS.map(({ key }) => {
    const value = ratio(entry.rounds, other.rounds, key);
    return Number.isFinite(value) ? `${value.toFixed(2)} ×` : "–";
  });
  return row(entry.title, cells);
}

function ratios(heading: string, other: Entry, entries: readonly Entry[]): string[] {
  if (entries.length === 0 || succeeded(other).length === 0) return [];
  return ["", colors.bold(heading), ...entries.map((entry) => ratioRow(entry, other))];
}

/** Everything against the yardstick, then AIN against everything. */
export function table(report: Report): string {
  const { entries } = report;
  const heads = [
    row(
      "",
      HEADS.map(([what]) => what),
    ),
    colors.dim(
      row(
        "",
        HEADS.map(([, unit]) => unit),
      ),
    ),
  ];
  const lines = [conditions(report), "", ...heads, ...entries.flatMap(figureRows)];
  const yardstick = entries.find((entry) => entry.name === YARDSTICK);
  if (yardstick) lines.push(...ratios(`Ratios to ${yardstick.title}`, yardstick, entries));
  const ours = entries.filter((entry) => entry.name.startsWith("ain"));
  for (const other of entries.filter((entry) => !ours.includes(entry) && entry !== yardstick)) {
    lines.push(...ratios(`AIN's ratios to ${other.title}`, other, ours));
  }
  lines.push(
    "",
    colors.dim("≥: the generator could not offer more. Where the kernel forwards, it does so on the sender's time."),
  );
  return lines.join("\n");
}
