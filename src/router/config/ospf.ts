/** Reads the section `ospf:` of node.yaml: first its form (ospf-schema.ts), then what has to fit together. */
import type { z } from "zod";
import { formatPrefix } from "#base/address";
import { BACKBONE } from "#ospf/constants";
import { formatRouterId } from "#ospf/text";
import { type AuthSettings, readKeys } from "#router/config/ospf-keys";
import { AREA_ID, area, interfaceDefaults, ospfInterface, ospfOutline } from "#router/config/ospf-schema";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import { type Inspector, isMapping } from "#runtime/document/inspector";
import { formatSpan, parseIdentifier32 } from "#runtime/document/scalars";

type Outline = Exclude<z.output<typeof ospfOutline>, boolean>;
export type AreaSettings = z.output<typeof area>;
type Settings = Omit<z.output<typeof ospfInterface>, "auth">;
export type InterfaceSettings = Settings & { readonly auth?: AuthSettings };

/** The section, every part of it right in itself. */
export interface OspfSection extends Omit<Outline, "areas" | "interfaces" | "defaults"> {
  /** By area id. */
  readonly areas: ReadonlyMap<number, AreaSettings>;
  /** By uplink, all of them, `defaults` merged in. */
  readonly interfaces: ReadonlyMap<string, InterfaceSettings>;
}

const ROOT: Path = ["ospf"];

/** Values that errors must not repeat, for the Inspector. */
export const OSPF_SECRETS = /^ospf\..*\.secret$/;

/** Undefined: OSPF is off, or what was wrong with the section was reported. */
export function inspectOspf(inspector: Inspector, uplinks: readonly string[]): OspfSection | undefined {
  if (inspector.valueAt(ROOT) === undefined || inspector.valueAt(ROOT) === false) return undefined;
  const read = inspector.read(ospfOutline, ROOT);
  const outline = read === true ? (ospfOutline.parse({}) as Outline) : read;
  const areas = inspectAreas(inspector);
  const interfaces = inspectInterfaces(inspector, uplinks);
  if (outline === undefined || outline === false) return undefined;
  const section = { ...outline, areas, interfaces };
  checkDelays(inspector, section);
  checkAreasInUse(inspector, section);
  return section;
}

// ---- areas ----

function inspectAreas(inspector: Inspector): Map<number, AreaSettings> {
  const areas = new Map<number, AreaSettings>();
  for (const key of keysAt(inspector, "areas")) {
    const path = [...ROOT, "areas", key];
    const id = parseIdentifier32(key);
    if (id === undefined) {
      inspector.report(path, { found: `the key "${key}"`, expected: AREA_ID, aim: "key" });
    } else if (areas.has(id)) {
      const found = `the area ${formatRouterId(id)} a second time`;
      inspector.report(path, { found, expected: "each area once", aim: "key" });
    }
    const settings = inspector.read(area, path);
    if (settings === undefined || id === undefined) continue;
    checkArea(inspector, path, id, settings);
    areas.set(id, settings);
  }
  return areas;
}

function checkArea(inspector: Inspector, path: Path, id: number, settings: AreaSettings): void {
  const { kind, summaries, defaultCost, translate, ranges } = settings;
  if (id === BACKBONE && kind !== "normal") {
    inspector.report([...path, "kind"], { found: kind, expected: "normal: all other areas meet in the backbone" });
  }
  const refuse = (key: string, expected: string): void =>
    inspector.report([...path, key], { found: `${key} in a ${kind} area`, expected, aim: "key" });
  if (kind === "normal" && !summaries) refuse("summaries", "true: only stub areas and NSSAs can do without");
  if (kind === "normal" && defaultCost !== undefined) refuse("defaultCost", "it in stub areas and NSSAs only");
  if (kind !== "nssa" && translate !== "candidate") refuse("translate", "it in NSSAs only");
  const seen = new Map<string, number>();
  for (const [i, { prefix }] of ranges.entries()) {
    const at = [...path, "ranges", i, "prefix"];
    const text = formatPrefix(prefix);
    const twin = seen.get(text);
    if (twin === undefined) seen.set(text, i);
    else {
      const found = `${text}, as in ${inspector.lineOf([...path, "ranges", twin, "prefix"])}`;
      inspector.report(at, { found, expected: "each range once" });
    }
  }
}

