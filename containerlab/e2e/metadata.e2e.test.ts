/**
 * The metadata service with real clients: curl in the namespaces of two tenants' VMs that have the same address, of VMs
 * behind a veth and behind a TAP, and what must not reach it or come from it. Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addressesAt, BLUE, fabricYaml, RED, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const BUN = fileURLToPath(new URL("../../bin/bun", import.meta.url));
const URL_BASE = "http://169.254.169.254";
const SERVICE6 = "2001:db8:a1:1::a9fe:a9fe";
const N = "2001:db8:a1:ff::2";
const lab = new TestLab("md");
const homes = 2;
const ofRed = addressesAt(homes, 0, RED, 40);
const same = addressesAt(homes, 0, BLUE, 20).find((address) => ofRed.includes(address))!;

const fabric = fabricYaml(homes)
  .replace("gateway: 10.0.0.1 }", "gateway: 10.0.0.1, dhcp: { domain: blue.example } }")
  .replace(
    "tenants:\n",
    "tenants:\n  green: { id: 3, networks: { quiet: { id: 1, prefixes: [10.0.0.0/24], metadata: false } } }\n",
  );
const [quiet] = addressesAt(homes, 0, (3 << 10) | 1, 1) as [string];
const USER_DATA = `#cloud-config\n${Array.from({ length: 2000 }, (_, i) => `# line ${i} of what is fetched\n`).join("")}`;

const node = (more = ""): string => `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
forwarders: 2
uplinks: [{ interface: eth1 }]
routes: [{ to: "::/0", via: [{ uplink: eth1, nextHop: "${N}" }] }]
vms:
  - { name: blue, network: blue/prod, address: ${same}, interface: blue, userData: { file: user-data.yaml } }
  - { name: red, network: red/prod, address: ${same}, tap: { name: tap-r, netns: ${lab.namespace("red")}, rename: eth1 }, hostname: crimson, instanceId: i-0123${more} }
  - { name: quiet, network: green/quiet, address: ${quiet}, interface: quiet }
`;

const vm = (name: string, address: string, more = ""): string =>
  `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1${more} } }\n`;
const TOPOLOGY = `  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    n:
      kind: linux
      exec:
        - ip address replace ${N}/64 dev eth1 nodad
        - ip route replace 2001:db8:a1:1::1 dev eth1
        - ip route replace default via 2001:db8:a1:1::1 dev eth1
${vm("blue", same)}${vm("red", same, ", ain-interface: eth1")}${vm("quiet", quiet)}  links:
    - { endpoints: ["hv:eth1", "n:eth1"], mtu: 1500 }
    - { endpoints: ["hv:blue", "blue:eth1"], mtu: 1500 }
    - { endpoints: ["hv:quiet", "quiet:eth1"], mtu: 1500 }
`;
const bothAreServed = (): Promise<void> =>
  lab.until("both get something", () => ["blue", "red"].every((of) => curl(of, "/") !== ""));

beforeAll(async () => {
  lab.write("fabric.yaml", fabric.replaceAll("gateway: 10.0.0.1", "metadata: false, gateway: 10.0.0.1"));
  lab.write("user-data.yaml", USER_DATA);
  lab.write("hv.yaml", node());
  await lab.up(TOPOLOGY);
});
afterAll(() => lab.down());

const run = (of: string, path: string, options = "") =>
  lab.run(of, `curl -s -m 5 --noproxy * ${options} ${URL_BASE}${path}`.replace(/ +/g, " "));
/** What curl gets; empty when it gets nothing. */
const curl = (of: string, path: string): string => run(of, path, "-f").text;
const statusOf = (of: string, path: string, options = ""): string =>
  run(of, path, `-o /dev/null -w %{http_code} ${options}`).text;

const reload = (): string => {
  const done = lab.run("hv", `${AIN} reload --router ${lab.socket("hv")}`);
  expect(done.status, done.text).toBe(0);
  return done.text;
};

test("nobody is served before a network wants it, and then without a restart", async () => {
  expect((await lab.show("hv", "ports")).filter(({ kind }) => kind === "service")).toEqual([]);
  expect(run("red", "/").status).not.toBe(0);
  lab.write("fabric.yaml", fabric);
  expect(reload()).toContain("~ network red/prod: metadata off → default");
  await bothAreServed();
});

