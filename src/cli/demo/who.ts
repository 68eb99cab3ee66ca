/** Who answers at an address? A small UDP service in every VM that says the VM's name, and the question asked by all. */
import type { udp } from "bun";
import { inNamespace } from "#sys/namespace";

const PORT = 4040;
const QUESTION = "who?";

export interface DemoVm {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
}

type Socket = udp.Socket<"buffer">;

/** answers[asker][address] = name of the VM that answered; absent: nobody did. */
export type Answers = Record<string, Record<string, string>>;

export interface Questions<Vm extends DemoVm> {
  /** Addresses that a VM asks. */
  readonly addresses: (vm: Vm) => readonly string[];
  /** Those of them that shall answer: asking ends with the last of these answers. */
  readonly expected: (vm: Vm) => readonly string[];
  /** Milliseconds, in all. */
  readonly patience: number;
}

/** Asks from every VM for addresses. */
export async function askEverywhere<Vm extends DemoVm>(
  vms: readonly Vm[],
  { addresses, expected, patience }: Questions<Vm>,
): Promise<Answers> {
  const isEnough = (): boolean => vms.every((vm) => expected(vm).every((one) => one in answers[vm.name]!));
  const answers: Answers = Object.fromEntries(vms.map(({ name }) => [name, {}]));
  const sockets: Socket[] = [];
  try {
    for (const vm of vms) sockets.push(await serve(vm, answers[vm.name]!));
    const end = performance.now() + patience;
    // The first question may be lost to a neighbour that is still being looked for: ask until all that can has answered.
    while (performance.now() < end && !isEnough()) {
      sockets.forEach((socket, i) => {
        for (const address of addresses(vms[i]!))
          if (answers[vms[i]!.name]![address] === undefined) trySend(socket, QUESTION, PORT, address);
      });
      await Bun.sleep(100);
    }
    return answers;
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** What routers say in ICMP while they do not know the way yet. */
const UNREACHABLE = ["EHOSTUNREACH", "ENETUNREACH"];

/** An error that waits for the socket, of an earlier datagram, is of no interest. */
function trySend(socket: Socket, text: string, port: number, address: string): void {
  try {
    socket.send(text, port, address);
  } catch (error) {
    if (!UNREACHABLE.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function serve({ name, namespace, address }: DemoVm, heard: Record<string, string>): Promise<Socket> {
  // The socket belongs to the namespace it was made in, whatever the process does afterwards.
  return inNamespace(namespace, () =>
    Bun.udpSocket({
      hostname: address,
      port: PORT,
      socket: {
        data(socket, octets, port, from) {
          const text = octets.toString();
          if (text === QUESTION) trySend(socket, name, port, from);
          else heard[from] = text;
        },
        // "Host unreachable", while the fabric still finds its routes: it is asked again.
        error() {},
      },
    }),
  );
}
