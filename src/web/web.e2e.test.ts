/**
 * `ain web` with the routers of a real lab, looked at in headless Chromium. Needs root and Debian's chromium.
 * Runs beside others.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { shownWords } from "#cli/shown-text";
import { ShowRouter } from "#cli/testing/show-router";
import { carryOver, knownFor } from "#cli/vm-move";
import { labDown } from "#lab/down";
import { labMove } from "#lab/move";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { parseListen } from "#web/listen-address";
import { PACE } from "#web/pace";
import { WebServer } from "#web/server";
import { measure, openBrowser, openPage } from "#web/testing/browser";
import { closViews } from "#web/testing/clos";

setDefaultTimeout(150_000);

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const AIN = join(ROOT, "bin/ain");
const NAME = `web${process.pid}`;
const files = new LabFiles(NAME);
const folder = mkdtempSync(join(tmpdir(), "ain-web-e2e-"));
const SIZES = [
  { name: "phone", width: 390, height: 844, legible: 8.5 },
  { name: "laptop", width: 1280, height: 800, legible: 11 },
  { name: "wall", width: 2560, height: 1440, legible: 16 },
] as const;

let browser: Browser;
let web: ChildProcess;
let url: string;

/** All of it, or what of it does not stand. */
async function up(): Promise<void> {
  const result = loadTopology(join(folder, "mobility.clab.yml"), {});
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  await labUp(result.topology, { files, ain: AIN, patience: 30_000, say: () => {} });
}

