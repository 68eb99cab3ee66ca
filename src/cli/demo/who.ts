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

/** Asks from every VM for every address, until that is enough, `patience` milliseconds at most. */
export async function askEverywhere(
  vms: readonly DemoVm[],
  addresses: readonly string[],
  patience: number,
  isEnough: (answers: Answers) => boolean = (answers) => count(answers) === vms.length * addresses.length,
): Promise<Answers> {
  const answers: Answers = Object.fromEntries(vms.map(({ name }) => [name, {}]));
  const sockets: Socket[] = [];
  try {
    for (const vm of vms) sockets.push(await serve(vm, answers[vm.name]!));
    const end = performance.now() + patience;
    // The first question may be lost to a neighbour that is still being looked for: ask until all that can has answered.
    while (performance.now() < end && !isEnough(answers)) {
      sockets.forEach((socket, i) => {
        for (const address of addresses)
          if (answers[vms[i]!.name]![address] === undefined) trySend(socket, QUESTION, PORT, address);
      });
      await Bun.sleep(100);
    }
    return answers;
  } finally {
    for (const socket of sockets) socket.close();
  }
}

const count = (answers: Answers): number =>
  Object.values(answers).reduce((sum, row) => sum + Object.keys(row).length, 0);

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
