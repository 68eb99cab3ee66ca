/** What a router's log tells of, by names that stay: what programs that read it go by. */

export const LOG_EVENTS = {
  started: "the router runs",
  stopping: "it was told to stop, or cannot go on",
  fatal: "a forwarder died: the router ends",
  defect: "a defect of this program; please report it",
  change: "a reload applied this change",
  "port-up": "a port was opened",
  "port-down": "a port cannot be opened, or was lost",
  "port-carrier": "a port's carrier came or went",
  "outside-next-hop": "a gateway's next hop to the outside answers, or does not",
  "table-full": "packets are dropped because a table has no room",
  "rule-decision": "a rule with `log: true` decided about a flow",
  "nat-block": "ports of a NAT address were given to a VM, or taken back",
  "nat-log-lost": "more of these than could be told",
  vm: "a VM was attached, moved, or has left",
  "vm-trouble": "something about a VM is not as it should be",
  ospf: "OSPF: neighbors, LSAs, restarts",
  "ospf-defect": "OSPF failed and begins anew",
  bfd: "a BFD session is up or down",
  "bfd-thread": "the BFD thread",
  mobility: "mobility: full tables, releases",
  "mobility-defect": "mobility failed and begins anew",
  recording: "a recording begins, ends, or cannot be made",
  metadata: "the metadata service",
  "flow-log": "the flow log begins, ends, or cannot be written",
  metrics: "metrics are served, or cannot be",
} as const;

export type LogEvent = keyof typeof LOG_EVENTS;
