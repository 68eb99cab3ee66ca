/**
 * What commands print with `--json`, by the words that lead to them. schema/json.schema.json and docs/json.md are made from
 * this by `bin/bun src/cli/reference/write.ts`: what is said of a type or field here and in the types named is said there.
 *
 * They are stable: a field keeps its name, type and unit; new ones may come, and new values of a text that tells a state.
 */
import type { Explanation } from "#cli/commands/home";
import type { LabCheckJson } from "#cli/commands/lab/check";
import type { LabIperfJson } from "#cli/commands/lab/iperf";
import type { ReachJson } from "#cli/commands/verify";
import type { UnaskedRouter } from "#cli/why/fabric-view";
import type { LiveReport } from "#cli/why/live";
import type { Walk } from "#cli/why/walk";
import type { LabStatus } from "#lab/status";
import type { BfdStatusView } from "#router/bfd/bfd-view";
import type { AwayAddress } from "#router/config/vm-homes";
import type { FlightReport, MoveReport } from "#router/mobility/views";
import type { ReplayViews } from "#router/ospf/replay-views";
import type { OspfLsasView, OspfViews } from "#router/ospf/views";
import type { Views } from "#router/views";
import type { RegisteredVmView, VmDetailView } from "#router/vms/views";
import type { TracedPacket } from "#router/watch/views";
import type { PacketQuestion } from "#router/why/views";
import type { ConfigError } from "#runtime/document/config-error";

export type JsonOutputs = CommandOutputs & ShowOutputs & OspfOutputs;

type ShowOutputs = { readonly [View in keyof Views as `show ${View}`]: Views[View] };
type OspfOutputs = { readonly [View in keyof OspfViews as `show ospf ${View}`]: OspfViews[View] };

interface CommandOutputs {
  /** Addresses, as text. */
  readonly alloc: readonly string[];
  readonly check: CheckJson;
  readonly home: readonly Explanation[];
  readonly "lab check": LabCheckJson;
  /** A row a way. */
  readonly "lab iperf": readonly LabIperfJson[];
  readonly "lab list": readonly LabJson[];
  readonly "lab status": readonly LabStatus[];
  /** Both sides of the move in one. */
  readonly move: MoveReport;
  readonly "ospf replay": ReplayJson;
  readonly "show bfd": BfdStatusView;
  /** With a VM's name. */
  readonly "show flights VM": FlightReport;
  /** With a kind of LSA. */
  readonly "show ospf database KIND": OspfLsasView;
  /** A packet; such documents follow one another, one a line. */
  readonly trace: TracedPacket;
  readonly verify: readonly ReachJson[];
  readonly "vm activate": VmJson;
  readonly "vm attach": VmJson;
  readonly "vm hold": VmJson;
  readonly "vm list": readonly RegisteredVmView[];
  readonly "vm prepare": VmJson;
  readonly "vm resume": VmJson;
  readonly "vm show": VmJson;
  readonly why: WhyJson;
}

/** A packet's way through the fabric, as its routers predict it. */
export interface WhyJson extends Walk {
  readonly question: PacketQuestion;
  /** What is odd about the question; null: nothing. */
  readonly note: string | null;
  /** Routers that gave no answer. */
  readonly unasked: readonly UnaskedRouter[];
  /** With --live: what became of a packet that was sent. */
  readonly live?: LiveReport;
}

/** Whether configuration files are right. */
export interface CheckJson {
  /** True: no file has an error. */
  readonly ok: boolean;
  readonly files: readonly CheckedJson[];
}

export interface CheckedJson {
  /** As it was named. */
  readonly file: string;
  /** Absent: it could not be read, or looks like neither. */
  readonly kind?: "fabric" | "node";
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
  /** What a right file describes, in a few words. */
  readonly summary?: string;
  /** Of a right node's VMs, what is at home elsewhere. No fault: packets take a tunnel. */
  readonly away?: readonly AwayAddress[];
}

export interface LabJson {
  readonly name: string;
  /** How many it has. */
  readonly nodes: number;
  /** Absolute path of its topology file. */
  readonly file: string;
}

/** All views of OSPF as they are at the end of a recording. */
export interface ReplayJson extends ReplayViews {
  /** What is odd about the recording. */
  readonly notes: readonly string[];
  /** Why the core failed again; null: it did not. */
  readonly failure: string | null;
}

/** A VM as its router knows it. */
export interface VmJson extends Omit<VmDetailView, "definition"> {
  /** What `ain vm attach` and `prepare` take: an element of `vms` as schema/node.schema.json has it. */
  readonly definition: Readonly<Record<string, unknown>>;
}