/** Likely a slip: settings of an area that no interface is in. */
function checkAreasInUse(inspector: Inspector, { area: own, areas, interfaces }: OspfSection): void {
  const used = new Set([own, ...[...interfaces.values()].map((settings) => settings.area ?? own)]);
  for (const key of keysAt(inspector, "areas")) {
    const id = parseIdentifier32(key);
    if (id === undefined || used.has(id) || !areas.has(id)) continue;
    const found = `area ${formatRouterId(id)}, which no interface is in`;
    inspector.warn([...ROOT, "areas", key], { found, expected: "an area of this router's", aim: "key" });
  }
}

// ---- interfaces ----

function inspectInterfaces(inspector: Inspector, uplinks: readonly string[]): Map<string, InterfaceSettings> {
  const defaults = inspectDefaults(inspector);
  const interfaces = new Map<string, InterfaceSettings>(uplinks.map((name) => [name, defaults]));
  for (const name of keysAt(inspector, "interfaces")) {
    const path = [...ROOT, "interfaces", name];
    if (!uplinks.includes(name)) reportStranger(inspector, path, name, uplinks);
    const own = inspector.read(ospfInterface, path);
    if (own === undefined) continue;
    const { auth, ...rest } = own;
    const keys = auth === undefined ? defaults.auth : readKeys(inspector, [...path, "auth"], auth.keys);
    const { auth: _, ...inherited } = defaults;
    const settings = { ...inherited, ...rest, ...(keys !== undefined && { auth: keys }) };
    checkIntervals(inspector, path, settings);
    if (uplinks.includes(name)) interfaces.set(name, settings);
  }
  return interfaces;
}

function inspectDefaults(inspector: Inspector): InterfaceSettings {
  const path = [...ROOT, "defaults"];
  const read = inspector.valueAt(path) === undefined ? {} : inspector.read(interfaceDefaults, path);
  if (read === undefined) return {};
  const { auth, ...rest } = read;
  const settings = { ...rest, ...(auth !== undefined && { auth: readKeys(inspector, [...path, "auth"], auth.keys) }) };
  checkIntervals(inspector, path, settings);
  return settings;
}

function reportStranger(inspector: Inspector, path: Path, name: string, uplinks: readonly string[]): void {
  const expected = uplinks.length === 0 ? "an uplink (there is none)" : `one of the uplinks ${uplinks.join(", ")}`;
  const meant = closest(name, uplinks);
  inspector.report(path, {
    found: `the unknown uplink "${name}"`,
    expected,
    aim: "key",
    ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
  });
}

export const DEFAULT_HELLO = 10_000; // milliseconds

function checkIntervals(inspector: Inspector, path: Path, { hello = DEFAULT_HELLO, dead }: InterfaceSettings): void {
  if (dead === undefined ? 4 * hello <= 65_535_000 : dead > hello) return;
  const key = dead === undefined ? "hello" : "dead";
  const found = dead === undefined ? `${formatSpan(hello)}, and no dead interval` : formatSpan(dead);
  const expected = dead === undefined ? "a dead interval too" : `more than the hello interval, ${formatSpan(hello)}`;
  const at =
    isMapping(inspector.valueAt(path)) && inspector.valueAt([...path, key]) !== undefined ? [...path, key] : path;
  inspector.report(at, { found, expected });
}

// ---- the rest ----

/** RFC 8405 §3: INITIAL ≤ SHORT ≤ LONG, TIME_TO_LEARN ≤ HOLDDOWN. */
function checkDelays(inspector: Inspector, { spf }: OspfSection): void {
  const { initial = 50, short = 200, long = 5000, timeToLearn = 500, holdDown = 10_000 } = spf;
  const refuse = (key: string, found: number, expected: string): void =>
    inspector.report([...ROOT, "spf", key], { found: formatSpan(found), expected });
  if (initial > short) refuse("initial", initial, `at most the short delay, ${formatSpan(short)}`);
  if (short > long) refuse("short", short, `at most the long delay, ${formatSpan(long)}`);
  if (timeToLearn > holdDown) refuse("timeToLearn", timeToLearn, `at most holdDown, ${formatSpan(holdDown)}`);
}

function keysAt(inspector: Inspector, key: "areas" | "interfaces"): string[] {
  const mapping = inspector.valueAt([...ROOT, key]);
  return isMapping(mapping) ? Object.keys(mapping) : [];
}
