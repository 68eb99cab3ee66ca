/** Kinds of metrics that there are several of. */
import type { Counts, ForwarderInput, MetricsInput, PortInput, Usage } from "#router/metrics/input";
import { type Family, single } from "#router/metrics/model";

type RouterFamily = Family<MetricsInput>;
type Type = "counter" | "gauge";

interface Named {
  readonly name: string;
  readonly help: string;
}

/** A value for each port. */
export const ofPort = ({ name, help }: Named, type: Type, of: (port: PortInput) => number): RouterFamily => ({
  ...{ name, help, type, labels: ["port", "kind", "tenant"] },
  samples: ({ ports }) => ports.map((each) => ({ labels: [each.port, each.kind, each.tenant], value: of(each) })),
});

export const ofForwarder = ({ name, help }: Named, of: (forwarder: ForwarderInput) => number): RouterFamily => ({
  ...{ name, help, type: "counter", labels: ["forwarder"] },
  samples: ({ forwarders }) => forwarders.map((each) => ({ labels: [each.forwarder], value: of(each) })),
});

/** A value of the router's. Undefined: the metric is not there. */
export const value = (
  { name, help }: Named,
  type: Type,
  of: (input: MetricsInput) => number | undefined,
): RouterFamily => ({ ...{ name, help, type, labels: [] }, samples: (input) => single(of(input)) });

/** Counts by what `label` says. */
export const counted = (
  { name, help, label }: Named & { readonly label: string },
  type: Type,
  of: (input: MetricsInput) => Counts | undefined,
): RouterFamily => ({
  ...{ name, help, type, labels: [label] },
  samples: (input) => [...(of(input) ?? [])].map(([what, count]) => ({ labels: [what], value: count })),
});

/** How full a table is: entries, and how many there is room for. `help`: what they are. */
export const usage = (
  { name, help }: Named,
  of: (input: MetricsInput) => Usage | undefined,
): readonly [RouterFamily, RouterFamily] => [
  value({ name, help: `${help} in use.` }, "gauge", (input) => of(input)?.size),
  value({ name: `${name}_limit`, help: `${help} that there is room for.` }, "gauge", (input) => of(input)?.room),
];
