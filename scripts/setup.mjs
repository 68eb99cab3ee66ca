/**
 * Makes a fresh Debian with git, Node ≥ 20 and npm ready for one of the npm scripts: `node scripts/setup.mjs [demo|test|perf]`.
 *
 * Says what it is going to install before it does, and nothing at all when everything is there. Plain Node without
 * dependencies: it runs before `npm ci` did.
 */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const OLDEST_NODE = 20;

/** Program looked for → Debian package that brings it. */
const LAB_TOOLS = {
  ip: "iproute2",
  ping: "iputils-ping",
  iperf3: "iperf3",
  tcpdump: "tcpdump",
  traceroute: "traceroute",
};
const TOOLS = {
  demo: LAB_TOOLS,
  test: {
    ...LAB_TOOLS,
    ...{ sysctl: "procps", tshark: "tshark", tayga: "tayga", vtysh: "frr", bird: "bird2" },
    ...{ udhcpc: "udhcpc", dhclient: "isc-dhcp-client", "qemu-system-x86_64": "qemu-system-x86", curl: "curl" },
    ...{ dhcpcd: "dhcpcd-base", dnsmasq: "dnsmasq-base", rdisc6: "ndisc6", scapy: "python3-scapy" },
    ...{ tmux: "tmux", prometheus: "prometheus", promtool: "prometheus" },
    // The page of `ain web` is looked at in a browser without a window.
    chromium: "chromium",
  },
  perf: {
    ...LAB_TOOLS,
    ...{ sysctl: "procps", ethtool: "ethtool", "ovs-vswitchd": "openvswitch-switch", tayga: "tayga" },
    ...{ vtysh: "frr", bird: "bird2", nft: "nftables" },
  },
};

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** Debian keeps system tools where a plain user's PATH does not look. */
const searchPath = () => [...(process.env.PATH ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us to run: the same to the one who asks
  }
}

const hasProgram = (name) => searchPath().some((directory) => isExecutable(join(directory, name)));

function run(command, args, environment = {}, options = {}) {
  const env = { ...process.env, ...environment };
  const result = spawnSync(command, args, { cwd: ROOT, stdio: "inherit", env, ...options });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) fail(`'${command} ${args.join(" ")}' failed; its own message is above`);
}

function checkNode() {
  const major = Number.parseInt(process.versions.node, 10);
  if (major < OLDEST_NODE) fail(`Node ${process.versions.node} is too old: version ${OLDEST_NODE} or newer is needed`);
}

/** True when node_modules holds what package-lock.json names (npm records what it installed in a lock file of its own). */
function npmPackagesAreCurrent() {
  const installedLock = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installedLock)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedLock, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || entry.optional === true || installed[path]?.version === entry.version,
  );
}

function installNpmPackages() {
  if (npmPackagesAreCurrent()) return;
  console.log("setup: installing the npm packages of package-lock.json into node_modules (npm ci)");
  run("npm", ["ci", "--no-audit", "--no-fund"]);
}

/**
 * Installs without starting daemons: perf starts its own Open vSwitch in a namespace, the host's network is not ours to
 * touch. policy-rc.d with exit code 101 is Debian's way to say so (invoke-rc.d(8)).
 */
function installDebianPackages(packages) {
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const removePolicy = () => ours && rmSync(policy, { force: true });
  process.on("exit", removePolicy); // also when run() gives up
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  const lock = ["-o", "DPkg::Lock::Timeout=120"];
  run("apt-get", [...lock, "-qq", "update"], quiet);
  run("apt-get", [...lock, "-qq", "-y", "--no-install-recommends", "install", ...packages], quiet);
  removePolicy();
}

const isRoot = () => process.getuid?.() === 0;

