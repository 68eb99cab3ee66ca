/** Ethernet segments as text for a person. */
import { columns } from "#cli/columns";
import type { GroupsText, SegmentHereView, SegmentsView, SegmentView } from "#router/broadcast/views";
import type { PeerView } from "#router/mobility/views";

export function segmentsText({ segments, uplinks, routes, counters }: SegmentsView): string {
  const parts = segments.map(segmentText);
  if (routes.length > 0)
    parts.push(
      columns(
        ["SOURCE", "GROUP", "FROM", "TO"],
        routes.map(({ source, group, from, to }) => [source, group, from, to.join(" ")]),
        ["left", "left", "left", "left"],
      ),
    );
  parts.push(
    columns(
      ["UPLINK", "MULTICAST ROUTER", "ASKED FOR"],
      uplinks.map(({ uplink, isRouted, asked }) => [uplink, isRouted ? "yes" : "no", `${asked}`]),
      ["left", "left", "right"],
    ),
  );
  if (counters.length > 0)
    parts.push(
      columns(
        ["COUNTER", "COUNT"],
        counters.map(({ name, count }) => [name, `${count}`]),
        ["left", "right"],
      ),
    );
  return parts.join("\n\n");
}

function segmentText({ network, prefix, here, registered }: SegmentView): string {
  const lines = [`segment ${prefix} of ${network ?? "no known network"}`];
  if (here !== null) lines.push(...hereLines(here));
  if (registered !== null) {
    const known = registered.map(
      (member) => `${nameOf(member)}${member.untold === 0 ? "" : ` (${member.untold} untold)`}`,
    );
    lines.push(`  rendezvous of ${known.length === 0 ? "nobody" : known.join(", ")}`);
  }
  return lines.join("\n");
}

function hereLines({ vms, members, rendezvous, replication }: SegmentHereView): string[] {
  const rows = [
    ...vms.map(({ vm, address, state, groups }) => [vm, address, state, groupsText(groups)]),
    ...members.map((member) => [nameOf(member), member.address, "elsewhere", groupsText(member.groups)]),
  ];
  const registered = rendezvous.map((one) => {
    const status = one.status === null ? "" : `, status ${one.status}`;
    return `${nameOf(one)} (${one.state}${status})`;
  });
  const { now, configured, group, listens } = replication;
  const table = columns(["MEMBER", "ADDRESS", "STATE", "GROUPS"], rows, ["left", "left", "left", "left"]);
  return [
    ...table.split("\n").map((line) => `  ${line}`),
    `  registered at ${registered.length === 0 ? "nobody" : registered.join(", ")}`,
    `  frames go by ${now} (${configured}), group ${group}${listens ? ", which is listened to" : ""}`,
  ];
}

const nameOf = ({ hypervisor, address }: PeerView): string => hypervisor ?? address;

const groupsText = (groups: GroupsText): string =>
  groups === "all" ? "all" : groups.length === 0 ? "-" : groups.join(" ");
