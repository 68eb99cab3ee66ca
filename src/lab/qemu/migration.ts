/** Live migration of a machine from one QEMU to another on the same host, which waits for it with `-incoming defer`. */
import { LabError } from "#lab/lab-error";
import type { Qmp, QmpEvent } from "#lab/qemu/qmp";

export interface MigrationSettings {
  /** Path of the unix socket that the machine's memory goes through. */
  readonly channel: string;
  /** How long QEMU may stop the machine by its own estimate, milliseconds. */
  readonly downtimeLimit?: number;
  /** Milliseconds for all of it. */
  readonly patience?: number;
  /** Called when the machine has stopped at the source; what is sent to it from now on is not heard there. */
  readonly whenStopped?: () => void;
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

/** A machine of 200 MB whose memory few programs change: far below what its last round needs. */
const DOWNTIME_LIMIT = 50; // milliseconds
const PATIENCE = 30_000;
/** Octets a second: the channel is memory, no network that others need as well. */
const BANDWIDTH = 4 * 2 ** 30;
/** The target says where the machine is as soon as it runs, and again a few times, lest the first be lost. */
const ANNOUNCE = { "announce-initial": 5, "announce-max": 100, "announce-rounds": 5, "announce-step": 20 };

/**
 * The machine runs at the target when this resolves, and its source is to be ended. Throws LabError when QEMU gives up:
 * then it runs at the source as before.
 */
export async function migrate(source: Qmp, target: Qmp, settings: MigrationSettings): Promise<Migration> {
  const { channel, downtimeLimit = DOWNTIME_LIMIT, patience = PATIENCE } = settings;
  for (const qmp of [source, target]) {
    await qmp.execute("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
  }
  await target.execute("migrate-set-parameters", ANNOUNCE);
  await target.execute("migrate-incoming", { uri: `unix:${channel}` });
  await source.execute("migrate-set-parameters", { "downtime-limit": downtimeLimit, "max-bandwidth": BANDWIDTH });
  const began = Date.now();
  const forget = source.onEvent(({ name }) => {
    if (name === "STOP") settings.whenStopped?.();
  });
  try {
    await source.execute("migrate", { uri: `unix:${channel}` });
    const outcome = await eventOf(source, began, patience, ({ name, data }) => {
      return name === "MIGRATION" && ["completed", "failed", "cancelled"].includes(`${data.status}`);
    });
    if (outcome.data.status !== "completed")
      throw new LabError(`the migration ${outcome.data.status}: ${await why(source)}`);
    const isResumed = ({ name }: QmpEvent): boolean => name === "RESUME";
    const { at: resumed } = await eventOf(target, began, patience, isResumed);
    const { at: stopped } = source.events.findLast(({ name }) => name === "STOP")!;
    const { ram } = await source.execute<{ ram: { transferred: number } }>("query-migrate");
    return { began, stopped, resumed, pause: resumed - stopped, transferred: ram.transferred };
  } finally {
    forget();
  }
}

async function why(source: Qmp): Promise<string> {
  const { "error-desc": reason } = await source.execute<{ "error-desc"?: string }>("query-migrate");
  return reason ?? "QEMU gives no reason";
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
