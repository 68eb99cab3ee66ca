/** Reads expositions and takes nothing that the formats forbid: a second pair of eyes for tests, and no code of what it reads. */

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit?: string;
  readonly samples: readonly ParsedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const META = /^# (HELP|TYPE|UNIT) (\S+) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/;

/** Throws Error with the line that is wrong. */
export function parseExposition(text: string, format: "prometheus" | "openmetrics"): ParsedFamily[] {
  if (!text.endsWith("\n")) throw new Error("no line feed at the end");
  const lines = text.split("\n").slice(0, -1);
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  const families = new Map<
    string,
    { -readonly [K in keyof ParsedFamily]: ParsedFamily[K] } & { samples: ParsedSample[] }
  >();
  const series = new Set<string>();
  let current = "";
  for (const line of lines) {
    const meta = META.exec(line);
    if (meta !== null) {
      const [, what, name, rest] = meta as unknown as [string, string, string, string];
      if (!NAME.test(name)) throw new Error(`not a name: ${line}`);
      if (what === "HELP") {
        if (families.has(name)) throw new Error(`a second time: ${line}`);
        families.set(name, { name, type: "", help: rest, samples: [] });
        current = name;
        continue;
      }
      const family = families.get(name);
      if (family === undefined || name !== current || family.samples.length > 0)
        throw new Error(`out of place: ${line}`);
      if (what === "TYPE") family.type = rest;
      else if (format === "openmetrics" && name.endsWith(`_${rest}`)) family.unit = rest;
      else throw new Error(`not a unit of it: ${line}`);
      continue;
    }
    const sample = parseSample(line);
    const family = families.get(current);
    if (family === undefined || !mayHave(family, sample, format)) throw new Error(`of no family: ${line}`);
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (series.has(key)) throw new Error(`a second time: ${line}`);
    series.add(key);
    family.samples.push(sample);
  }
  for (const family of families.values()) checkFamily(family);
  return [...families.values()];
}

function parseSample(line: string): ParsedSample {
  const [, name, inside, number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined || !NUMBER.test(number)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  for (let rest = inside ?? ""; rest !== ""; ) {
    const [whole, label, value] = LABEL.exec(rest) ?? [];
    if (whole === undefined || label! in labels) throw new Error(`not a label: ${rest} in ${line}`);
    labels[label!] = value!.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    rest = rest.slice(whole.length);
    if (rest === "" && whole.endsWith(",")) throw new Error(`a comma too many: ${line}`);
  }
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function mayHave({ name, type }: ParsedFamily, sample: ParsedSample, format: "prometheus" | "openmetrics"): boolean {
  if (type === "histogram") {
    const suffix = sample.name.slice(name.length);
    return sample.name.startsWith(name) && ["_bucket", "_sum", "_count"].includes(suffix);
  }
  if (type === "counter") return sample.name === (format === "openmetrics" ? `${name}_total` : name) && name !== "";
  return type === "gauge" && sample.name === name;
}

function checkFamily({ name, type, help, samples }: ParsedFamily): void {
  if (help === "") throw new Error(`${name} has no help`);
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts down`);
  if (type !== "histogram") return;
  const bySeries = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const each of bySeries.values()) checkHistogram(name, each);
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels.le!.replace("+Inf", "Infinity")));
  const counts = buckets.map(({ value }) => value);
  const isAscending = (list: readonly number[], least: number): boolean =>
    list.every((value, i) => i === 0 || value - list[i - 1]! >= least);
  if (bounds.at(-1) !== Number.POSITIVE_INFINITY || !isAscending(bounds, Number.MIN_VALUE) || !isAscending(counts, 0))
    throw new Error(`${name}: buckets ${bounds} with ${counts}`);
  const count = samples.find((sample) => sample.name === `${name}_count`)?.value;
  const sum = samples.find((sample) => sample.name === `${name}_sum`)?.value;
  if (count !== counts.at(-1) || sum === undefined) throw new Error(`${name}: count ${count}, sum ${sum}`);
}
