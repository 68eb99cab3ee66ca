/**
 * A process that sends numbered datagrams between namespaces and notes which came when. All ends are sockets of this one
 * process, so that there is one clock. Its plan is its argument, as JSON; it sends until its standard input ends, waits
 * for what is still on its way, and prints a ProbeOutcome.
 */
import { type ProbeOutcome, type ProbePlan, readProbe, writeProbe } from "#lab/probe/flows";
import { inNamespace } from "#sys/namespace";

/** Milliseconds for the last datagrams to come in. */
const LINGER = 400;

const plan = JSON.parse(process.argv[2]!) as ProbePlan;
const now = (): number => performance.timeOrigin + performance.now();
const traces = plan.flows.map(({ name }) => ({
  name,
  sent: [] as number[],
  numbers: [] as number[],
  times: [] as number[],
  strays: 0,
}));

function heard(end: number, octets: Buffer): void {
  const at = now();
  const probe = readProbe(octets);
  const trace = probe && traces[probe.flow];
  if (probe === undefined || trace === undefined) return;
  if (!plan.flows[probe.flow]!.to.includes(end)) {
    trace.strays++;
    return;
  }
  trace.numbers.push(probe.number);
  trace.times.push(at);
}

const sockets = await Promise.all(
  plan.ends.map(({ namespace, address, port }, end) =>
    inNamespace(namespace, () =>
      Bun.udpSocket({
        ...{ hostname: address, port },
        // An ICMP error is about one datagram, which is lost: that shows.
        socket: { data: (_, octets) => heard(end, octets), error: () => {} },
      }),
    ),
  ),
);

const payload = Buffer.alloc(plan.size);
function send(flow: number): void {
  const { from, to, echo } = plan.flows[flow]!;
  const { sent } = traces[flow]!;
  const { address, port } = plan.ends[to[0]!]!;
  writeProbe(payload, flow, sent.length);
  sent.push(now());
  try {
    sockets[from]!.send(payload, port, echo ?? address);
  } catch {
    // As above: the socket tells of an earlier ICMP error, or has no route.
  }
}

let isSending = true;
process.stdin.on("end", () => {
  isSending = false;
});
process.stdin.resume();
const began = now();
process.stdout.write("ready\n");
while (isSending) {
  // Timers are late by up to a millisecond: what is due is sent then, so the rate holds.
  const due = Math.floor(((now() - began) * plan.rate) / 1000);
  for (const flow of plan.flows.keys()) while (traces[flow]!.sent.length < due) send(flow);
  await Bun.sleep(1);
}
await Bun.sleep(LINGER);
const outcome: ProbeOutcome = { traces };
await Bun.write(Bun.stdout, JSON.stringify(outcome));
process.exit(0);
