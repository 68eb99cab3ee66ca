/** Mobility's views as text for a person. */
import { columns } from "#cli/columns";
import type { BindingsView, MobilityView, PeerView, TunnelsView } from "#router/mobility/views";

export function bindingsText({ bindings, size, room }: BindingsView): string {
  const rows = bindings.map((b) => [
    ...[b.network ?? "-", b.address, b.role, b.peer === null ? "-" : peerName(b.peer), b.state],
    ...[seconds(b.lifetime), `${b.packets}`, `${b.octets}`, seconds(b.idle)],
  ]);
  return [
    columns(["NETWORK", "ADDRESS", "ROLE", "WITH", "STATE", "LIFETIME", "PACKETS", "OCTETS", "IDLE"], rows, [
      "left",
      "left",
      "left",
      "left",
      "left",
      "right",
      "right",
      "right",
      "right",
    ]),
    `${size} of ${room} entries in use`,
  ].join("\n");
}

export function tunnelsText({ tunnels, shares }: TunnelsView): string {
  const rows = tunnels.map((t) => [
    ...[peerName(t.end), t.end.address, t.mtu === null ? "-" : `${t.mtu}`, `${t.packets}`, `${t.octets}`],
    ...[`${t.users}`, `${t.tooBig}`, `${t.unreachable}`],
  ]);
  const { native, direct, relayed, hairpin } = shares;
  const all = native + direct + relayed + hairpin;
  return [
    columns(["TO", "ADDRESS", "MTU", "PACKETS", "OCTETS", "USERS", "TOO BIG", "UNREACHABLE"], rows, [
      "left",
      "left",
      "right",
      "right",
      "right",
      "right",
      "right",
      "right",
    ]),
    "",
    `packets to VMs: ${share(native, all)} native, ${share(direct, all)} direct by tunnel, ${share(relayed, all)} relayed for others, ${share(hairpin, all)} between VMs here`,
  ].join("\n");
}

export function mobilityText(m: MobilityView): string {
  const { home, attached, correspondent, former } = m.bindings;
  const peers = m.peers.map((p) => [
    ...[peerName(p), p.address, `${p.bindings}`, p.heard === null ? "never" : `${seconds(p.heard)} ago`],
    ...[p.restarts === null ? "-" : `${p.restarts}`, p.answers ? "answers" : "silent"],
  ]);
  return [
    `${m.address}, restart counter ${m.restarts}, ${m.sendKey === null ? "messages are not signed" : `signed with key ${m.sendKey}, keys ${m.keys.join(" ")} are accepted`}`,
    `bindings: ${home} as home, ${attached} of VMs here, ${correspondent} as correspondent, ${former} of VMs that have left`,
    "",
    columns(["PEER", "ADDRESS", "BINDINGS", "HEARD", "RESTARTS", "HEARTBEAT"], peers, [
      "left",
      "left",
      "right",
      "right",
      "right",
      "left",
    ]),
    "",
    columns(
      ["COUNTER", "COUNT"],
      m.counters.map(({ name, count }) => [name, `${count}`]),
      ["left", "right"],
    ),
  ].join("\n");
}

const peerName = ({ hypervisor, address }: PeerView): string => hypervisor ?? address;

const seconds = (value: number | null): string =>
  value === null ? "-" : value < 10 ? `${value.toFixed(1)}s` : `${Math.round(value)}s`;

const share = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "0 %");
