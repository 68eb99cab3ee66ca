/** Live migration of a machine from one QEMU to another on the same host, which waits for it with `-incoming defer`. */
import { LabError } from "#lab/lab-error";
import type { Qmp, QmpEvent } from "#lab/qemu/qmp";

export interface MigrationSettings {
  /** Path of the unix socket that the machine's memory goes through. */
  readonly channel: string;
  /** Milliseconds for all of it. */
  readonly patience?: number;
  /**
   * Awaited right before the machine is stopped; if QEMU has been faster, right after that. When it rejects, the machine
   * stays, unless it has gone already.
   */
  readonly beforeStop?: () => Promise<void>;
}

/** Times in milliseconds since the Unix epoch, as QEMU's events say. */
export interface Migration {
  readonly began: number;
  readonly stopped: number;
  readonly resumed: number;
  /** Milliseconds that the machine did not run. */
  readonly pause: number;
  /** Octets of memory that were sent. */
  readonly transferred: number;
}

const PATIENCE = 30_000;
/** Octets of memory that are left when the machine is to be stopped: some ten milliseconds' worth. */
const LITTLE = 12 << 20;
/** Octets a second: the channel is memory, no network that others need as well. */
const BANDWIDTH = 4 * 2 ** 30;
/** The target says where the machine is as soon as it has it, and again a few times, lest the first be lost. */
const ANNOUNCE = { "announce-initial": 5, "announce-max": 100, "announce-rounds": 5, "announce-step": 20 };

/**
 * The machine runs at the target when this resolves, and its source is to be ended. Throws LabError when QEMU gives up:
 * then it runs at the source as before.
 *
 * QEMU left to itself stops the machine when it likes, and whoever hears of that is late: packets for it have gone to a
 * card that nobody reads. So it is stopped from here, a little before QEMU would.
 */
export async function migrate(source: Qmp, target: Qmp, settings: MigrationSettings): Promise<Migration> {
  const { channel, patience = PATIENCE, beforeStop } = settings;
  const { running } = await source.execute<{ running: boolean }>("query-status");
  if (!running) throw new LabError("the machine does not run: there is nothing to migrate live");
  for (const qmp of [source, target]) {
    await qmp.execute("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
  }
  await target.execute("migrate-set-parameters", ANNOUNCE);
  await target.execute("migrate-incoming", { uri: `unix:${channel}` });
  await source.execute("migrate-set-parameters", { "downtime-limit": 0, "max-bandwidth": BANDWIDTH });
  const began = Date.now();
  await source.execute("migrate", { uri: `unix:${channel}` });
  const outcome = eventOf(source, began, patience, isOutcome);
  outcome.catch(() => {}); // it is awaited below, if nothing else fails first
  await untilLittleIsLeft(source, patience);
  try {
    await beforeStop?.();
  } catch (error) {
    await source.execute("migrate_cancel");
    if ((await outcome).data.status !== "completed") throw error;
  }
  await source.execute("stop");
  const { status } = (await outcome).data;
  if (status !== "completed") {
    await source.execute("cont");
    throw new LabError(
      `the migration ${status}: ${(await progressOf(source))["error-desc"] ?? "QEMU gives no reason"}`,
    );
  }
  await eventOf(target, began, patience, isOutcome);
  await target.execute("cont");
  const { at: resumed } = await eventOf(target, began, patience, ({ name }) => name === "RESUME");
  const { at: stopped } = source.events.findLast(({ name }) => name === "STOP")!;
  const { ram } = await progressOf(source);
  return { began, stopped, resumed, pause: resumed - stopped, transferred: ram?.transferred ?? 0 };
}

interface Progress {
  readonly status?: string;
  readonly ram?: { readonly remaining: number; readonly transferred: number };
  readonly "error-desc"?: string;
}

const progressOf = (source: Qmp): Promise<Progress> => source.execute<Progress>("query-migrate");

const isOutcome = ({ name, data }: QmpEvent): boolean =>
  name === "MIGRATION" && ["completed", "failed", "cancelled"].includes(`${data.status}`);

/** Also when all is over already: it was faster than we looked, or has failed. Takes a fraction of a second, so looks all the time. */
async function untilLittleIsLeft(source: Qmp, patience: number): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < patience) {
    const { status, ram } = await progressOf(source);
    if (status !== "active" && status !== "setup") return;
    if (ram !== undefined && ram.remaining < LITTLE) return;
  }
}

/** The first event since `since` that is meant, now or to come. */
function eventOf(qmp: Qmp, since: number, patience: number, isMeant: (event: QmpEvent) => boolean): Promise<QmpEvent> {
  const found = qmp.events.find((event) => event.at >= since && isMeant(event));
  if (found !== undefined) return Promise.resolve(found);
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      forget();
    };
    const forget = qmp.onEvent((event) => {
      if (!isMeant(event)) return;
      end();
      resolve(event);
    });
    const timer = setTimeout(() => {
      end();
      reject(new LabError(`the migration is not over after ${patience / 1000} s`));
    }, patience);
  });
}