function installTools(purpose) {
  const missing = Object.entries(TOOLS[purpose]).filter(([program]) => !hasProgram(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  const list = packages.join(" ");
  const programs = missing.map(([program]) => program).join(", ");
  if (!hasProgram("apt-get") || !isRoot()) {
    const reason = isRoot() ? "this system has no apt-get" : "only root can install them";
    const advice = `missing: ${programs} (Debian packages: ${list}); ${reason}, please see to it yourself`;
    if (purpose !== "test" || isRoot()) fail(advice);
    console.error(`setup: ${advice}`); // the unit tests, all that a plain user can run, do without
    return;
  }
  console.log(`setup: installing Debian packages: ${list} (apt-get update, apt-get install; no service is started)`);
  installDebianPackages(packages);
}

/** What the machines of src/lab/qemu boot with. */
const GUEST = join(ROOT, ".cache/guest");
/** The guest's network card, each module after those it needs. */
const GUEST_MODULES = [
  ...["failover", "net_failover", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev"],
  ...["virtio_pci", "virtio_net"],
];

/** A Debian kernel and a busybox, unpacked and not installed: this machine boots as it did before. */
function fetchGuest() {
  if (existsSync(GUEST) || !isRoot() || !hasProgram("apt-get")) return;
  console.log("setup: fetching linux-image-cloud-amd64 and busybox-static for a guest to boot, into .cache/guest");
  const work = mkdtempSync(join(tmpdir(), "ain-guest-"));
  process.on("exit", () => rmSync(work, { recursive: true, force: true }));
  run("apt-get", ["-o", "DPkg::Lock::Timeout=120", "-qq", "update"]);
  const { stdout } = spawnSync("apt-cache", ["depends", "linux-image-cloud-amd64"], { encoding: "utf8" });
  const kernel = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (kernel === undefined) fail("apt-get knows no package linux-image-cloud-amd64");
  const quiet = { cwd: work, stdio: ["ignore", "ignore", "inherit"] };
  run("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", "download", kernel, "busybox-static"], {}, quiet);
  for (const name of readdirSync(work)) run("dpkg-deb", ["-x", join(work, name), join(work, "root")], {}, quiet);
  const found = readdirSync(join(work, "root"), { recursive: true, encoding: "utf8" });
  const ready = `${GUEST}.new`;
  rmSync(ready, { recursive: true, force: true });
  mkdirSync(ready, { recursive: true });
  const keep = (pattern, as) => {
    const path = found.find((each) => pattern.test(each));
    if (path === undefined) fail(`${kernel} and busybox-static hold nothing like ${pattern}`);
    copyFileSync(join(work, "root", path), join(ready, as));
  };
  keep(/^boot\/vmlinuz-/, "vmlinuz");
  keep(/(^|\/)bin\/busybox$/, "busybox");
  for (const [i, name] of GUEST_MODULES.entries()) keep(new RegExp(`/${name}\\.ko$`), `${i}-${name}.ko`);
  renameSync(ready, GUEST);
}

/** Namespaces and TAPs belong to root; the unit tests go on without and test.mjs says what was left out. */
function checkRights(purpose) {
  if (!isRoot()) {
    if (purpose === "test") return;
    fail(`'npm run ${purpose === "perf" ? "perf:peers" : purpose}' makes network namespaces: please run it as root`);
  }
  if (!existsSync("/dev/net/tun")) {
    fail(`/dev/net/tun is missing, and VMs attach through it. Load the driver and make the node:
  modprobe tun; mkdir -p /dev/net; mknod /dev/net/tun c 10 200
  In a container, the host must pass the device in (docker run --device /dev/net/tun --cap-add NET_ADMIN …).`);
  }
}

const purpose = process.argv[2];
if (purpose !== undefined && !Object.hasOwn(TOOLS, purpose)) {
  fail(`unknown purpose '${purpose}': expected ${Object.keys(TOOLS).join(", ")} or nothing`);
}
checkNode();
if (purpose !== undefined) checkRights(purpose);
installNpmPackages();
if (purpose !== undefined) installTools(purpose);
if (purpose === "test") fetchGuest();
