import { describe, expect, test } from "bun:test";
import { expose, formatFor } from "#router/metrics/exposition";
import { FAMILIES } from "#router/metrics/families";
import { Histogram } from "#router/metrics/histogram";
import type { Family } from "#router/metrics/model";
import { FULL_INPUT } from "#router/metrics/testing/full-input";
import { parseExposition } from "#router/metrics/testing/strict-parser";

const one = (family: Partial<Family<null>>): Family<null>[] => [
  { name: "ain_x", help: "Help.", type: "gauge", labels: [], samples: () => [], ...family } as Family<null>,
];

describe("Prometheus' text format, version 0.0.4", () => {
  test("a sample is a name, labels and a value; a family without samples is not there", () => {
    const samples = () => [{ labels: ["a", "b"], value: 2.5 }];
    expect(expose(one({ labels: ["x", "y"], samples }), null, "prometheus")).toBe(
      '# HELP ain_x Help.\n# TYPE ain_x gauge\nain_x{x="a",y="b"} 2.5\n',
    );
    expect(expose(one({}), null, "prometheus")).toBe("");
  });

  test("labels and help are escaped, numbers may be none", () => {
    const samples = () => [
      { labels: ['q"b\\n\n'], value: Number.POSITIVE_INFINITY },
      { labels: [""], value: Number.NaN },
      { labels: ["1"], value: 1e21 },
    ];
    const text = expose(one({ help: 'a "b" \\ c', labels: ["x"], samples }), null, "prometheus");
    expect(text).toContain('# HELP ain_x a "b" \\\\ c\n');
    expect(text).toContain('ain_x{x="q\\"b\\\\n\\n"} +Inf\nain_x{x=""} NaN\nain_x{x="1"} 1e+21\n');
    expect(parseExposition(text, "prometheus")[0]!.samples[0]!.labels).toEqual({ x: 'q"b\\n\n' });
  });

  test("a histogram's buckets include those before, and end with all", () => {
    const histogram = new Histogram([0.5, 1]);
    for (const value of [0.1, 0.5, 0.7, 9]) histogram.observe(value);
    const family = one({ name: "ain_h_seconds", type: "histogram", samples: () => [histogram.sample()] as never });
    expect(expose(family, null, "prometheus").split("\n").slice(2, -1)).toEqual([
      'ain_h_seconds_bucket{le="0.5"} 2',
      'ain_h_seconds_bucket{le="1.0"} 3',
      'ain_h_seconds_bucket{le="+Inf"} 4',
      "ain_h_seconds_sum 10.3",
      "ain_h_seconds_count 4",
    ]);
  });
});

test("OpenMetrics calls a counter by its name without _total, tells units, and ends with # EOF", () => {
  const samples = () => [{ labels: [], value: 1 }];
  expect(expose(one({ name: "ain_x_bytes_total", type: "counter", samples }), null, "openmetrics")).toBe(
    "# HELP ain_x_bytes Help.\n# TYPE ain_x_bytes counter\n# UNIT ain_x_bytes bytes\nain_x_bytes_total 1\n# EOF\n",
  );
});

test("OpenMetrics goes to who asks for it, and plain text to everybody else (RFC 9110 §12.5.1)", () => {
  const prometheus =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  expect(formatFor(prometheus)).toBe("openmetrics");
  for (const accept of [
    null,
    "",
    "*/*",
    "text/plain",
    "application/openmetrics-text;q=0",
    "text/plain, application/openmetrics-text;q=0.1",
  ])
    expect(formatFor(accept)).toBe("prometheus");
});

describe("a router's metrics", () => {
  for (const format of ["prometheus", "openmetrics"] as const) {
    test(`all of them are ${format}, each with its labels`, () => {
      const parsed = parseExposition(expose(FAMILIES, FULL_INPUT, format), format);
      const cut = (name: string, type: string): string =>
        format === "openmetrics" && type === "counter" ? name.replace(/_total$/, "") : name;
      expect(parsed.map(({ name, type }) => [name, type])).toEqual(
        FAMILIES.map(({ name, type }) => [cut(name, type), type]),
      );
      parsed.forEach(({ samples }, i) => {
        for (const { labels } of samples)
          expect(Object.keys(labels).filter((label) => label !== "le")).toEqual([...FAMILIES[i]!.labels]);
      });
    });
  }

  test("what a router does not do it tells nothing of", () => {
    const input = { ...FULL_INPUT, ospf: undefined, bfd: undefined, nat: undefined, mobility: undefined };
    const names = parseExposition(expose(FAMILIES, input, "prometheus"), "prometheus").map(({ name }) => name);
    expect(names.filter((name) => /ospf|bfd|nat|mobility|tunnel|flights/.test(name))).toEqual([]);
  });

  test("are named by Prometheus' conventions: one prefix, base units, _total for what counts up alone", () => {
    for (const { name, type, help, labels } of FAMILIES) {
      expect(name).toMatch(/^ain_[a-z0-9]+(_[a-z0-9]+)*$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(name).not.toMatch(/_(octets|millis|ms|milliseconds|kilobytes|count|sum|bucket)(_|$)/);
      expect(help).toMatch(/^[A-Z0-9].*\.$/);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    }
    expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
  });
});

test("the parser of these tests refuses what is wrong", () => {
  const head = "# HELP a Help.\n# TYPE a counter\n";
  for (const wrong of [
    `${head}a 1`,
    `${head}a 1\na 1\n`,
    `${head}b 1\n`,
    `${head}a -1\n`,
    `${head}a{x="1",} 1\n`,
    `${head}a{x="1" y="2"} 1\n`,
    `${head}a one\n`,
    `a 1\n${head}a 1\n`,
    head,
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
  ])
    expect(() => parseExposition(wrong, "prometheus")).toThrow();
});
