/** Every metric that a router tells: what `GET /metrics` answers and docs/metrics.md describes. */
import { counted, ofForwarder, ofPort, usage, value } from "#router/metrics/family-kinds";
import type { MetricsInput } from "#router/metrics/input";
import type { Family } from "#router/metrics/model";

export interface FamilyGroup {
  readonly title: string;
  readonly families: readonly Family<MetricsInput>[];
}

const ROUTER: FamilyGroup = {
  title: "Router and process",
  families: [
    {
      ...{ name: "ain_build_info", type: "gauge", labels: ["node", "role", "fabric", "version"] },
      help: "1; the labels say which router this is.",
      samples: ({ node }) => [{ labels: [node.name, node.role, node.fabric, node.version], value: 1 }],
    },
    value(
      { name: "ain_start_time_seconds", help: "When the router started, Unix time." },
      "gauge",
      ({ startedAt }) => startedAt,
    ),
    {
      ...{ name: "ain_cpu_seconds_total", type: "counter", labels: ["mode"] },
      help: "Processor time of all threads.",
      samples: ({ process }) => [
        { labels: ["user"], value: process.cpuUser },
        { labels: ["system"], value: process.cpuSystem },
      ],
    },
    value(
      { name: "ain_memory_resident_bytes", help: "Memory of the process in use." },
      "gauge",
      ({ process }) => process.resident,
    ),
    value({ name: "ain_heap_bytes", help: "The control thread's heap." }, "gauge", ({ process }) => process.heap),
    value(
      { name: "ain_heap_external_bytes", help: "Memory outside the control thread's heap that objects in it hold." },
      "gauge",
      ({ process }) => process.external,
    ),
    {
      ...{ name: "ain_event_loop_lag_seconds", type: "histogram", labels: [] },
      help: "How late a timer of the control thread was, every 20 ms. Garbage collections show here.",
      samples: ({ eventLoopLag }) => [eventLoopLag],
    },
    counted(
      { name: "ain_log_lines_total", label: "level", help: "Lines logged, by level." },
      "counter",
      ({ log }) => log.lines,
    ),
    value(
      { name: "ain_log_lines_held_back_total", help: "Lines not logged because such lines came too often." },
      "counter",
      ({ log }) => log.heldBack,
    ),
    value(
      { name: "ain_scrape_gather_seconds", help: "How long it took to gather these figures." },
      "gauge",
      ({ gathering }) => gathering,
    ),
  ],
};

const PORTS: FamilyGroup = {
  title: "Ports",
  families: [
    ofPort({ name: "ain_port_up", help: "1 while the port works and has a carrier." }, "gauge", (p) => Number(p.isUp)),
    ofPort(
      { name: "ain_port_receive_frames_total", help: "Frames that came in. A super-packet is one." },
      "counter",
      (p) => p.receiveFrames,
    ),
    ofPort(
      { name: "ain_port_receive_bytes_total", help: "Octets that came in, Ethernet headers included." },
      "counter",
      (p) => p.receiveOctets,
    ),
    ofPort(
      { name: "ain_port_transmit_frames_total", help: "Frames sent. A super-packet is one." },
      "counter",
      (p) => p.transmitFrames,
    ),
    ofPort(
      { name: "ain_port_transmit_bytes_total", help: "Octets sent, Ethernet headers included." },
      "counter",
      (p) => p.transmitOctets,
    ),
    ofPort(
      { name: "ain_port_icmp_errors_sent_total", help: "ICMP errors sent about frames that came in." },
      "counter",
      (p) => p.errorsSent,
    ),
    ofPort(
      { name: "ain_port_icmp_errors_limited_total", help: "ICMP errors owed but kept back by the port's budget." },
      "counter",
      (p) => p.errorsLimited,
    ),
  ],
};

const FORWARDING: FamilyGroup = {
  title: "Forwarding",
  families: [
    {
      ...{ name: "ain_frames_total", type: "counter", labels: ["ending", "fate"] },
      help: "How frames ended that were not dropped. What waited at the control thread counts again when it goes on.",
      samples: ({ endings }) => endings.map(({ ending, fate, frames }) => ({ labels: [ending, fate], value: frames })),
    },
    {
      ...{ name: "ain_drops_total", type: "counter", labels: ["reason", "port", "tenant"] },
      help: "Frames dropped. An empty tenant is unknown. Ports with an index of 256 and more are told as one, other.",
      samples: ({ drops }) =>
        drops.map(({ reason, port, tenant, frames }) => ({ labels: [reason, port, tenant], value: frames })),
    },
    ofForwarder(
      { name: "ain_forwarder_busy_seconds_total", help: "Time that the thread was awake. Its rate is the busy share." },
      (f) => f.busy,
    ),
    ofForwarder({ name: "ain_forwarder_turns_total", help: "Turns of the forwarder's loop." }, (f) => f.turns),
    ofForwarder({ name: "ain_forwarder_sleeps_total", help: "Times that it went to sleep." }, (f) => f.sleeps),
    ofForwarder({ name: "ain_flow_cache_hits_total", help: "Packets whose flow was known." }, (f) => f.cacheHits),
    ofForwarder({ name: "ain_flow_cache_misses_total", help: "Packets whose flow was not." }, (f) => f.cacheMisses),
    {
      ...{ name: "ain_vm_packets_total", type: "counter", labels: ["way"] },
      help: "Packets to VMs by their way: native, tunnelled, relayed by the home, forwarded by a former host, local.",
      samples: ({ ways }) => ways.map(({ way, packets }) => ({ labels: [way], value: packets })),
    },
    counted(
      { name: "ain_neighbors", label: "state", help: "Next hops and VMs, by what is known of their MAC address." },
      "gauge",
      ({ neighbors }) => neighbors,
    ),
    counted({ name: "ain_vms", label: "state", help: "VMs of this router, by state." }, "gauge", ({ vms }) => vms),
    ...usage({ name: "ain_connections", help: "Connections of stateful rules" }, ({ connections }) => connections),
    {
      ...{ name: "ain_rule_decisions_total", type: "counter", labels: ["side", "rule"] },
      help: "Flows that a rule decided about, and packets that belong to none that is remembered. At most 500 rules.",
      samples: ({ rules }) => rules.map(({ side, rule, hits }) => ({ labels: [side, rule], value: hits })),
    },
    ...usage({ name: "ain_nat_sessions", help: "NAT sessions" }, ({ nat }) => nat),
    value(
      { name: "ain_nat_blocks", help: "Port blocks that are somebody's, or rest." },
      "gauge",
      ({ nat }) => nat?.blocks,
    ),
    counted(
      { name: "ain_flow_log_records_total", label: "event", help: "Records written to the flow log, by event." },
      "counter",
      ({ flowLog }) => flowLog.records,
    ),
    value(
      { name: "ain_flow_log_records_lost_total", help: "Records that the flow log had no room, or no disk, for." },
      "counter",
      ({ flowLog }) => flowLog.lost,
    ),
  ],
};

