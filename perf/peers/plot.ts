/** The report as an SVG: one small bar chart a metric, the same order everywhere, AIN in colour. */
import { METRICS, type Metric, shown, spread } from "./figures";
import { conditions, type Entry, type Report, succeeded } from "./report";

const WIDTH = 1080;
const MARGIN = 28;
const COLUMNS = 2;
const GAP = 36;
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
const LABEL_WIDTH = 204;
/** Room right of the longest bar for its figure. */
const FIGURE_WIDTH = 64;
const BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - FIGURE_WIDTH;
const ROW = 23;
const BAR = 13;
const PANEL_HEAD = 42;
const PAGE_HEAD = 100;

const STYLE = `
  text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
  .page { font-size: 18px; font-weight: 600 }
  .note, .hint { font-size: 11px; fill: #6e7781 }
  .panel { font-size: 13px; font-weight: 600 }
  .label { text-anchor: end }
  .figure { font-variant-numeric: tabular-nums }
  .ours { font-weight: 600 }
  .bar { fill: #afb8c1 }
  .bar.ours { fill: #0969da }
  .bar.ceiling { fill: #eaeef2 }
  .range { stroke: #24292f; stroke-width: 1.2; opacity: .65 }
  .axis { stroke: #d0d7de }`;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function text(x: number, y: number, kind: string, content: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" class="${kind}">${escaped(content)}</text>`;
}

/** AIN stands out, the generators' ceiling steps back. */
function emphasis(entry: Entry): string {
  if (entry.name.startsWith("ain")) return " ours";
  return entry.name === "direct" ? " ceiling" : "";
}

/** Left to right: title, bar of the median, a line from least to most, the figure. */
function bar(entry: Entry, metric: Metric, longest: number, y: number): string[] {
  const { median, min, max } = spread(succeeded(entry), metric.key);
  const at = (value: number): string => (LABEL_WIDTH + (value / longest) * BAR_WIDTH).toFixed(1);
  const middle = (y + BAR / 2).toFixed(1);
  const kind = emphasis(entry);
  const end = LABEL_WIDTH + (max / longest) * BAR_WIDTH;
  return [
    text(LABEL_WIDTH - 8, y + BAR - 2, `label${kind}`, entry.title),
    `<rect x="${LABEL_WIDTH}" y="${y}" width="${((median / longest) * BAR_WIDTH).toFixed(1)}" height="${BAR}" class="bar${kind}"/>`,
    `<line x1="${at(min)}" x2="${at(max)}" y1="${middle}" y2="${middle}" class="range"/>`,
    text(end + 6, y + BAR - 2, `figure${kind}`, shown(metric, median)),
  ];
}

function panel(metric: Metric, entries: readonly Entry[]): string[] {
  // The ceiling would dwarf the rest of a chart only where more is better; everywhere else it is the floor.
  const longest = Math.max(...entries.map((entry) => spread(succeeded(entry), metric.key).max)) || 1;
  const hint = `${metric.unit}, ${metric.moreIsBetter ? "more" : "less"} is better`;
  const bottom = PANEL_HEAD + entries.length * ROW - 4;
  return [
    text(LABEL_WIDTH, 14, "panel", metric.title),
    text(LABEL_WIDTH, 29, "hint", hint),
    `<line x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH}" y1="${PANEL_HEAD - 6}" y2="${bottom}" class="axis"/>`,
    ...entries.flatMap((entry, index) => bar(entry, metric, longest, PANEL_HEAD + index * ROW)),
  ];
}

/** A whole SVG document. Contestants without a successful round are left out. */
export function plot(report: Report): string {
  const entries = report.entries.filter((entry) => succeeded(entry).length > 0);
  const panelHeight = PANEL_HEAD + entries.length * ROW + GAP;
  const height = PAGE_HEAD + Math.ceil(METRICS.length / COLUMNS) * panelHeight;
  const panels = METRICS.map((metric, index) => {
    const x = MARGIN + (index % COLUMNS) * (PANEL_WIDTH + GAP);
    const y = PAGE_HEAD + Math.floor(index / COLUMNS) * panelHeight;
    return `<g transform="translate(${x} ${y})">\n${panel(metric, entries).join("\n")}\n</g>`;
  });
  const [about = "", how = ""] = conditions(report).split("; ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>${STYLE}
</style>
<rect width="100%" height="100%" fill="#fff"/>
${text(MARGIN, 32, "page", "VM – hypervisor – hypervisor – VM, IPv4 between the VMs")}
${text(MARGIN, 53, "note", `${about}.`)}
${text(MARGIN, 69, "note", `Bars: ${how}. Lines: least to most.`)}
${panels.join("\n")}
</svg>
`;
}
