/**
 * Metrics as text: Prometheus' format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats) and OpenMetrics 1.0, which
 * differ in counters' names, units and the end.
 */
import type { Family, HistogramSample, LabelValues } from "#router/metrics/model";

export type Format = "prometheus" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** OpenMetrics when an Accept header (RFC 9110 §12.5.1) prefers it to plain text. */
export function formatFor(accept: string | null): Format {
  const quality = (type: string): number => {
    const ranges = (accept ?? "").split(",").map((range) => range.split(";").map((part) => part.trim()));
    const range = ranges.find(([name]) => name?.toLowerCase() === type);
    if (range === undefined) return 0;
    const q = range.find((part) => part.startsWith("q="));
    return q === undefined ? 1 : Number(q.slice(2)) || 0;
  };
  const open = quality("application/openmetrics-text");
  return open > 0 && open >= quality("text/plain") ? "openmetrics" : "prometheus";
}

const UNITS = ["seconds", "bytes", "ratio"];

/** A family without samples is left out. */
export function expose<Input>(families: readonly Family<Input>[], input: Input, format: Format): string {
  const blocks = families.map((family) => block(family, input, format));
  return blocks.join("") + (format === "openmetrics" ? "# EOF\n" : "");
}

function block<Input>(family: Family<Input>, input: Input, format: Format): string {
  const { name, type, help, labels } = family;
  const lines: string[] = [];
  if (family.type === "histogram")
    for (const sample of family.samples(input)) lines.push(...histogram(name, labels, sample));
  else
    for (const { labels: values, value } of family.samples(input))
      lines.push(`${name}${labelText(labels, values)} ${numberText(value)}`);
  if (lines.length === 0) return "";
  const isOpen = format === "openmetrics";
  const described = isOpen && type === "counter" ? name.replace(/_total$/, "") : name;
  const unit = UNITS.find((each) => described.endsWith(`_${each}`));
  return [
    `# HELP ${described} ${isOpen ? escapeLabel(help) : escapeHelp(help)}`,
    `# TYPE ${described} ${type}`,
    ...(isOpen && unit !== undefined ? [`# UNIT ${described} ${unit}`] : []),
    ...lines,
    "",
  ].join("\n");
}

function histogram(
  name: string,
  labels: readonly string[],
  { labels: values, buckets, sum }: HistogramSample,
): string[] {
  const count = buckets.at(-1)?.count ?? 0;
  const own = labelText(labels, values);
  return [
    ...buckets.map(
      (bucket) => `${name}_bucket${labelText([...labels, "le"], [...values, boundText(bucket.le)])} ${bucket.count}`,
    ),
    `${name}_sum${own} ${numberText(sum)}`,
    `${name}_count${own} ${count}`,
  ];
}

function labelText(names: readonly string[], values: LabelValues): string {
  if (names.length === 0) return "";
  return `{${names.map((name, i) => `${name}="${escapeLabel(values[i]!)}"`).join(",")}}`;
}

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

const numberText = (value: number): string =>
  Number.isFinite(value) ? `${value}` : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

/** OpenMetrics wants floats, and the other format takes them. */
const boundText = (le: number): string => (Number.isInteger(le) ? `${le}.0` : numberText(le));
