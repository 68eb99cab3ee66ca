/**
 * docs/metrics.md: every metric, for operators. Run as a program it writes the page anew:
 * `bin/bun src/router/metrics/metrics-page.ts`.
 */
import { writeFileSync } from "node:fs";
import { FAMILY_GROUPS, type FamilyGroup } from "#router/metrics/families";

/** Where the page is kept in the repository. */
export const METRICS_PAGE = new URL("../../../docs/metrics.md", import.meta.url);

const INTRODUCTION = `<!-- Made from src/router/metrics/families.ts by \`bin/bun src/router/metrics/metrics-page.ts\`; a test checks that it is current. -->

# Metrics

For [Prometheus](https://prometheus.io): text format 0.0.4, or OpenMetrics 1.0 for who asks for that. At \`/metrics\` of the
API socket, and by TCP where node.yaml says so:

\`\`\`yaml
metrics: {listen: "[::1]:9464"}
\`\`\`

The address is one in the router's network namespace. Whoever reaches it may read it: the names of VMs, tenants and rules are
in it. Nothing can be changed there. [grafana/ain.json](grafana/ain.json) is a dashboard to be imported into Grafana.

\`\`\`
curl --unix-socket /run/ain/hv1.sock http://ain/metrics
\`\`\`

Counters begin with the router, those of a port with the port. A metric without a value is left out: of OSPF where there is
none, of NAT where this is no gateway. A VM's port has its tenant for a label; of other ports' drops the tenant is whom the frame
was for, as far as that is known. Reasons and endings are those of [drops.md](drops.md); \`ain show drops\` has the last
frames of each.

The number of series is bounded: 7 for each port; of drops those that happened, 256 ports and their tenants at most; 500 rules.
Bun does not tell of garbage collections: those of the control thread show as event-loop lag, forwarders and BFD have
threads of their own. A scrape costs the control thread 3 ms with 20 VMs, and 8 with 120 (some 900 series).`;

/** The page's whole text, Markdown. */
export const metricsPage = (): string => `${[INTRODUCTION, ...FAMILY_GROUPS.map(section)].join("\n\n")}\n`;

function section({ title, families }: FamilyGroup): string {
  const rows = families.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(" ") || "–",
    help,
  ]);
  const heading = ["metric", "type", "labels", "what"];
  const table = [heading, heading.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  return `## ${title}\n\n${table.join("\n")}`;
}

if (import.meta.main) writeFileSync(METRICS_PAGE, metricsPage());
