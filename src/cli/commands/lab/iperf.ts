/** `ain lab iperf LAB`: how much goes through a lab. */
import { Command, InvalidArgumentError } from "commander";
import { columns } from "#cli/columns";
import { Failure } from "#cli/failure";
import { type IperfOutcome, iperf } from "#cli/iperf";
import { requireRoot, requireStandingLab } from "#cli/lab-target";
import { type Place, placesOf } from "#cli/lab-vms";
import { pairsOf, type Way, waysOf } from "#cli/lab-ways";
import { colorsFor, print, printError, printJson } from "#cli/output";
import { carryOver, knownFor, type Move, released } from "#cli/vm-move";
import { labMove, locationOf, wireEnds } from "#lab/move";
import { type StandingLab, topologyOf } from "#lab/standing";

/** Milliseconds for a step of a move. */
const PATIENCE = 10_000;
/** Pairs that send at once at most. */
const MOST_AT_ONCE = 8;
const FIRST_PORT = 5201;

/** What one way through a lab carries; null: not measured. Bits a second are of TCP's or UDP's payload that came in. */
export interface LabIperfJson {
  /** The VMs; `2 pairs` for those that sent at once. */
  readonly way: string;
  /** What is between them: hypervisors, a tunnel. */
  readonly between: string;
  /** One TCP connection; of several pairs, one each, in all. */
  readonly tcp: number;
  /** So many TCP connections at once. */
  readonly tcpMany: number | null;
  readonly udp: number | null;
  /** Of 1. */
  readonly udpLost: number | null;
}

interface Choice {
  readonly seconds: number;
  readonly streams: number;
  readonly rate: number;
  readonly moves?: true;
  readonly json?: true;
}

export const iperfCommand = (): Command =>
  new Command("iperf")
    .description("measure a lab, of namespaces or of containerlab's: iperf3 between its VMs, as a table")
    .argument("<lab>", "name of a lab, or its topology file")
    .option("--seconds <seconds>", "of each measurement", count, 3)
    .option("--streams <count>", "TCP connections of the second column", count, 8)
    .option("--rate <Mbit/s>", "that UDP sends, in datagrams of 1400 octets", count, 500)
    .option("--moves", "also with a VM away from home: moves one that can be moved, and back")
    .option("--json", "print the result as JSON")
    .action(measure);

async function measure(target: string, choice: Choice): Promise<void> {
  requireRoot();
  const lab = requireStandingLab(target);
  const vms = placesOf(topologyOf(lab)).map((vm) => ({ ...vm, hypervisor: whereIs(lab, vm) }));
  const ways = waysOf(vms);
  if (ways.length === 0) throw new Failure(`${lab.state.name} has no two VMs of one network`);
  const { dim } = colorsFor(process.stderr);
  const say = (step: string): void => (choice.json ? undefined : printError(dim(`${step} …`)));
  const rows: LabIperfJson[] = [];
  for (const way of ways) {
    say(nameOf(way));
    rows.push(await measureWay(lab, way, choice, betweenOf(way)));
  }
  if (choice.moves) {
    say("away from home");
    rows.push(await measureAway(lab, vms, choice));
  }
  const pairs = pairsOf(vms).slice(0, MOST_AT_ONCE);
  if (pairs.length > 1) {
    say("all at once");
    rows.push(await measureTogether(lab, pairs, choice));
  }
  if (choice.json) printJson(rows);
  else tell(rows, choice);
}

const nameOf = ({ from, to }: Way): string => `${from.name} → ${to.name}`;
const betweenOf = ({ from, to }: Way): string =>
  from.hypervisor === to.hypervisor ? `within ${from.hypervisor}` : `${from.hypervisor} – ${to.hypervisor}`;
const iperfWay = ({ from, to }: Way) => ({ client: from.name, server: to.name, address: to.address });

/** A VM that moves may be elsewhere than its hypervisor's file says. */
const whereIs = ({ state }: StandingLab, { name, hypervisor }: Place): string =>
  state.nodes[name]?.ports === undefined ? hypervisor : (locationOf(state, name) ?? hypervisor);

async function measureWay(lab: StandingLab, way: Way, choice: Choice, between: string): Promise<LabIperfJson> {
  const { seconds, streams, rate } = choice;
  const tcp = await iperf(lab, iperfWay(way), { seconds, streams: 1 });
  const many = await iperf(lab, iperfWay(way), { seconds, streams });
  const udp = await iperf(lab, iperfWay(way), { seconds, rate: rate * 1e6 });
  return {
    ...{ way: nameOf(way), between },
    ...{ tcp: tcp.bitsPerSecond, tcpMany: many.bitsPerSecond, udp: udp.bitsPerSecond, udpLost: udp.lost },
  };
}

async function measureTogether(lab: StandingLab, pairs: readonly Way[], { seconds }: Choice): Promise<LabIperfJson> {
  const outcomes = await Promise.all(
    pairs.map((way, i): Promise<IperfOutcome> => {
      return iperf(lab, iperfWay(way), { seconds, streams: 1, port: FIRST_PORT + i });
    }),
  );
  const tcp = outcomes.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0);
  return { way: `${pairs.length} pairs at once`, between: "", tcp, tcpMany: null, udp: null, udpLost: null };
}

/** Moves a VM to where neither it nor its peer is, measures, and moves it back. Throws Failure when none can be moved. */
async function measureAway(lab: StandingLab, vms: readonly Place[], choice: Choice): Promise<LabIperfJson> {
  const to = vms.find(({ name }) => lab.state.nodes[name]?.ports !== undefined);
  const from = to && vms.find((vm) => vm.network === to.network && vm.name !== to.name);
  if (to === undefined || from === undefined) throw new Failure("no VM of this lab moves (ain-moves in its topology)");
  const elsewhere = wireEnds(lab.state, to.name).find(
    ({ node }) => node !== to.hypervisor && node !== from.hypervisor,
  )?.node;
  if (elsewhere === undefined) throw new Failure(`${to.name} can be nowhere but at its and ${from.name}'s hypervisors`);
  await moveVm(lab, to.name, to.hypervisor, elsewhere);
  try {
    return await measureWay(lab, { from, to }, choice, `${from.hypervisor} – ${elsewhere}, by tunnel`);
  } finally {
    await moveVm(lab, to.name, elsewhere, to.hypervisor);
  }
}

/** As `ain move` does it, and the lab's part of it. */
async function moveVm(lab: StandingLab, vm: string, from: string, to: string): Promise<void> {
  const move: Move = { vm, from: lab.socket(from), to: lab.socket(to) };
  const hook = async (): Promise<void> => labMove(lab.state, vm, to);
  await carryOver(move, { ...(await knownFor(move)), hold: true, hook });
  await released(move, PATIENCE);
}

function tell(rows: readonly LabIperfJson[], { streams, rate }: Choice): void {
  const gbits = (bits: number | null): string => (bits === null ? "" : (bits / 1e9).toFixed(2));
  const percent = (part: number | null): string => (part === null ? "" : `${(part * 100).toFixed(1)} %`);
  const heads = ["GBIT/S", "BETWEEN", "TCP", `${streams} × TCP`, `UDP, ${rate / 1000} SENT`, "LOST"];
  const lines = rows.map((row) => [
    ...[row.way, row.between, gbits(row.tcp), gbits(row.tcpMany), gbits(row.udp), percent(row.udpLost)],
  ]);
  print(columns(heads, lines, ["left", "left", "right", "right", "right", "right"]));
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a whole number above 0.");
}
