/** Results as a table in Markdown. */
import type { Figures } from "./turn";

export interface Result {
  readonly contestant: string;
  readonly lsas: number;
  readonly round: number;
  readonly figures: Figures;
}

interface Column {
  readonly heading: string;
  readonly of: (figures: Figures) => number;
  readonly digits: number;
  /** Told as a ratio to FRR's, too. */
  readonly ratio: boolean;
}

const COLUMNS: readonly Column[] = [
  { heading: "Full, ms", of: ({ full }) => full, digits: 0, ratio: true },
  { heading: "routes, ms", of: ({ routes }) => routes, digits: 0, ratio: true },
  { heading: "CPU until then, s", of: ({ loadCpu }) => loadCpu, digits: 2, ratio: true },
  { heading: "SPF, ms", of: ({ spf }) => spf, digits: 1, ratio: true },
  { heading: "RSS, MiB", of: ({ rss }) => rss, digits: 0, ratio: false },
  { heading: "peak", of: ({ peak }) => peak, digits: 0, ratio: false },
  { heading: "CPU for a refresh, s", of: ({ refreshCpu }) => refreshCpu, digits: 2, ratio: true },
  { heading: "said again", of: ({ repeated }) => repeated, digits: 0, ratio: false },
  { heading: "lost", of: ({ lost }) => lost, digits: 0, ratio: false },
];
const YARDSTICK = "frr";

export function table(
  results: readonly Result[],
  { sizes, contestants }: { sizes: readonly number[]; contestants: readonly string[] },
): string {
  const lines = [
    `| LSAs | router | ${COLUMNS.map(({ heading }) => heading).join(" | ")} |`,
    `|---:|---|${COLUMNS.map(() => "---:|").join("")}`,
  ];
  for (const lsas of sizes) {
    const ofSize = results.filter((result) => result.lsas === lsas);
    for (const name of contestants) {
      const cells = COLUMNS.map((column) => cell(column, ofSize, name));
      lines.push(`| ${lsas} | ${name} | ${cells.join(" | ")} |`);
    }
  }
  const sent = results.filter(({ contestant }) => contestant === "ain").map(({ figures }) => figures);
  const [packets, lost] = [sum(sent.map(({ sent: n }) => n)), sum(sent.map(({ lost: n }) => n))];
  lines.push("", `Datagrams through AIN in all its turns: ${packets}, lost ${lost}.`);
  return lines.join("\n");
}

function cell({ of, digits, ratio }: Column, results: readonly Result[], name: string): string {
  const own = results.filter(({ contestant }) => contestant === name);
  if (own.length === 0) return "–";
  const middle = median(own.map(({ figures }) => of(figures)));
  if (Number.isNaN(middle)) return "–"; // it does not tell
  const text = middle.toFixed(digits);
  if (!ratio || name === YARDSTICK) return text;
  const ratios = own.flatMap(({ round, figures }) => {
    const other = results.find((each) => each.contestant === YARDSTICK && each.round === round);
    return other === undefined ? [] : [of(figures) / of(other.figures)];
  });
  return ratios.length === 0 ? text : `${text} (${median(ratios).toFixed(2)})`;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
