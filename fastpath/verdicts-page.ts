/**
 * docs/drops.md: every way a frame can end, for operators. Run as a program it writes the page anew:
 * `bin/bun fastpath/verdicts-page.ts`.
 */
import { writeFileSync } from "node:fs";
import { ENDINGS, type Ending, type Fate, KERNEL_LOSSES } from "#fastpath/verdicts";

/** Where the page is kept in the repository. */
export const DROPS_PAGE = new URL("../docs/drops.md", import.meta.url);

type TypeAndCode = readonly [type: number, code: number];

/** ICMPv4 type/code → its name. RFC 792, RFC 1812 §5.2.7. */
const NAMES_4: Readonly<Record<string, string>> = {
  "3/0": "network unreachable",
  "3/1": "host unreachable",
  "3/3": "port unreachable",
  "3/4": "fragmentation needed",
  "3/5": "source route failed",
  "3/13": "administratively prohibited",
  "11/0": "time exceeded",
};

/** ICMPv6 type/code → its name. RFC 4443 §3. */
const NAMES_6: Readonly<Record<string, string>> = {
  "1/0": "no route",
  "1/1": "administratively prohibited",
  "1/3": "address unreachable",
  "1/4": "port unreachable",
  "1/5": "source against policy",
  "2/0": "packet too big",
  "3/0": "hop limit exceeded",
  "4/0": "parameter problem",
};

const INTRODUCTION = `<!-- Made from fastpath/verdicts.ts by \`bin/bun fastpath/verdicts-page.ts\`; a test checks that it is current. -->

# Where frames end

Every frame that reaches a forwarder ends in one of these ways, counted for the port it came in by: \`ain show counters\`
lists what is not zero, \`ain show drops\` ([watching.md](watching.md#drops)) has rates, tenants and the last frames of each
reason. A frame that waits at the control thread is counted as punted, and again as what became of it
when it comes back. What the router sends itself is counted for the port that is answered or sent to.`;

const PUNTED_NOTE = `Handed to the control thread. Each port has budgets for that: one for ARP and neighbor discovery, one for routing
protocols, one for packets that wait for a MAC address, one for the rest: 400 frames at once and 2000 a second each, of
routing protocols ten times that; one for DHCP, 40 and 20, and one for multicast groups, 100 and 200. So rubbish sent to a
router's addresses cannot keep its neighbors from being heard. What is over the budget, does not fit the queue, or is given up
later ends as one of the last drops below.`;

const DROPPED_NOTE = `What is sent back to the sender, where it is owed anything: the ICMP type/code, in an IPv4 packet to a VM or in an IPv6
packet into the fabric. A dash means silence. [wire.md](wire.md#icmp-errors) says what such a packet looks like and when
it is kept back all the same.`;

const KERNEL_NOTE = `Not endings, since the router has not seen these frames, or has counted them as forwarded already. Each counts for the
port where it happened; in \`ain show ports\` they are the columns RX LOST and TX LOST.`;

/** The page's whole text, Markdown. */
export function dropsPage(): string {
  return `${[
    INTRODUCTION,
    "## Forwarded",
    table("forwarded"),
    "## Punted",
    PUNTED_NOTE,
    table("punted"),
    "## Consumed",
    "Somebody else sees to it, or nobody has any use for it: here it ends in silence.",
    table("consumed"),
    "## Dropped",
    DROPPED_NOTE,
    table("dropped"),
    "## Lost in the kernel",
    KERNEL_NOTE,
    rowsOf(["loss", "meaning"], KERNEL_LOSSES.map(common)),
  ].join("\n\n")}\n`;
}

/** CONTINUE, the first, is no ending. */
function table(fate: Fate): string {
  const dropped = fate === "dropped";
  const heading = dropped ? ["ending", "meaning", "to a VM", "into the fabric"] : ["ending", "meaning"];
  const rows = ENDINGS.slice(1)
    .filter((ending) => ending.fate === fate)
    .map((ending) => (dropped ? [...common(ending), ...owed(ending)] : common(ending)));
  return rowsOf(heading, rows);
}

const rowsOf = (heading: string[], rows: string[][]): string =>
  [heading, heading.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const common = ({ name, meaning }: Ending): string[] => [`\`${name}\``, meaning];
const owed = ({ icmp4, icmp6 }: Ending): string[] => [named(icmp4, NAMES_4), named(icmp6, NAMES_6)];

function named(error: TypeAndCode | undefined, names: Readonly<Record<string, string>>): string {
  if (error === undefined) return "–";
  const [type, code] = error;
  const number = `${type}/${code}`;
  const name = names[number];
  if (name === undefined) throw new Error(`verdicts-page.ts has no name for ICMP type/code ${number}`);
  return `${number} ${name}`;
}

if (import.meta.main) writeFileSync(DROPS_PAGE, dropsPage());