beforeAll(async () => {
  cpSync(join(ROOT, "containerlab/mobility"), folder, { recursive: true });
  const file = join(folder, "mobility.clab.yml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*/m, `name: ${NAME}`));
  await up();
  web = spawn(AIN, ["web", NAME, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  url = await new Promise((resolve, reject) => {
    web.stdout!.once("data", (text) => resolve(`${text}`.split(" ")[0]!.trim()));
    web.once("exit", (status) => reject(new Error(`ain web ended with ${status}`)));
  });
  browser = await openBrowser();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser?.close();
  web?.kill("SIGKILL");
  await labDown(files);
  rmSync(folder, { recursive: true, force: true });
});

const item = (page: Page, kind: string, label: RegExp) =>
  page.locator(`#map [data-kind=${kind}]`).and(page.getByRole("button", { name: label }));
const VM = "blue/prod 10.0.0.2";
const chip = (page: Page) => page.locator(`#layer-vms [data-key="${VM}"]`);
const details = (page: Page) => page.locator("#details");

/** As soon as all routers are up and joined. */
const whole = async (page: Page): Promise<void> => {
  await page.locator("#map .node.up").nth(3).waitFor();
  await page.locator("#map .link.up").nth(2).waitFor({ state: "attached" });
};

for (const { name, width, height, legible } of SIZES) {
  test(`on a ${name} (${width}×${height}) all of the map is to be seen and read, and the browser complains of nothing`, async () => {
    for (const scheme of ["light", "dark"] as const) {
      const { page, complaints } = await openPage(browser, url, { width, height, scheme });
      await whole(page);
      await page.screenshot({ path: join(folder, `${name}-${scheme}.png`) });
      const seen = await measure(page);
      expect(seen).toMatchObject({ overlaps: [], outside: [], spilling: [], tooWide: 0, nodes: 4, vms: 4 });
      expect(seen.smallestText).toBeGreaterThanOrEqual(legible);
      expect(complaints).toEqual([]);
      await page.close();
    }
  });
}

test("a click on a router, a link or a VM opens what `ain show` prints of it, with the command for it", async () => {
  const { page, complaints } = await openPage(browser, url, SIZES[1]);
  await whole(page);
  await item(page, "nodes", /^hv1,/).click();
  await details(page).getByRole("tab", { name: "ports" }).click();
  const printed = spawnSync(AIN, ["show", "ports", "--router", files.socket("hv1")], { encoding: "utf8" }).stdout;
  await page.locator("#shown", { hasText: printed.split("\n")[0]! }).waitFor();
  await page.locator("code", { hasText: `ain show ports --router ${files.socket("hv1")}` }).waitFor();
  await details(page).getByRole("combobox").selectOption("ospf database");
  await page.locator("#shown", { hasText: /router\s.*0\.0\.0\.1/ }).waitFor();
  await details(page).getByRole("checkbox", { name: "JSON" }).check();
  await page.locator("#shown", { hasText: '"scopes": [' }).waitFor();
  await details(page).getByRole("checkbox", { name: "JSON" }).uncheck();
  await details(page)
    .getByRole("button", { name: /^eth1 → sw/ })
    .click();
  await details(page).getByRole("heading", { name: "hv1 – sw" }).waitFor();
  await page.locator("#shown", { hasText: "uplink" }).waitFor();
  await chip(page).click();
  await page.locator("#shown", { hasText: /blue1\s+blue\/prod\s+10\.0\.0\.2/ }).waitFor();
  await page.keyboard.press("Escape");
  await details(page).waitFor({ state: "hidden" });
  expect(complaints).toEqual([]);
});

test("the keyboard alone leads to a router, along a link, to a VM, and back", async () => {
  const { page } = await openPage(browser, url, SIZES[1]);
  await whole(page);
  const focused = page.locator("#map :focus");
  await item(page, "nodes", /^sw,/).focus();
  const first = await focused.getAttribute("data-key");
  await page.keyboard.press("ArrowDown");
  expect(await focused.getAttribute("data-key")).not.toBe(first);
  for (let i = 0; i < 8 && (await focused.getAttribute("data-kind")) !== "vms"; i++)
    await page.keyboard.press("ArrowDown");
  expect(await focused.getAttribute("data-kind")).toBe("vms");
  const label = await focused.getAttribute("aria-label");
  await page.keyboard.press("Enter");
  await details(page)
    .getByRole("heading", { name: /^(blue|red)\d$/ })
    .waitFor();
  await page.keyboard.press("Escape");
  expect(await focused.getAttribute("aria-label")).toBe(label);
});

test("search finds a VM by its address, and tells where it is and where its home is", async () => {
  const { page } = await openPage(browser, url, SIZES[0]);
  await whole(page);
  await page.keyboard.press("/");
  await page.keyboard.type("10.0.0.2");
  const found = page.locator("#found [role=option]");
  await found.nth(1).waitFor();
  expect(await found.allTextContents()).toEqual([
    "blue1 blue/prod 10.0.0.2: at home at hv1",
    "red1 red/prod 10.0.0.2: at home at hv2",
  ]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await details(page).getByRole("heading", { name: "red1" }).waitFor();
});

test("tenants are filtered, and the table has the same as the map", async () => {
  const { page, complaints } = await openPage(browser, url, SIZES[1]);
  await whole(page);
  await page.getByRole("button", { name: "red 2" }).click();
  await page.locator("#map .vm").nth(2).waitFor({ state: "detached" });
  expect((await measure(page)).vms).toBe(2);
  await page.getByRole("button", { name: "Table" }).click();
  const vms = page.getByRole("region", { name: "VMs" });
  await vms.getByRole("rowheader", { name: "blue1" }).waitFor();
  expect(await vms.getByRole("row").count()).toBe(3);
  await page.getByRole("button", { name: "red 2" }).click();
  await vms.getByRole("rowheader", { name: "red1" }).waitFor();
  await page.getByRole("region", { name: "Links" }).getByRole("button", { name: "hv1 eth1" }).click();
  await details(page).getByRole("heading", { name: "hv1 – sw" }).waitFor();
  expect(complaints).toEqual([]);
});

test("a VM that moves while the page is open glides to its new host; its flight is listed, and opens with its report", async () => {
  const { page, complaints } = await openPage(browser, url, SIZES[1]);
  await whole(page);
  await chip(page).click();
  const talk = spawn(AIN, ["lab", "exec", NAME, "blue2", "--", "ping", "-i", "0.1", "10.0.0.2"]);
  // Else the move may be over before anything is sent, and nobody knows of a downtime.
  await new Promise<void>((resolve) => {
    talk.stdout.on("data", (text) => void (String(text).includes("bytes from") && resolve()));
  });
  const glides = page.locator(`#layer-vms [data-key="${VM}"].moving`).waitFor({ state: "attached" });
  const move = { vm: "blue1", from: files.socket("hv1"), to: files.socket("hv2") };
  const hook = async (): Promise<void> => labMove(files.read()!, "blue1", "hv2");
  await carryOver(move, { ...(await knownFor(move)), hold: true, hook });
  await glides;
  await page.locator(`#layer-vms [data-key="${VM}"]:not(.moving)[data-at=hv2]`).waitFor();
  const [host, vm] = [await item(page, "nodes", /^hv2,/).boundingBox(), await chip(page).boundingBox()];
  expect(vm!.y).toBeGreaterThan(host!.y);
  expect(vm!.x).toBeGreaterThanOrEqual(host!.x - 2);
  expect(vm!.x + vm!.width).toBeLessThanOrEqual(host!.x + host!.width + 2);
  await page.locator(".home-line").waitFor({ state: "attached" });
  await page.locator("#map .node.is-home", { hasText: "hv1" }).waitFor();
  await page.locator("#map .tunnel.busy").first().waitFor({ state: "attached" });
  await page.screenshot({ path: join(folder, "moved.png") });
  await page.locator("#event-list .good button", { hasText: /^blue1: hv1 → hv2 in .*, none lost$/ }).click();
  await page.locator("#shown", { hasText: /flight \d+: blue1, hv1 is its source; done/ }).waitFor();
  await details(page)
    .locator("dd", { hasText: /the VM stood still .* the network took/ })
    .waitFor();
  talk.kill();
  expect(complaints).toEqual([]);
});

test("a router that is killed turns red with the reason, its links are down, and it comes back", async () => {
  const { page, complaints } = await openPage(browser, url, SIZES[1]);
  await whole(page);
  process.kill(files.read()!.nodes.hv3!.process!.pid, "SIGKILL");
  const dead = page.locator("#map .node.unreachable", { hasText: "hv3" });
  await dead.waitFor();
  await page.locator("#event-list .bad", { hasText: /hv3 does not answer: its process is gone/ }).waitFor();
  await page.locator("#map .link.down").waitFor({ state: "attached" });
  await dead.click();
  await page.locator(".trouble", { hasText: "hv3 does not answer: its process is gone" }).waitFor();
  await page.screenshot({ path: join(folder, "killed.png") });
  await up();
  await page.locator("#map .node.up", { hasText: "hv3" }).waitFor();
  await page.locator("#event-list .words", { hasText: /^hv3 was started anew$/ }).waitFor();
  await page.locator("#map .link.up").nth(2).waitFor({ state: "attached" });
  // An answer of 504 is the router's fault, and told on the page; browsers write it down as well.
  expect(complaints.filter((text) => !text.includes("504"))).toEqual([]);
});

test("of 200 routers and 2000 VMs the map is still one without overlaps, and a VM is found", async () => {
  const servers: ShowRouter[] = [];
  const targets = new Map(
    [...closViews({ pods: 6, hypervisors: 30, vms: 11 })].map(([name, views]) => {
      const socket = join(folder, `${name}.sock`);
      servers.push(new ShowRouter(socket, views, { version: "0.1.0" }));
      return [name, { socket, shown: name }];
    }),
  );
  const server = new WebServer({
    listen: parseListen("127.0.0.1:0")!,
    fleet: { title: "clos", routers: () => targets, wires: () => [] },
    ...{ version: "0.1.0", linkSpeed: 10e9, shown: shownWords, pace: PACE },
  });
  try {
    const { page, complaints } = await openPage(browser, server.url, SIZES[2]);
    await page.locator("#map .node.up").nth(205).waitFor();
    expect(await measure(page)).toMatchObject({ overlaps: [], outside: [], spilling: [], tooWide: 0, nodes: 206 });
    await page.screenshot({ path: join(folder, "clos.png") });
    await page.keyboard.press("/");
    await page.keyboard.type("vm100-7");
    await page.keyboard.press("Enter");
    await page.locator("#map .node.is-host").waitFor();
    await page.getByRole("button", { name: "Table" }).click();
    await page.getByRole("region", { name: "VMs" }).locator("caption", { hasText: "VMs (1980)" }).waitFor();
    expect(complaints).toEqual([]);
  } finally {
    await server.stop();
    for (const each of servers) await each.stop();
  }
});

test("where it cannot listen it says why; Ctrl-C ends it, and open pages say that they are old", async () => {
  const busy = spawnSync(AIN, ["web", NAME, "--listen", new URL(url).host], { encoding: "utf8" });
  expect([busy.status, busy.stderr]).toEqual([5, expect.stringContaining("is in use: another --listen")]);
  const { page } = await openPage(browser, url, SIZES[0]);
  const ended = new Promise((resolve) => web.once("exit", resolve));
  process.kill(web.pid!, "SIGINT");
  expect(await ended).toBe(0);
  await page.locator("#connection.lost", { hasText: "what is shown is old" }).waitFor();
});
