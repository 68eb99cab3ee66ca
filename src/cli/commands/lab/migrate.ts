/** `ain lab migrate SOURCE TARGET`: one QEMU hands its machine to another; a hook for `ain move`. */
import { Command } from "commander";
import { call, findSocket } from "#cli/client";
import { print, printError } from "#cli/output";
import { migrate } from "#lab/qemu/migration";
import { Qmp } from "#lab/qemu/qmp";

/** Milliseconds for a monitor to answer. */
const PATIENCE = 10_000;

export const migrateCommand = (): Command =>
  new Command("migrate")
    .description(
      "live-migrate a machine from one QEMU to another, which waits with -incoming defer; in a hook of ain move --no-hold, hold the VM right before it stands still",
    )
    .argument("<source>", "unix socket of the monitor (-qmp) of the QEMU that runs it")
    .argument("<target>", "that of the one that waits")
    .option("--channel <path>", "unix socket for its memory")
    .action(run);

async function run(
  source: string,
  target: string,
  { channel = `${target}.channel` }: { channel?: string },
): Promise<void> {
  const { AIN_VM: vm, AIN_FROM: from } = process.env; // what `ain move` sets
  const [here, there] = await Promise.all([source, target].map((path) => Qmp.connect(path, PATIENCE)));
  const beforeStop = async (): Promise<void> => {
    if (vm !== undefined && from !== undefined) await hold(vm, from);
  };
  try {
    const { pause, transferred } = await migrate(here!, there!, { channel, beforeStop });
    print(`QEMU stood still for ${pause.toFixed(1)} ms and sent ${(transferred / 2 ** 20).toFixed(0)} MiB`);
    // It has handed its machine over, and would never run it again.
    await here!.execute("quit");
  } finally {
    for (const qmp of [here, there]) qmp?.close();
  }
}

/** The machine is on its way whatever the router says: it is told, and no more. */
async function hold(vm: string, router: string): Promise<void> {
  try {
    await call(findSocket(router), "POST", `vm/${encodeURIComponent(vm)}/hold`);
  } catch (error) {
    printError(`packets for ${vm} are not held: ${error instanceof Error ? error.message : String(error)}`);
  }
}
