/** What `ain show WORDS` prints, for those that have the words and the router's answer but no command line. */
import { bfdText } from "#cli/bfd-text";
import { flightText } from "#cli/flight-text";
import { lsasText } from "#cli/lsa-text";
import { NARROWABLE, narrow } from "#cli/narrowing";
import { ospfText } from "#cli/ospf-text";
import { showText } from "#cli/show-text";
import type { BfdStatusView } from "#router/bfd/bfd-view";
import type { FlightReport } from "#router/mobility/views";
import { LSA_KINDS } from "#router/ospf/lsa-view";
import { OSPF_VIEWS, type OspfLsasView, type OspfViewName } from "#router/ospf/views";
import { VIEWS, type ViewName } from "#router/views";

export interface ShownWords {
  /** What the router is asked for, behind `/v1/show/`. */
  readonly path: string;
  /** What would be typed, without the router. */
  readonly command: string;
  /** What `show` prints, and with `--json`. Throws Failure where nothing is about what was asked for. */
  text(view: unknown): { readonly text: string; readonly json: unknown };
}

/** Undefined: `show` takes no such words. */
export function shownWords(words: readonly string[]): ShownWords | undefined {
  const [what = "", which, ...rest] = words;
  if (what === "ospf") return ospfWords(words.slice(1));
  if (rest.length > 0 || which === "") return undefined;
  if (what === "bfd") return which === undefined ? shown(words, (view) => bfdText(view as BfdStatusView)) : undefined;
  if (!(VIEWS as readonly string[]).includes(what)) return undefined;
  const view = what as ViewName;
  if (which === undefined) return shown(words, (whole) => showText(view, whole));
  if (what === "flights") return shown(words, (report) => flightText(report as FlightReport));
  if (what === "connections") return shown(words, (part) => showText(view, part));
  if (!NARROWABLE.includes(what)) return undefined;
  return {
    ...{ path: what, command: commandOf(words) },
    text: (whole) => {
      const json = narrow(view, whole, which);
      return { text: showText(view, json), json };
    },
  };
}

function ospfWords([what = "status", kind, router, ...rest]: readonly string[]): ShownWords | undefined {
  if (!(OSPF_VIEWS as readonly string[]).includes(what) || rest.length > 0) return undefined;
  if (kind === undefined) return shown(["ospf", what], (view) => ospfText(what as OspfViewName, view));
  const isKind = what === "database" && ["all", ...LSA_KINDS].includes(kind);
  const isRouter = router === undefined || /^[0-9.]{1,15}$/.test(router);
  if (!isKind || !isRouter) return undefined;
  const words = ["ospf", what, kind, ...(router === undefined ? [] : [router])];
  return shown(words, (view) => lsasText(view as OspfLsasView));
}

const shown = (words: readonly string[], text: (view: unknown) => string): ShownWords => ({
  path: words.map(encodeURIComponent).join("/"),
  command: commandOf(words),
  text: (json) => ({ text: text(json), json }),
});

/** As a shell takes it. */
const commandOf = (words: readonly string[]): string =>
  ["ain", "show", ...words]
    .map((word) => (/^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
