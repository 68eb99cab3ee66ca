/** The report as a page of its own, perf/peers.md, so that figures in the project are always a run's and never typed. */
import { YARDSTICK } from "./contestants/list";
import { METRICS, ratio, shown, spread } from "./figures";
import { conditions, type Entry, type Report, succeeded } from "./report";

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function rows(first: string, lines: readonly (readonly string[])[]): string {
  const head = [first, ...METRICS.map((metric) => `${metric.title}, ${metric.unit}`)];
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...lines].map(row).join("\n");
}

function figures(entry: Entry): string[] {
  const turns = succeeded(entry);
  if (turns.length === 0) return [entry.title, ...METRICS.map(() => "failed")];
  const limited = turns.some((turn) => turn.senderLimited);
  const cells = METRICS.map((metric) => {
    const { median, min, max } = spread(turns, metric.key);
    const mark = metric.key === "udpRate" && limited ? "≥ " : "";
    const range = turns.length > 1 ? ` (${shown(metric, min)}…${shown(metric, max)})` : "";
    return `${mark}**${shown(metric, median)}**${range}`;
  });
  return [entry.title, ...cells];
}

function ratios(entry: Entry, other: Entry): string[] {
  const values = METRICS.map(({ key }) => ratio(entry.rounds, other.rounds, key));
  return [entry.title, ...values.map((value) => (Number.isFinite(value) ? value.toFixed(2) : "–"))];
}

export function markdown(report: Report): string {
  const { entries } = report;
  const parts = [
    "# Side by side",
    "Written by `npm run perf:peers`; README.md beside it says how it is measured.",
    `${conditions(report)}. Medians, in parentheses least…most; ≥: the generator could not offer more.`,
    "![The figures as bar charts](peers.svg)",
    rows("", entries.map(figures)),
  ];
  const yardstick = entries.find((entry) => entry.name === YARDSTICK);
  if (yardstick !== undefined && succeeded(yardstick).length > 0) {
    const others = entries.filter((entry) => entry !== yardstick);
    parts.push(
      `## Ratios to ${yardstick.title}`,
      rows(
        "",
        others.map((entry) => ratios(entry, yardstick)),
      ),
    );
  }
  const ours = entries.filter((entry) => entry.name.startsWith("ain") && succeeded(entry).length > 0);
  const rivals = entries.filter((entry) => !entry.name.startsWith("ain") && succeeded(entry).length > 0);
  for (const entry of ours) {
    parts.push(
      `## ${entry.title}: ratios to each`,
      rows(
        "",
        rivals.map((rival) => [rival.title, ...ratios(entry, rival).slice(1)]),
      ),
    );
  }
  return `${parts.join("\n\n")}\n`;
}
