/**
 * VMs that come and go while a router runs: attached, prepared, held, detached; killed routers that remember them.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Probe } from "#lab/probe/probe";
import { reportOn } from "#lab/probe/report";
import type { RegisteredVmView, VmDetailView } from "#router/vms/views";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const lab = new TestLab("vl");
const [a, b, w] = addressesAt(2, 0, BLUE, 3) as [string, string, string];
/** At home at a hypervisor that is not there. */
const [far] = addressesAt(2, 1, BLUE, 1) as [string];

const node = (...more: string[]): string => `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
vms:
  - { name: a, network: blue/prod, address: ${a}, interface: a }
  - { name: b, network: blue/prod, address: ${b}, interface: b }
${more.map((vm) => `  - ${vm}\n`).join("")}`;

const fabric = fabricYaml(2).replace("gateway: 10.0.0.1 } } }", "gateway: 10.0.0.1, dhcp: { dns: [10.0.0.53] } } } }");
const W = `name: w\nnetwork: blue/prod\naddress: ${w}\ninterface: w\nuserData: { file: data.bin }\n`;

beforeAll(async () => {
  lab.write("fabric.yaml", fabric);
  lab.write("hv.yaml", node());
  lab.write("w.yaml", W);
  lab.write("data.bin", Uint8Array.of(0xff, 0, 1, 2));
  lab.write("far.yaml", `name: far\nnetwork: blue/prod\naddress: ${far}\ninterface: far\n`);
  const vm = (address: string): string =>
    `{ kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    a: ${vm(a)}
    b: ${vm(b)}
    far: ${vm(far)}
    w: { kind: linux }
  links:
    - { endpoints: ["hv:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv:b", "b:eth1"], mtu: 1500 }
    - { endpoints: ["hv:far", "far:eth1"], mtu: 1500 }
    - { endpoints: ["hv:w", "w:eth1"], mtu: 1500 }
`);
  // Or it would say a word as soon as its link is up.
  lab.run("far", "sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1");
  await lab.until("a reaches b", () => pings("a", b));
});
afterAll(() => lab.down());

const pings = (from: string, to: string): boolean => lab.run(from, `ping -c 1 -W 1 ${to}`).status === 0;
const path = (file: string): string => join(lab.folder, file);

