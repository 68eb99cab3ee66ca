/** Views of the routers of a Clos fabric that nobody runs: pods of access and aggregation switches, an area each, and a core. */

export interface Clos {
  readonly pods: number;
  /** In each pod; access and aggregation switches are two each. */
  readonly hypervisors: number;
  readonly vms: number;
}

type Views = Record<string, unknown>;

interface Port {
  readonly peer: string;
  readonly area: string;
}

interface Member {
  readonly name: string;
  readonly role: "switch" | "hypervisor";
  readonly number: number;
  readonly ports: readonly Port[];
}

const TENANTS = ["blue", "red", "green", "acme", "umbrella"];

/** Router → path behind `/v1/` → what it answers. */
export function closViews(clos: Clos): Map<string, Views> {
  const members = membersOf(clos);
  const byName = new Map(members.map((member) => [member.name, member]));
  return new Map(members.map((member) => [member.name, viewsOf(member, byName, clos)]));
}

function membersOf({ pods, hypervisors }: Clos): Member[] {
  const ports = new Map<string, Port[]>();
  const join = (a: string, b: string, area: string): void => {
    ports.set(a, [...(ports.get(a) ?? []), { peer: b, area }]);
    ports.set(b, [...(ports.get(b) ?? []), { peer: a, area }]);
  };
  for (let pod = 1; pod <= pods; pod++) {
    const area = `0.0.0.${pod}`;
    for (const side of ["a", "b"]) {
      for (const core of ["core1", "core2"]) join(core, `agg${pod}${side}`, "0.0.0.0");
      for (const other of ["a", "b"]) join(`agg${pod}${side}`, `acc${pod}${other}`, area);
      for (let i = 1; i <= hypervisors; i++) join(`acc${pod}${side}`, `hv${pod}-${i}`, area);
    }
  }
  return [...ports].map(([name, own], number) => ({
    ...{ name, number: number + 1, ports: own, role: name.startsWith("hv") ? "hypervisor" : "switch" },
  }));
}

const routerId = ({ number }: Member): string => `10.0.${number >> 8}.${number & 255}`;

/** Two may be joined twice nowhere here: the first port to a peer is the only one. */
const portTo = ({ ports }: Member, peer: string): number => ports.findIndex((port) => port.peer === peer) + 1;

function viewsOf(member: Member, byName: ReadonlyMap<string, Member>, clos: Clos): Views {
  const { name, role, number, ports } = member;
  const areas = [...new Set(ports.map(({ area }) => area))].sort();
  const isBorder = areas.length > 1;
  return {
    "show/status": () => ({
      ...{ name, role, address: `2001:db8:${number.toString(16)}::1`, version: "0.1.0" },
      ...{ uptime: performance.now() / 1000, forwarders: [{ busy: 1000 }] },
    }),
    "show/vms": role === "hypervisor" ? vmsOf(member, clos) : [],
    "show/flights": { flights: [] },
    "show/ports": ports.map((_, i) => ({
      ...{ name: `eth${i + 1}`, kind: "uplink", state: "up", mtu: 9500, mac: null, rxOctets: 0, txOctets: 0 },
    })),
    "show/ospf/status": { routerId: routerId(member), areas, isBorder },
    "show/ospf/neighbors": {
      neighbors: ports.map(({ peer, area }, i) => {
        const other = byName.get(peer)!;
        return {
          ...{ routerId: routerId(other), interface: `eth${i + 1}`, address: `fe80::${other.number}`, area },
          ...{ state: "Full", interfaceId: portTo(other, name), trouble: "" },
        };
      }),
    },
    "show/ospf/interfaces": ports.map(({ area }, i) => ({
      ...{ interface: `eth${i + 1}`, area, kind: "point-to-point", state: "PointToPoint", cost: 10 },
      ...{ interfaceId: i + 1, linkLocal: `fe80::${number}`, passive: false },
    })),
    "show/ospf/areas": areas.map((area) => ({
      ...{ area, kind: area === "0.0.0.0" ? "normal" : "stub", summaries: true, borderRouters: [], checksum: 1 },
    })),
    "show/ospf/database/router": [],
    "show/bfd": { sessions: [] },
    "show/neighbors": [],
    "show/homes": [],
    "show/tunnels": { tunnels: [], shares: { native: 0, direct: 0, relayed: 0, hairpin: 0 } },
    "show/drops": { reasons: [] },
  };
}

function vmsOf({ number }: Member, { vms }: Clos): unknown[] {
  return Array.from({ length: vms }, (_, i) => {
    const tenant = TENANTS[(number + i) % TENANTS.length]!;
    return {
      ...{ name: `vm${number}-${i}`, network: `${tenant}/prod`, address: `10.${number >> 8}.${number & 255}.${i + 1}` },
      ...{ networkAddress: null, ipv6: [], port: `vm${i}`, state: "up", mac: null },
    };
  });
}
