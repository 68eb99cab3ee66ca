/** How much the kernel's scheduler thinks of a thread: for the one that must not be late. */
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";

const SCHED_OTHER = 0;
const SCHED_RR = 2;
/** Threads that this one starts (the runtime's compiler and collector) are ordinary again. */
const SCHED_RESET_ON_FORK = 0x4000_0000;
const PRIO_PROCESS = 0;
/** Low among the real-time priorities 1 … 99: before every ordinary thread, behind the kernel's own urgent ones. */
const REALTIME_PRIORITY = 10;
const NICE = -10;

/** struct sched_param: the priority. */
const parameter = pinned(4);

/** Best first. */
export type Scheduling = "real-time" | "preferred" | "ordinary";

/**
 * Puts the calling thread before others, as far as the kernel permits (CAP_SYS_NICE, RLIMIT_RTPRIO, RLIMIT_NICE):
 * "real-time" runs whenever it wants to, "preferred" gets a greater share. A real-time thread that never sleeps takes a
 * processor away from all others: it must bound its own work.
 * @param most the best to ask for.
 * @returns what the thread has become.
 */
export function raiseThread(most: Scheduling = "real-time"): Scheduling {
  parameter.words[0] = REALTIME_PRIORITY;
  if (most === "real-time" && libc.sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, parameter.address) === 0)
    return "real-time";
  parameter.words[0] = 0;
  libc.sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, parameter.address); // always permitted
  if (most !== "ordinary" && libc.setpriority(PRIO_PROCESS, 0, NICE) === 0) return "preferred"; // 0: this thread alone
  return "ordinary";
}
