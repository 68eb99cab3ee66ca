/** A VM's move between two running routers, step by step, by their APIs; any other program may do the same. */
import { spawnSync } from "node:child_process";
import { ClientError, call, Refusal } from "#cli/client";
import { Failure } from "#cli/failure";
import type { FlightReport } from "#router/mobility/views";
import type { RegisteredVmView, VmDetailView } from "#router/vms/views";
import { isMapping } from "#runtime/document/inspector";

/** Who moves, and between whom. */
export interface Move {
  readonly vm: string;
  /** API sockets. */
  readonly from: string;
  readonly to: string;
}

/** Milliseconds between looks at what has become of something. */
const LOOK = 5;

const pathOf = ({ vm }: Move): string => `vm/${encodeURIComponent(vm)}`;

/** The VM as a router knows it; undefined: it does not. */
async function known(socket: string, move: Move): Promise<VmDetailView | undefined> {
  try {
    return (await call(socket, "GET", pathOf(move))) as VmDetailView;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  }
}

/** Of a VM at the router that has it. */
export interface Known {
  /** What the target is to be told: as it knew the VM when that was there before, else as the source does. */
  readonly definition: unknown;
  /** Null: the source has none. */
  readonly claim: number | null;
}

export async function knownFor(move: Move): Promise<Known> {
  const here = await known(move.from, move);
  if (here === undefined) throw new Failure(`no VM is called ${move.vm} at ${move.from}`);
  if (here.state !== "active")
    throw new Failure(`VM ${move.vm}: found it ${here.state} at ${move.from}, expected it active`);
  const there = await known(move.to, move);
  const definition = there?.state === "away" ? { ...here.definition, ...wireOf(there.definition) } : here.definition;
  return { definition, claim: here.claim };
}

const wireOf = ({ tap, interface: name, capture }: VmDetailView["definition"]) => ({
  ...{ tap, interface: name, capture },
});

/** With another interface, where one is given. */
export function rewired(definition: unknown, wire: { readonly interface?: string; readonly tap?: string }): unknown {
  if (!isMapping(definition) || (wire.interface === undefined && wire.tap === undefined)) return definition;
  const { tap: _, interface: __, ...rest } = definition;
  return wire.tap === undefined ? { ...rest, interface: wire.interface } : { ...rest, tap: wire.tap };
}

export interface Steps {
  /** What the target is to know the VM as. */
  readonly definition: unknown;
  /** Since when the source has it; null: not known. */
  readonly claim: number | null;
  /** False: the hook holds the VM itself. */
  readonly hold: boolean;
  /** Moves the VM; a command for sh, or what this process does itself. */
  readonly hook: string | (() => Promise<void>) | undefined;
}

/** Until the VM is active at the target. Throws having undone what was done. */
export async function carryOver(move: Move, { definition, claim, hold, hook }: Steps): Promise<void> {
  await call(move.to, "POST", claim === null ? "vm/prepare" : `vm/prepare?after=${claim}`, definition);
  try {
    if (hold) await call(move.from, "POST", `${pathOf(move)}/hold`);
    await carryConnections(move);
    if (typeof hook === "string") runHook(hook, move);
    else await hook?.();
    await carryConnections(move); // those that began meanwhile
    await activate(move);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`${reason}\n${await undo(move)}`);
  }
}

function runHook(command: string, { vm, from, to }: Move): void {
  const env = { ...process.env, AIN_VM: vm, AIN_FROM: from, AIN_TO: to };
  // Standard output is the report's.
  const { status, signal, error } = spawnSync("sh", ["-c", command], {
    env,
    stdio: ["inherit", process.stderr, "inherit"],
  });
  if (status !== 0) throw new Failure(`the hook ended with ${error?.message ?? signal ?? `status ${status}`}`);
}

/** The source may have let it go already. */
async function carryConnections(move: Move): Promise<void> {
  const path = `${pathOf(move)}/connections`;
  try {
    await call(move.to, "POST", path, await call(move.from, "GET", path));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

/** Its first frame may have done it. */
async function activate(move: Move): Promise<void> {
  try {
    await call(move.to, "POST", `${pathOf(move)}/activate`);
  } catch (error) {
    if (!(error instanceof Refusal) || (await known(move.to, move))?.state !== "active") throw error;
  }
}

/** Says what it did. */
async function undo(move: Move): Promise<string> {
  const attempt = async (socket: string, verb: "resume" | "detach", done: string): Promise<string[]> => {
    try {
      await call(socket, "POST", `${pathOf(move)}/${verb}`);
      return [done];
    } catch (error) {
      if (error instanceof Refusal) return []; // there was nothing to undo
      if (error instanceof ClientError) return [`could not ${verb}: ${error.message}`];
      throw error;
    }
  };
  // The hook may have led packets astray by now; the source is where they are to be found.
  const said = [
    ...(await attempt(move.from, "resume", `resumed at ${move.from}`)),
    ...(await attempt(move.to, "detach", `detached at ${move.to}`)),
  ];
  return `VM ${move.vm} stays: ${said.join(", ") || "nothing was to be undone"}`;
}

/** Resolves when the source has let the VM go. Throws Failure after `timeout` milliseconds. */
export async function released(move: Move, timeout: number): Promise<void> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const state: RegisteredVmView["state"] | undefined = (await known(move.from, move))?.state;
    if (state === undefined || state === "away") return;
    if (performance.now() > deadline)
      throw new Failure(
        `VM ${move.vm} is active at ${move.to}, and still ${state} at ${move.from} after ${timeout} ms: ` +
          "has it not heard of it? (ain show mobility at both)",
      );
    await Bun.sleep(LOOK);
  }
}

/** Both sides' reports, once the flight is over or after `timeout` milliseconds; undefined: one has none. */
export async function flightsOf(move: Move, timeout: number): Promise<[FlightReport, FlightReport] | undefined> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const source = await flight(move.from, move);
    const target = await flight(move.to, move);
    if (source === undefined || target === undefined) return undefined;
    const isOver = source.outcome !== "open" && target.outcome !== "open";
    if (isOver || performance.now() > deadline) return [source, target];
    await Bun.sleep(LOOK);
  }
}

async function flight(socket: string, { vm }: Move): Promise<FlightReport | undefined> {
  try {
    return (await call(socket, "GET", `show/flights/${encodeURIComponent(vm)}`)) as FlightReport;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
