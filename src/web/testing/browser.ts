/** Debian's Chromium, driven as a reader would; and what is to be seen on the page, measured in pixels. */
import { type Browser, chromium, type Page } from "playwright-core";

/** Milliseconds that anything may take on a busy machine. */
const PATIENCE = 45_000;
const CHROMIUM = "/usr/bin/chromium";

export async function openBrowser(): Promise<Browser> {
  // Chromium's own sandbox does not run as root; nothing but our own page is opened.
  return await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: 60_000 });
}

export interface Seen {
  readonly page: Page;
  /** What the browser complained of: errors, warnings, violations of the content security policy. */
  readonly complaints: readonly string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  { width, height, scheme = "light" }: { width: number; height: number; scheme?: "light" | "dark" },
): Promise<Seen> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
  page.setDefaultTimeout(PATIENCE);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(`${error.message}\n${error.stack ?? ""}`));
  await page.goto(url);
  await page.locator("#connection.live").waitFor();
  await page.locator("#map [data-kind=nodes]").first().waitFor();
  return { page, complaints };
}

export interface Measured {
  /** Pairs of boxes of nodes and VMs that overlap. */
  readonly overlaps: readonly string[];
  /** What is not wholly inside the map's frame. */
  readonly outside: readonly string[];
  /** Smallest text of the map, pixels. */
  readonly smallestText: number;
  /** Texts that are wider than the boxes they are in. */
  readonly spilling: readonly string[];
  /** By how much the page is wider than its window. */
  readonly tooWide: number;
  readonly nodes: number;
  readonly vms: number;
}

/** Runs in the browser, of which this program knows no types. */
const MEASURE = `(() => {
  const boxes = [...document.querySelectorAll("#map .box, #map .chip")].map((rect) => {
    const group = rect.parentElement;
    const texts = [...group.querySelectorAll("text")].filter((text) => text.textContent !== "");
    return { name: group.getAttribute("aria-label"), at: rect.getBoundingClientRect(), texts };
  });
  const overlaps = boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
    a.at.left < b.at.right - 1 && b.at.left < a.at.right - 1 && a.at.top < b.at.bottom - 1 && b.at.top < a.at.bottom - 1
  ).map((b) => a.name + " / " + b.name));
  const frame = document.getElementById("map").getBoundingClientRect();
  const outside = boxes.filter(({ at }) =>
    at.left < frame.left - 1 || at.right > frame.right + 1 || at.top < frame.top - 1 || at.bottom > frame.bottom + 1
  ).map(({ name }) => name);
  const sizes = boxes.flatMap(({ texts }) => texts.map((text) =>
    Number.parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a));
  const spilling = boxes.flatMap(({ at, texts }) => texts.filter((text) =>
    text.getBoundingClientRect().right > at.right + 1).map((text) => text.textContent));
  return {
    overlaps, outside, spilling, smallestText: Math.min(...sizes),
    tooWide: document.documentElement.scrollWidth - window.innerWidth,
    nodes: document.querySelectorAll("#map .node").length,
    vms: document.querySelectorAll("#map .vm").length,
  };
})()`;

export const measure = (page: Page): Promise<Measured> => page.evaluate(MEASURE) as Promise<Measured>;
