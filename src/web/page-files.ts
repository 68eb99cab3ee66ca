/** The page's files, as they are served. They are imported as text, so that an executable of one file has them in it. */
import chips from "./page/chips.mjs" with { type: "text" };
import details from "./page/details.mjs" with { type: "text" };
import dom from "./page/dom.mjs" with { type: "text" };
import feed from "./page/feed.mjs" with { type: "text" };
import geometry from "./page/geometry.mjs" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import index from "./page/index.html" with { type: "text" };
import layers from "./page/layers.mjs" with { type: "text" };
import layout from "./page/layout.mjs" with { type: "text" };
import main from "./page/main.mjs" with { type: "text" };
import map from "./page/map.mjs" with { type: "text" };
import paint from "./page/paint.mjs" with { type: "text" };
import search from "./page/search.mjs" with { type: "text" };
import side from "./page/side.mjs" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import subjects from "./page/subjects.mjs" with { type: "text" };
import table from "./page/table.mjs" with { type: "text" };
import units from "./page/units.mjs" with { type: "text" };
import viewBox from "./page/view-box.mjs" with { type: "text" };

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

/** @param text what the import gives, whatever a type of it is called. */
const script = (text: unknown): PageFile => ({ text: text as string, type: "text/javascript; charset=utf-8" });

/** Path → file. */
export const PAGE_FILES: Readonly<Record<string, PageFile>> = {
  "/": { text: index as unknown as string, type: "text/html; charset=utf-8" },
  "/style.css": { text: style as unknown as string, type: "text/css; charset=utf-8" },
  "/icon.svg": { text: icon as unknown as string, type: "image/svg+xml" },
  "/chips.mjs": script(chips),
  "/details.mjs": script(details),
  "/dom.mjs": script(dom),
  "/feed.mjs": script(feed),
  "/geometry.mjs": script(geometry),
  "/layers.mjs": script(layers),
  "/layout.mjs": script(layout),
  "/main.mjs": script(main),
  "/map.mjs": script(map),
  "/paint.mjs": script(paint),
  "/search.mjs": script(search),
  "/side.mjs": script(side),
  "/subjects.mjs": script(subjects),
  "/table.mjs": script(table),
  "/units.mjs": script(units),
  "/view-box.mjs": script(viewBox),
};