describe("two tenants' VMs with the same address", () => {
  test("get each its own data", () => {
    const read = (of: string) =>
      ["instance-id", "hostname", "local-ipv4"].map((name) => curl(of, `/latest/meta-data/${name}`));
    expect(read("blue")).toEqual(["blue-prod-blue", "blue.blue.example", same]);
    expect(read("red")).toEqual(["i-0123", "crimson", same]);
    expect(curl("blue", "/latest/user-data")).toBe(USER_DATA);
    expect(statusOf("red", "/latest/user-data")).toBe("404");
  });

  test("see folders, EC2's older version and NoCloud's files", () => {
    expect(curl("blue", "/latest/meta-data/").split("\n")).toContain("local-ipv4");
    expect(curl("red", "/2009-04-04/meta-data/instance-id")).toBe("i-0123");
    expect(curl("red", "/nocloud/meta-data")).toContain('local-hostname: "crimson"');
    expect(statusOf("red", "/nocloud/user-data")).toBe("200");
    expect(statusOf("red", "/latest/api/token", "-X PUT")).toBe("405");
  });

  test("are told what a reload changes, and their ports are left alone", () => {
    lab.write("hv.yaml", node(", userData: hello"));
    expect(reload()).toMatch(/~ vm red: user data default → 5 octets \([0-9a-f]{16}\)/);
    expect(curl("red", "/latest/user-data")).toBe("hello");
    expect(lab.log("hv")).not.toContain("port red: removed");
  });

  test("are bounded in requests, each for itself", () => {
    const many = `${URL_BASE}/latest/meta-data/hostname?[1-80]`;
    const { text } = lab.run("blue", `curl -s --noproxy * -o /dev/null -w %{http_code}, ${many}`);
    const codes = text.split(",").filter((code) => code !== "");
    expect(codes).toHaveLength(80);
    expect(codes.filter((code) => code === "429").length).toBeGreaterThan(10);
    expect(statusOf("red", "/latest/meta-data/hostname")).toBe("200");
  });

  test("are bounded in connections, which end when nothing is asked", () => {
    lab.write("idle.ts", IDLE_CLIENT);
    const { text } = lab.run("red", `${BUN} ${lab.folder}/idle.ts`, 40);
    expect(text.trim().split("\n")).toEqual(["8 of 12 are open", "0 of 12 are open"]);
    expect(curl("red", "/latest/meta-data/instance-id")).toBe("i-0123");
  });
});

/** Opens a dozen connections, asks nothing, and counts those that stay. */
const IDLE_CLIENT = `import { connect } from "node:net";
const open = new Set();
for (let i = 0; i < 12; i++) {
  const socket = connect({ host: "169.254.169.254", port: 80 });
  socket.on("connect", () => open.add(socket));
  socket.on("error", () => {});
  socket.on("close", () => open.delete(socket));
}
const say = () => console.log(\`\${open.size} of 12 are open\`);
setTimeout(say, 1000);
const wait = setInterval(() => {
  if (open.size > 0) return;
  clearInterval(wait);
  say();
}, 500);
setTimeout(() => process.exit(1), 30_000).unref();
`;

describe("the service", () => {
  const counts = () =>
    Promise.all(["infrastructure-source", "no-rule"].map((ending) => lab.counted("hv", "eth1", ending)));

  test("is nowhere in a network that wants none", async () => {
    const before = await lab.counted("hv", "quiet", "no-network-route");
    expect(run("quiet", "/").status).not.toBe(0);
    expect(await lab.counted("hv", "quiet", "no-network-route")).toBeGreaterThan(before);
  });

  test("is not reached from the fabric, also not under a VM's address", async () => {
    const before = await counts();
    expect(lab.run("n", `curl -s -m 2 -g --noproxy * http://[${SERVICE6}]/`).status).not.toBe(0);
    const [vm] = (await lab.show("hv", "vms")).filter(({ name }) => name === "blue");
    lab.run("n", `ip address add ${vm!.networkAddress}/128 dev lo`);
    expect(
      lab.run("n", `curl -s -m 2 -g --noproxy * --interface ${vm!.networkAddress} http://[${SERVICE6}]/`).status,
    ).not.toBe(0);
    lab.run("n", `ip address del ${vm!.networkAddress}/128 dev lo`);
    const after = await counts();
    expect(after[0]).toBeGreaterThan(before[0]!);
    expect(after[1]).toBeGreaterThan(before[1]!);
  });

  test("listens on one port and answers pings", () => {
    expect(lab.run("red", `curl -s -m 2 --noproxy * ${URL_BASE}:22/`).status).toBe(7); // refused
    expect(lab.run("red", "ping -c 1 -W 2 169.254.169.254").status).toBe(0);
  });

  test("is a port like others, and no interface of the router's namespace", async () => {
    const port = (await lab.show("hv", "ports")).find(({ kind }) => kind === "service");
    expect(port).toMatchObject({ name: "metadata", state: "up", interface: "metadata" });
    expect(port!.rxFrames).toBeGreaterThan(10);
    expect(lab.run("hv", "ip link show metadata").status).not.toBe(0);
  });
});

test("a router that is killed leaves nothing of it behind, and the next one serves again", async () => {
  const { pid } = await lab.show("hv", "status");
  const own = readlinkSync(`/proc/${pid}/ns/net`);
  const [service] = [...namespacesOf(`${pid}`)].filter((namespace) => namespace !== own);
  expect(service).toMatch(/^net:\[\d+\]$/);
  process.kill(pid, "SIGKILL");
  await lab.until("it is gone", () => !readdirSync("/proc").includes(`${pid}`));
  const users = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && namespacesOf(name).has(service!));
  expect(users).toEqual([]);
  expect(lab.run("red", `curl -s -m 1 --noproxy * ${URL_BASE}/`).status).not.toBe(0);
  await lab.up(TOPOLOGY);
  await bothAreServed();
});

/** The network namespaces that a process is in, or has descriptors of. */
function namespacesOf(pid: string): Set<string> {
  try {
    const held = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    return new Set([linkOf(`/proc/${pid}/ns/net`), ...held].filter((link) => link.startsWith("net:[")));
  } catch {
    return new Set(); // it has ended meanwhile
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed meanwhile
  }
}
