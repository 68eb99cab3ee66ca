/** What is made from the metrics and kept in the repository is current, and names nothing that there is not. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DASHBOARD_FILE, dashboard } from "#router/metrics/dashboard";
import { FAMILIES } from "#router/metrics/families";
import { METRICS_PAGE, metricsPage } from "#router/metrics/metrics-page";

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly type: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const stored = JSON.parse(readFileSync(DASHBOARD_FILE, "utf8")) as Dashboard;
const panels = stored.panels.filter(({ type }) => type !== "row");

/** Names of series: a histogram has three. */
const SERIES = new Map(
  FAMILIES.flatMap(({ name, type, labels }) =>
    type === "histogram"
      ? ["_bucket", "_sum", "_count"].map((suffix) => [`${name}${suffix}`, [...labels, "le"]] as const)
      : [[name, labels] as const],
  ),
);
/** Put on by Prometheus. */
const COMMON = ["instance", "job"];

test("docs/metrics.md is what a router tells", () => {
  // Out of date? `bin/bun src/router/metrics/metrics-page.ts` writes it anew.
  expect(readFileSync(METRICS_PAGE, "utf8")).toBe(metricsPage());
});

test("docs/grafana/ain.json is the dashboard of this code", () => {
  // Out of date? `bin/bun src/router/metrics/dashboard.ts` writes it anew.
  expect(JSON.stringify(stored)).toBe(JSON.stringify(dashboard()));
});

test("every panel of the dashboard asks for metrics that exist, and by labels that they have", () => {
  expect(panels.length).toBeGreaterThan(25);
  for (const { title, targets } of panels) {
    expect([title, targets!.length > 0]).toEqual([title, true]);
    for (const { expr, legendFormat } of targets!) {
      const names = expr.match(/\bain_[a-z0-9_]+/g) ?? [];
      expect([title, names.length > 0]).toEqual([title, true]);
      expect(names.filter((name) => !SERIES.has(name))).toEqual([]);
      const known = new Set([...COMMON, ...names.flatMap((name) => SERIES.get(name)!)]);
      const asked = [
        ...expr.matchAll(/([a-z]+)=~?"/g),
        ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => [...list!.matchAll(/([a-z]+)/g)]),
        ...legendFormat.matchAll(/\{\{([a-z]+)\}\}/g),
      ].map(([, label]) => label!);
      expect([title, asked.filter((label) => !known.has(label))]).toEqual([title, []]);
    }
  }
});

test("its panels lie side by side", () => {
  const cells = new Set<string>();
  for (const { gridPos } of stored.panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(cells.has(`${x} ${y}`)).toBeFalse();
        cells.add(`${x} ${y}`);
      }
  }
});
