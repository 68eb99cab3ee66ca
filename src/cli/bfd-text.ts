/** BFD's sessions as text for a person. */
import { columns } from "#cli/columns";
import type { BfdSessionView, BfdStatusView } from "#router/bfd/bfd-view";

export function bfdText(status: BfdStatusView): string {
  const rows = status.sessions.map((s) => [
    s.interface,
    s.remote,
    s.state,
    s.remoteState,
    millis(s.transmitInterval),
    millis(s.detectionTime),
    s.upFor === null ? "-" : `${Math.floor(s.upFor / 1000)}s`,
    `${s.flaps}`,
    `${s.packetsReceived}`,
    millis(s.longestSilence),
    whyOf(s),
  ]);
  const heading = ["INTERFACE", "NEIGHBOR", "STATE", "THERE", "SENT EVERY", "LOST AFTER", "UP FOR", "FLAPS"];
  const more = ["RECEIVED", "LONGEST SILENCE", "WHY"];
  const numbers = Array.from({ length: 6 }, () => "right" as const);
  const sides = ["left", "left", "left", "left", ...numbers, "left"] as const;
  const refused = Object.entries(status.refused ?? {}).map(([reason, packets]) => `refused ${packets}: ${reason}`);
  return [columns([...heading, ...more], rows, sides), ...refused].join("\n");
}

/** Of a session that is down: ours, or the neighbor's reason. */
function whyOf({ state, diagnostic, remoteDiagnostic }: BfdSessionView): string {
  if (state === "Up") return "";
  return [diagnostic, remoteDiagnostic].filter((text) => !/^no diagnostic/i.test(text)).join("; there: ");
}

const millis = (value: number | null): string => (value === null ? "-" : `${Math.round(value)}ms`);