const ROUTING: FamilyGroup = {
  title: "Routing",
  families: [
    counted(
      { name: "ain_ospf_neighbors", label: "state", help: "OSPF neighbors, by state." },
      "gauge",
      ({ ospf }) => ospf?.neighbors,
    ),
    value(
      { name: "ain_ospf_interfaces_up", help: "Interfaces that OSPF is up on." },
      "gauge",
      ({ ospf }) => ospf?.interfacesUp,
    ),
    ...usage({ name: "ain_ospf_lsas", help: "LSAs in the databases" }, ({ ospf }) => ospf?.lsas),
    value({ name: "ain_ospf_routes", help: "Routes that OSPF has computed." }, "gauge", ({ ospf }) => ospf?.routes),
    value(
      { name: "ain_ospf_routes_waiting", help: "Routes that wait for their turn to be installed." },
      "gauge",
      ({ ospf }) => ospf?.waiting,
    ),
    value(
      { name: "ain_ospf_routes_without_room", help: "Routes that found no room in the forwarding table." },
      "gauge",
      ({ ospf }) => ospf?.withoutRoom,
    ),
    {
      ...{ name: "ain_ospf_spf_seconds", type: "histogram", labels: ["kind"] },
      help: "Duration of route computations: full, or of prefixes only.",
      samples: ({ ospf }) => ospf?.spf ?? [],
    },
    counted(
      { name: "ain_bfd_sessions", label: "state", help: "BFD sessions, by state." },
      "gauge",
      ({ bfd }) => bfd?.sessions,
    ),
    counted(
      { name: "ain_bfd_session_events", label: "event", help: "Of the sessions that there are now: flaps, packets." },
      "gauge",
      ({ bfd }) => bfd?.events,
    ),
    value({ name: "ain_bfd_refused_total", help: "BFD packets refused." }, "counter", ({ bfd }) => bfd?.refused),
    value(
      { name: "ain_bfd_longest_delay_seconds", help: "How late the BFD thread ever was for a deadline of its own." },
      "gauge",
      ({ bfd }) => bfd?.longestDelay,
    ),
  ],
};

const MOBILITY: FamilyGroup = {
  title: "Mobility",
  families: [
    counted(
      {
        ...{ name: "ain_mobility_bindings", label: "role" },
        help: "What is known of VMs away from home, by this router's role.",
      },
      "gauge",
      ({ mobility }) => mobility?.bindings,
    ),
    ...usage({ name: "ain_binding_table", help: "Entries of the binding table" }, ({ mobility }) => mobility?.table),
    value(
      { name: "ain_mobility_peers", help: "Hypervisors that bindings are held with." },
      "gauge",
      ({ mobility }) => mobility?.peers,
    ),
    value(
      { name: "ain_mobility_peers_answering", help: "Of these, those that answer their heartbeats." },
      "gauge",
      ({ mobility }) => mobility?.answeringPeers,
    ),
    value({ name: "ain_tunnels", help: "Tunnels to other hypervisors." }, "gauge", ({ mobility }) => mobility?.tunnels),
    value(
      { name: "ain_tunnels_transmit_packets", help: "Packets sent into the tunnels that there are now." },
      "gauge",
      ({ mobility }) => mobility?.tunnelPackets,
    ),
    value(
      { name: "ain_tunnels_transmit_bytes", help: "Octets of them, without the tunnels' headers." },
      "gauge",
      ({ mobility }) => mobility?.tunnelOctets,
    ),
    counted(
      {
        ...{ name: "ain_mobility_events_total", label: "event" },
        help: "Messages sent and received, by kind, and refusals, by reason.",
      },
      "counter",
      ({ mobility }) => mobility?.events,
    ),
    counted(
      {
        name: "ain_flights",
        label: "outcome",
        help: "Of the last moves of VMs, at most 100, those with this outcome.",
      },
      "gauge",
      ({ mobility }) => mobility?.flights,
    ),
  ],
};

export const FAMILY_GROUPS: readonly FamilyGroup[] = [ROUTER, PORTS, FORWARDING, ROUTING, MOBILITY];

export const FAMILIES: readonly Family<MetricsInput>[] = FAMILY_GROUPS.flatMap(({ families }) => families);