/** `ain …` about the router. */
function ain(...words: string[]): { status: number | null; text: string } {
  const options = { encoding: "utf8", timeout: 20_000 } as const;
  const done = spawnSync(AIN, [...words, "--router", lab.socket("hv")], options);
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

const list = (): readonly RegisteredVmView[] => JSON.parse(ain("vm", "list", "--json").text) as RegisteredVmView[];
const shown = (name: string): VmDetailView => JSON.parse(ain("vm", "show", name, "--json").text) as VmDetailView;
const states = (): string[] => list().map(({ name, state, source }) => `${name} ${state} ${source}`);
const stateFile = (): string => lab.socket("hv").replace(/[^/]*$/, "hv.vms");

/** As after a power cut of the process. */
async function killAndRestart(): Promise<void> {
  const { pid } = await lab.show("hv", "status");
  process.kill(pid, "SIGKILL");
  await lab.until("the router is gone", () => !existsSync(`/proc/${pid}`));
  spawnSync(AIN, ["lab", "up", path("lab.clab.yml")], { encoding: "utf8", timeout: 30_000 });
  await lab.until("another router runs", async () => (await lab.show("hv", "status")).pid !== pid);
}

describe("a VM that is attached by the command line", () => {
  test("is told its address by DHCP, and talks", () => {
    const { status, text } = ain("vm", "attach", path("w.yaml"));
    expect(text).toContain(`address     ${w}, home 2001:db8:a1:1::/64 (here)`);
    expect(status).toBe(0);
    lab.run("w", "ip link set eth1 up");
    const told = lab.run("w", "busybox udhcpc -i eth1 -n -q -f -s /etc/udhcpc/default.script", 30);
    expect(told.text).toContain(`lease of ${w} obtained`);
    expect(pings("w", a)).toBe(true);
    expect(pings("b", w)).toBe(true);
  });

  test("is listed beside those of the file, with what it was attached as", () => {
    expect(states()).toEqual(["a active file", "b active file", "w active runtime"]);
    const { definition, mac, port } = shown("w");
    expect(definition).toEqual({
      ...{ name: "w", network: "blue/prod", address: w, interface: "w", userData: { base64: "/wABAg==" } },
    });
    expect(mac).toMatch(/^([0-9a-f]{2}:){5}/);
    expect(port).toEqual({ interface: "w", state: "up" });
    expect(ain("vm", "list").text).toMatch(/\nw +blue\/prod +active +run time +/);
  });

  test("stays over a reload, and conflicts of the file with it are refused where they are written", () => {
    lab.write("hv.yaml", node(`{ name: w2, network: blue/prod, address: ${w}, interface: w }`));
    const { status, text } = ain("reload");
    expect(status).toBe(2);
    expect(text).toMatch(/hv\.yaml:8:\d+: vms\[2\]\.address: found .* in blue\/prod, which the VM w has/);
    expect(text).toMatch(/hv\.yaml:8:\d+: vms\[2\]\.interface: found w, which the VM w has/);
    lab.write("hv.yaml", node());
    expect(ain("reload").text).toContain("nothing differs");
    expect(pings("a", w)).toBe(true);
  });

  test("is there again after a router that was killed, talks at once, and has its data", async () => {
    expect(JSON.parse(readFileSync(stateFile(), "utf8")).vms.w.state).toBe("active");
    await killAndRestart();
    expect(states()).toEqual(["a active file", "b active file", "w active runtime"]);
    await lab.until("w is reached", () => pings("a", w));
    expect(shown("w").definition.userData).toEqual({ base64: "/wABAg==" });
  });

  test("is the file's when it is written down there", () => {
    lab.write(
      "hv.yaml",
      node(`{ name: w, network: blue/prod, address: ${w}, interface: w, userData: { file: data.bin } }`),
    );
    expect(ain("reload").text).toContain("nothing differs");
    expect(states()).toContain("w active file");
    expect(JSON.parse(readFileSync(stateFile(), "utf8")).vms).toEqual({});
  });

  test("of the file that is detached stays away, also from a restarted router, until it is attached by its name", async () => {
    expect(ain("vm", "detach", "w")).toEqual({ status: 0, text: "" });
    expect(lab.run("a", `ping -c 1 -W 1 ${w}`).text).toContain("Host Unreachable");
    await killAndRestart();
    expect(states()).toContain("w away file");
    expect(ain("vm", "detach", "w")).toMatchObject({ status: 4, text: expect.stringContaining("found it away") });
    expect(ain("vm", "attach", "w").status).toBe(0);
    await lab.until("w is reached", () => pings("a", w));
    lab.write("hv.yaml", node());
    expect(ain("reload").text).toContain("- vm w");
    expect(states()).toEqual(["a active file", "b active file"]);
  });
});

describe("what is wrong changes nothing and is told", () => {
  const before = (): string =>
    JSON.stringify([list().map(({ since: _, ...vm }) => vm), readFileSync(stateFile(), "utf8")]);

  test("a definition: where in its file, what, and what was expected", () => {
    const was = before();
    const bad = (text: string): string => {
      lab.write("bad.yaml", text);
      const { status, text: told } = ain("vm", "attach", path("bad.yaml"));
      expect(status).toBe(2);
      return told.replaceAll(`${lab.folder}/`, "");
    };
    expect(bad(`name: x\nnetwork: blue/prod\naddress: 10.0.1.1\ninterface: x\n`)).toStartWith(
      "error bad.yaml:3:10: address: found 10.0.1.1, expected an address of blue/prod (10.0.0.0/24)\n",
    );
    expect(bad(`{name: x, network: blue/prd, address: ${w}, interface: x}`)).toContain('Did you mean "blue/prod"?');
    expect(bad(`{name: x, network: blue/prod, address: ${a}, interface: a}`)).toContain(
      `address: found ${a} in blue/prod, which the VM a has`,
    );
    expect(bad(`{name: x, network: blue/prod, address: ${w}, interface: a}`)).toContain(
      "interface: found a, which the VM a has",
    );
    expect(bad("[1]")).toContain("expected a mapping with name, network");
    expect(before()).toBe(was);
  });

  test("a wrong state, and a VM that nobody knows", () => {
    const was = before();
    expect(ain("vm", "activate", "a").text).toContain("VM a: found it active, expected it prepared");
    expect(ain("vm", "resume", "a").text).toContain("VM a: found it active, expected it held");
    lab.write("again.yaml", `{name: a, network: blue/prod, address: ${w}, interface: w}`);
    expect(ain("vm", "attach", path("again.yaml"))).toMatchObject({
      ...{ status: 4, text: expect.stringContaining("VM a: found it active, expected it away, or not known yet") },
    });
    expect(ain("vm", "hold", "nobody")).toMatchObject({
      status: 4,
      text: expect.stringContaining("no VM here is called"),
    });
    expect(before()).toBe(was);
  });

  test("the API has statuses for them, and says so in JSON", async () => {
    const answer = async (method: string, where: string, body?: string) => {
      const response = await fetch(`http://ain/v1/vm${where}`, {
        method,
        unix: lab.socket("hv"),
        ...(body && { body }),
      });
      return [response.status, (await response.json()) as { error?: string; errors?: { path: string }[] }] as const;
    };
    expect(await answer("POST", "/attach", "{")).toMatchObject([400, { error: expect.stringContaining("no JSON") }]);
    const [status, { errors }] = await answer(
      "POST",
      "/prepare",
      '{"name":"x","network":"blue/prod","address":"10.0.9.9"}',
    );
    expect([status, errors?.map((each) => each.path)]).toEqual([400, ["", "address"]]);
    expect((await answer("POST", "/nobody/hold"))[0]).toBe(404);
    expect((await answer("GET", "/nobody"))[0]).toBe(404);
    expect((await answer("POST", "/a/dance"))[0]).toBe(404);
    expect((await answer("POST", "/a/activate"))[0]).toBe(409);
    expect((await answer("GET", "/a"))[1]).toMatchObject({ name: "a", state: "active", source: "file" });
  });
});

describe("a VM that is prepared", () => {
  test("is not found until its first frame, which activates it and is answered", async () => {
    expect(ain("vm", "prepare", path("far.yaml")).text).toContain("prepared");
    expect(lab.run("a", `ping -c 1 -W 1 ${far}`).status).not.toBe(0);
    expect(shown("far").state).toBe("prepared");
    expect(pings("far", a)).toBe(true);
    expect(shown("far")).toMatchObject({ state: "active", addresses: [{ isAtHome: false }] });
    expect(pings("a", far)).toBe(true);
    const metadata = lab.run("far", "curl -s -m 3 http://169.254.169.254/latest/meta-data/local-ipv4");
    expect(metadata.text).toBe(far);
    expect(await lab.counted("hv", "far", "punt-activate")).toBeGreaterThan(0);
    expect(ain("vm", "detach", "far").status).toBe(0);
  });

  test("is active by command, too; and nothing is left of one that is detached", () => {
    expect(ain("vm", "prepare", path("far.yaml")).status).toBe(0);
    expect(ain("vm", "activate", "far").text).toContain("active");
    expect(pings("a", far)).toBe(true);
    expect(ain("vm", "detach", "far").status).toBe(0);
    expect(ain("vm", "prepare", path("far.yaml")).status).toBe(0);
    expect(ain("vm", "detach", "far").status).toBe(0);
    expect(states()).toEqual(["a active file", "b active file"]);
    expect(JSON.parse(readFileSync(stateFile(), "utf8")).vms).toEqual({});
  });

  test("or was held when the router was killed is prepared in the next one, and comes back by its first frame", async () => {
    expect(ain("vm", "prepare", path("far.yaml")).status).toBe(0);
    expect(ain("vm", "hold", "b").status).toBe(0);
    await killAndRestart();
    expect(states()).toEqual(["a active file", "b prepared file", "far prepared runtime"]);
    expect(pings("b", a)).toBe(true);
    expect(states()).toContain("b active file");
    expect(ain("vm", "detach", "far").status).toBe(0);
  });
});

test("a hold of 50 ms loses nothing of 1000 datagrams a second, and nothing is overtaken", async () => {
  const end = (name: string, address: string) => ({ namespace: lab.namespace(name), address, port: 7007 });
  const probe = await Probe.start({
    ...{ rate: 1000, size: 100, ends: [end("a", a), end("b", b)] },
    flows: [
      { name: "to the held VM", from: 0, to: [1] },
      { name: "from it", from: 1, to: [0] },
    ],
  });
  try {
    await Bun.sleep(300);
    const post = (verb: string) => fetch(`http://ain/v1/vm/b/${verb}`, { method: "POST", unix: lab.socket("hv") });
    for (let i = 0; i < 5; i++) {
      await post("hold");
      await Bun.sleep(50);
      await post("resume");
      await Bun.sleep(200);
    }
    const [to, from] = (await probe.stop()).map((trace) => reportOn(trace));
    expect(to).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, strays: 0 });
    expect(to!.longestGap).toBeGreaterThan(40);
    expect(from).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    const { held } = shown("b");
    expect(held).toMatchObject({ returned: held!.kept, givenUp: 0 });
    expect(held!.kept).toBeGreaterThan(30);
  } finally {
    await probe.kill();
  }
});

test("a hold that nobody ends, ends by itself after 10 s, and is told", async () => {
  expect(ain("vm", "hold", "b").status).toBe(0);
  expect(shown("b").state).toBe("held");
  await lab.until("it is active again", () => shown("b").state === "active", 15);
  expect(lab.log("hv")).toContain("VM b: nobody ended its hold in 10 s: it stays here");
  expect(pings("a", b)).toBe(true);
});
