import { describe, expect, test } from "bun:test";
import { frrIsInstalled } from "#lab/frr";
import { checkTopology, loadTopology } from "#lab/topology";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource } from "#runtime/document/source";

function check(text: string) {
  const result = parseSource("/labs/t.clab.yml", text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return checkTopology(result.source);
}

function topology(text: string) {
  const result = check(text);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.topology;
}

const errors = (text: string): string[] => {
  const result = check(text);
  return result.ok ? [] : result.errors.map((e) => formatConfigError(e).replace("/labs/t.clab.yml:", ""));
};

/** A topology with these node lines and link lines. */
const lab = (nodes: string, links = ""): string =>
  `name: t\ntopology:\n  defaults: {kind: linux}\n  nodes:\n${nodes}${links && `  links:\n${links}`}`;

describe("a containerlab topology", () => {
  test("makes a namespace of each node and a veth pair of each link, in both notations", () => {
    const { nodes, links, notes } = topology(
      lab(
        "    a:\n    b: {image: alpine}\n",
        `    - endpoints: ["a:eth1", "b:eth1"]
    - type: veth
      mtu: 1500
      endpoints:
        - {node: a, interface: eth2, mac: 02:00:00:00:00:0A}
        - {node: b, interface: eth2}
`,
      ),
    );
    expect(nodes.map((n) => [n.name, n.namespace, n.role.kind])).toEqual([
      ["a", "t-a", "plain"],
      ["b", "t-b", "plain"],
    ]);
    expect(links.map(({ ends, mtu }) => [...ends.map((e) => `${e.node} ${e.interface} ${e.mac?.text}`), mtu])).toEqual([
      ["a eth1 undefined", "b eth1 undefined", 9500],
      ["a eth2 02:00:00:00:00:0a", "b eth2 undefined", 1500],
    ]);
    expect(notes).toEqual([]);
  });

  test("lets nodes inherit from groups, kinds and defaults: lists are joined, the nearest mapping entry wins", () => {
    const text = `name: t
topology:
  defaults: {kind: linux, env: {A: 1, B: 1, C: 1}, exec: [echo defaults], sysctls: {net.ipv4.ip_forward: 1}}
  kinds: {linux: {env: {B: 2, C: 2}, exec: [echo kind, echo defaults], group: g}}
  groups: {g: {env: {C: 3, D: true}, exec: ["echo 'the group'"]}, other: {kind: linux}}
  nodes:
    a: {exec: [echo __clabNodeName__], env: {D: no}}
    b: {group: other}
`;
    const [a, b] = topology(text).nodes;
    expect(a).toMatchObject({
      env: { A: "1", B: "2", C: "3", D: "no" },
      exec: [
        ["echo", "defaults"],
        ["echo", "kind"],
        ["echo", "the group"],
        ["echo", "a"],
      ],
      sysctls: { "net.ipv4.ip_forward": "1" },
    });
    expect(b?.env).toEqual({ A: "1", B: "2", C: "2" });
  });

  test("says what it leaves out, and keeps quiet about images", () => {
    const text = `name: t
prefix: ""
mgmt: {network: x}
topology:
  nodes:
    a: {kind: linux, image: x, ports: ["80:80"], binds: ["/a:/a", "x.conf:/etc/x.conf:ro"]}
    b: {kind: linux, cmd: sleep, labels: {ain-role: vm, ain-address: 10.0.0.2/32, ain-interface: e}, exec: [ip a]}
    c: {kind: linux, labels: {ain-role: vm, ain-address: 10.0.0.3/32, ain-interface: e}, binds: ["x:/y"], exec: [ip a]}
    d: {kind: linux, image: x, network-mode: none, privileged: false, cap-add: [NET_ADMIN], devices: [/dev/net/tun]}
`;
    expect(topology(text).notes).toEqual([
      "mgmt: a lab of namespaces has no management network",
      "prefix: namespaces are always called <lab>-<node>",
      "a: ports: a namespace has no such thing",
      "a: binds are not mounted, a namespace sees the host's files: x.conf:/etc/x.conf:ro",
      "b: cmd: a namespace has no such thing",
      "b, c: exec is left out, the ain labels stand for it",
      "c: binds are left out, the ain labels stand for them",
    ]);
  });

  test("has a group's labels name each node's own", () => {
    const text = `name: t
topology:
  defaults: {kind: linux}
  groups: {vm: {labels: {ain-role: vm, ain-interface: __clabNodeName__, ain-address: 10.0.0.2/32}}}
  nodes: {a: {group: vm}, b: {group: vm}}
`;
    expect(topology(text).nodes.map(({ role }) => role.kind === "vm" && role.interface)).toEqual(["a", "b"]);
  });

  test("makes a VM of a node by its labels", () => {
    const labels =
      "{ain-role: vm, ain-address: 10.0.0.2/32, ain-gateway: 10.0.0.1, ain-mac: 02:00:00:00:00:01, ain-mtu: 1400}";
    const { nodes } = topology(lab(`    a: {labels: ${labels}}\n    b:\n`, `    - endpoints: ["a:eth1", "b:eth1"]\n`));
    expect(nodes[0]?.role).toEqual({
      kind: "vm",
      interface: "eth1",
      address: { text: "10.0.0.2", bytes: Uint8Array.of(10, 0, 0, 2), prefixLength: 32 },
      gateway: { text: "10.0.0.1", bytes: Uint8Array.of(10, 0, 0, 1) },
      mac: { text: "02:00:00:00:00:01", bytes: Uint8Array.of(2, 0, 0, 0, 0, 1) },
      mtu: 1400,
    });
  });
});

describe("a VM that moves", () => {
  const labels = '{ain-role: vm, ain-address: 10.0.0.2/32, ain-moves: "true"}';
  const links = (first: string): string =>
    `    - endpoints: ["a:eth1", "vm:${first}"]\n    - endpoints: ["vm:eth2", "b:eth1"]\n`;

  test("has an interface eth0 and its ends of links as ports of its wire, in the file's order", () => {
    const { nodes, links: made } = topology(lab(`    a:\n    b:\n    vm: {labels: ${labels}}\n`, links("eth1")));
    expect(nodes[2]?.role).toMatchObject({ kind: "vm", interface: "eth0", ports: ["eth1", "eth2"] });
    const moving = made.flatMap(({ ends }) => ends.map((end) => (end.isPort ? `${end.node} moves` : end.node)));
    expect(moving).toEqual(["a", "vm moves", "vm moves", "b"]);
  });

  test("has links, whose ends are not called like what it needs for itself", () => {
    const node = `    a:\n    b:\n    vm: {labels: ${labels}}\n`;
    const found = (first: string) => errors(lab(node, links(first))).map((e) => e.replace(/^.*ain-moves: /, ""));
    const expected = "expected other names for its ends of links than eth0, wire, wire0";
    expect(found("eth0")).toEqual([`found a link at eth0, ${expected}`]);
    expect(found("wire0")).toEqual([`found a link at wire0, ${expected}`]);
    expect(errors(lab(node))).toEqual([expect.stringContaining("found no links, expected links to where it moves")]);
    const maybe = node.replace('"true"', "maybe");
    expect(errors(lab(maybe, links("eth1")))).toEqual([
      expect.stringContaining("found 2 interfaces, expected the label ain-interface"),
      expect.stringContaining('ain-moves: found "maybe", expected "true"'),
    ]);
  });
});

describe("a router's labels", () => {
  const here = import.meta.path; // some file that is there
  const role = (labels: string) => topology(lab(`    a: {labels: {ain-role: router, ${labels}}}\n`)).nodes[0]?.role;

  test("say who plays it; unsaid, FRR does where it is installed and has a file", () => {
    const both = `ain-config: ${here}, ain-frr: ${here}`;
    expect(role(`ain-config: ${here}`)).toEqual({ kind: "router", config: here });
    expect(role(`${both}, ain-router: ain`)).toEqual({ kind: "router", config: here });
    expect(role(`${both}, ain-router: frr`)).toEqual({ kind: "frr", config: here });
    const expected = { kind: frrIsInstalled() ? "frr" : "router", config: here } as const;
    expect(role(both)).toEqual(expected);
    expect(role(`${both}, ain-router: auto`)).toEqual(expected);
  });

  test("may ask for a player only that there is a file for", () => {
    const labels = `{ain-role: router, ain-config: ${here}, ain-router: frr}`;
    expect(errors(lab(`    a: {labels: ${labels}}\n    b: {labels: {ain-role: router, ain-router: bird}}\n`))).toEqual([
      "5:17: topology.nodes.a.labels: found no label ain-frr, expected ain-frr: its frr.conf",
      "6:17: topology.nodes.b.labels: found no label ain-config, expected ain-config: the node's file",
      '6:48: topology.nodes.b.labels.ain-router: found "bird", expected ain, frr, auto',
    ]);
  });
});

describe("errors of a topology", () => {
  test("about kinds, keys and sysctls that a namespace cannot have", () => {
    const nodes = `    a: {kind: nokia_srlinux}
    b: {enviroment: {A: 1}}
    c: {sysctls: {kernel.pid_max: 100}}
    d: {exec: ["echo 'x"]}
`;
    expect(errors(lab(nodes))).toEqual([
      "5:15: topology.nodes.a.kind: found the kind nokia_srlinux, expected linux, the one kind of node that a namespace can be",
      expect.stringMatching(
        /^6:9: topology.nodes.b.enviroment: found the unknown key "enviroment", expected one of kind, /,
      ),
      '7:19: topology.nodes.c.sysctls["kernel.pid_max"]: found kernel.pid_max, expected a setting below net: a namespace has no others of its own',
      `8:15: topology.nodes.d.exec: found "echo 'x", expected closed quotes`,
    ]);
    expect(errors("name: t\ntopology: {nodes: {a: }}\n")).toEqual([
      "2:20: topology.nodes.a: found no kind, expected linux, the one kind of node that a namespace can be",
    ]);
  });

  test("about links", () => {
    const links = `    - endpoints: ["a:eth1", "c:eth1"]
    - endpoints: ["a:eth1", "host:x"]
    - endpoints: ["a:interface-too-long", "b:lo"]
    - endpoints: ["a:eth9"]
    - {type: macvlan, endpoints: ["a:eth5", "b:eth5"]}
    - endpoints: [a, "b:eth1"]
`;
    expect(errors(lab("    a:\n    b:\n", links)).map((e) => e.replace("topology.links", ""))).toEqual([
      '8:29: [0].endpoints[1]: found an endpoint on "c", expected one of the nodes a, b',
      "9:19: [1].endpoints[0]: found a:eth1 a second time, expected each interface in one link",
      '9:29: [1].endpoints[1]: found an endpoint on "host", expected one of the nodes a, b (a lab of namespaces has links between nodes only)',
      "10:19: [2].endpoints[0]: found a:interface-too-long, expected an interface name of 1 … 15 characters, not lo",
      "10:43: [2].endpoints[1]: found b:lo, expected an interface name of 1 … 15 characters, not lo",
      "11:18: [3].endpoints: found a list of 1, expected two endpoints",
      '12:14: [4].type: found "macvlan", expected veth (the one type of link a lab of namespaces has)',
      '13:19: [5].endpoints[0]: found "a", expected an endpoint such as "node:eth1"',
    ]);
  });

  test("about roles and their labels", () => {
    const nodes = `    a: {labels: {ain-role: switch}}
    b: {labels: {ain-role: vm, ain-adress: 10.0.0.2/32}}
    c: {labels: {ain-role: router, ain-config: none.yaml, ain-mtu: 1500}}
    d: {labels: {ain-role: vm, ain-address: 10.0.0.2, ain-mtu: big, ain-interface: eth1}}
    e: {labels: {ain-role: router}}
`;
    expect(errors(lab(nodes)).map((e) => e.replace("topology.nodes", ""))).toEqual([
      '5:28: .a.labels.ain-role: found "switch", expected router or vm',
      "6:17: .b.labels: found no label ain-address, expected ain-address: the VM's address, such as 10.0.0.2/32",
      "6:17: .b.labels: found no interfaces, expected the label ain-interface: which interface has the address",
      '6:32: .b.labels.ain-adress: found the unknown key "ain-adress", expected one of ain-role, ain-address, ain-gateway, ain-mac, ain-mtu, ain-interface, ain-moves, ain-config, ain-frr, ain-router\n    Did you mean "ain-address"?',
      "7:48: .c.labels.ain-config: found /labs/none.yaml, which is not there, expected a node's file, its path from the topology's folder",
      "7:59: .c.labels.ain-mtu: found the label ain-mtu, expected only ain-role, ain-config, ain-frr, ain-router on a node whose ain-role is router",
      '8:45: .d.labels.ain-address: found "10.0.0.2", expected an address with its prefix length',
      '8:64: .d.labels.ain-mtu: found "big", expected a whole number 68 … 65535',
      "9:17: .e.labels: found no label ain-config, expected ain-config: the node's file",
    ]);
  });

  test("about a file that is no topology, or not there", () => {
    expect(errors("homes: []\n").map((e) => e.split(",")[0])).toEqual([
      "1:1: name: found nothing",
      "1:1: topology: found nothing",
      '1:1: homes: found the unknown key "homes"',
    ]);
    const missing = loadTopology("/none/t.clab.yml", {});
    expect(!missing.ok && missing.errors.map(formatConfigError)).toEqual([
      "/none/t.clab.yml: found no such file, expected a readable YAML file",
    ]);
  });
});
