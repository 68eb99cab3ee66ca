/**
 * `npm run perf:rules`: traffic through many rules, AIN beside the kernel's nftables, in interleaved rounds: VM to VM over
 * two hypervisors as perf:peers has them (perf/peers), each hypervisor with the same rules. None of the many rules is
 * about the traffic; the last one lets it through, with state or without. Prints medians; nothing is asserted.
 *
 * `--rules N` (default 10000), `--rounds N` (default 3), `--seconds S` (default 3).
 */
import { parseArgs } from "node:util";
import { formatIpv4 } from "#base/address";
import { put32 } from "#base/bytes";
import { nextBelow, seeded } from "#base/random";
import { columns } from "#cli/columns";
import { ainWith } from "./peers/contestants/ain";
import type { Contestant } from "./peers/contestants/contestant";
import { kernelRouting } from "./peers/contestants/kernel-routing";
import { type Turn, takeTurn } from "./peers/run";
import { removeLeftovers, SIDES, type Topology } from "./peers/topology";

const { values } = parseArgs({
  options: {
    rules: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
  },
});
const COUNT = Number(values.rules);
const ROUNDS = Number(values.rounds);
const OPTIONS = { rounds: ROUNDS, seconds: Number(values.seconds), only: [], mtu: 1500, output: false };

/** From one address to another, to a port: none of the VMs', which the first addresses of the pool are. */
interface Denied {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

function deniedRules(): Denied[] {
  const random = seeded(20261126);
  const address = (): string => {
    const ipv4 = new Uint8Array(4);
    put32(ipv4, 0, 0x0a09_8000 + nextBelow(random, 0x7fff)); // 10.9.128.0/17
    return formatIpv4(ipv4);
  };
  return Array.from({ length: COUNT }, () => ({ from: address(), to: address(), port: 1 + nextBelow(random, 65535) }));
}

const DENIED = deniedRules();

function ainRules(stateful: boolean): string[] {
  const network = (prefix: string): string => `{ network: perf/one, prefix: ${prefix}/32 }`;
  const many = DENIED.map(
    ({ from, to, port }, i) =>
      `{ name: r${i}, action: deny, from: ${network(from)}, to: ${network(to)}, protocol: tcp, ports: ${port}, priority: 100 }`,
  );
  return [...many, `{ name: last, action: allow, from: perf, to: perf, priority: 60000, stateful: ${stateful} }`];
}

/** The same for the kernel, one after another as they are written; with state the first rule lets known connections pass. */
const nftables = (stateful: boolean, name: string, title: string): Contestant => ({
  ...kernelRouting,
  ...{ name, title },
  async up(topology) {
    const running = await kernelRouting.up(topology);
    const many = DENIED.map(({ from, to, port }) => `ip saddr ${from} ip daddr ${to} tcp dport ${port} drop`);
    const first = stateful ? ["ct state established,related accept"] : [];
    const chain = ["type filter hook forward priority 0; policy drop;", ...first, ...many, "accept"].join("\n    ");
    for (const { hypervisor } of SIDES) {
      topology.exec(hypervisor, ["nft", "-f", "-"], `table inet rules {\n  chain forward {\n    ${chain}\n  }\n}\n`);
    }
    return running;
  },
});

const CONTESTANTS: readonly Contestant[] = [
  ainWith([], "ain", "AIN, no rules of its own"),
  ainWith(ainRules(false), "ain-rules", `AIN, ${COUNT} rules, without state`),
  ainWith(ainRules(true), "ain-stateful", `AIN, ${COUNT} rules, stateful`),
  kernelRouting,
  nftables(false, "nft", `nftables, ${COUNT} rules, without state`),
  nftables(true, "nft-stateful", `nftables, ${COUNT} rules, stateful`),
];

if (process.getuid?.() !== 0) {
  console.error("perf:rules makes network namespaces: please run it as root");
  process.exit(1);
}
removeLeftovers();
let standing: Topology | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    await standing?.close();
    process.exit(130);
  });
}
const turns = new Map<string, Turn[]>(CONTESTANTS.map(({ name }) => [name, []]));
for (let round = 1; round <= ROUNDS; round++) {
  for (const contestant of CONTESTANTS) {
    const turn = await takeTurn(contestant, OPTIONS, {
      step: () => {},
      opened: (topology) => {
        standing = topology;
      },
    });
    turns.get(contestant.name)!.push(turn);
    console.log(
      `round ${round}, ${contestant.title}: ${turn.oneStream.toFixed(2)} Gbit/s, ${(turn.udpRate / 1000).toFixed(0)} kpackets/s`,
    );
  }
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
console.log(
  `\n${columns(
    ["", "ONE TCP STREAM, Gbit/s", "UDP 64 OCTETS WITHOUT LOSS, kpackets/s", "IDLE RTT, µs"],
    CONTESTANTS.map(({ name, title }) => {
      const of = (figure: (turn: Turn) => number) => median(turns.get(name)!.map(figure));
      return [
        title,
        of((turn) => turn.oneStream).toFixed(2),
        of((turn) => turn.udpRate / 1000).toFixed(0),
        of((turn) => turn.rttMedian).toFixed(0),
      ];
    }),
    ["left", "right", "right", "right"],
  )}`,
);
