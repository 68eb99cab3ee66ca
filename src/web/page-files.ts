/** The page's files, as they are served. They are imported as text, so that an executable of one file has them in it. */
import arcsLayer from "./page/arcs-layer.mjs" with { type: "text" };
import asideStyle from "./page/aside.css" with { type: "text" };
import chips from "./page/chips.mjs" with { type: "text" };
import colorsStyle from "./page/colors.css" with { type: "text" };
import details from "./page/details.mjs" with { type: "text" };
import dom from "./page/dom.mjs" with { type: "text" };
import feed from "./page/feed.mjs" with { type: "text" };
import geometry from "./page/geometry.mjs" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import index from "./page/index.html" with { type: "text" };
import layout from "./page/layout.mjs" with { type: "text" };
import linksLayer from "./page/links-layer.mjs" with { type: "text" };
import main from "./page/main.mjs" with { type: "text" };
import mapStyle from "./page/map.css" with { type: "text" };
import map from "./page/map.mjs" with { type: "text" };
import narrowStyle from "./page/narrow.css" with { type: "text" };
import nodesLayer from "./page/nodes-layer.mjs" with { type: "text" };
import pageStyle from "./page/page.css" with { type: "text" };
import paint from "./page/paint.mjs" with { type: "text" };
import scene from "./page/scene.mjs" with { type: "text" };
import search from "./page/search.mjs" with { type: "text" };
import side from "./page/side.mjs" with { type: "text" };
import subjects from "./page/subjects.mjs" with { type: "text" };
import table from "./page/table.mjs" with { type: "text" };
import units from "./page/units.mjs" with { type: "text" };
import viewBox from "./page/view-box.mjs" with { type: "text" };
import vmsLayer from "./page/vms-layer.mjs" with { type: "text" };

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

/** @param text what the import gives, whatever its type is called. */
const file = (text: unknown, type: string): PageFile => ({ text: text as string, type });
const script = (text: unknown): PageFile => file(text, "text/javascript; charset=utf-8");
const style = (text: unknown): PageFile => file(text, "text/css; charset=utf-8");

/** Path → file. */
export const PAGE_FILES: Readonly<Record<string, PageFile>> = {
  "/": file(index, "text/html; charset=utf-8"),
  "/icon.svg": file(icon, "image/svg+xml"),
  "/aside.css": style(asideStyle),
  "/colors.css": style(colorsStyle),
  "/map.css": style(mapStyle),
  "/narrow.css": style(narrowStyle),
  "/page.css": style(pageStyle),
  "/arcs-layer.mjs": script(arcsLayer),
  "/chips.mjs": script(chips),
  "/details.mjs": script(details),
  "/dom.mjs": script(dom),
  "/feed.mjs": script(feed),
  "/geometry.mjs": script(geometry),
  "/layout.mjs": script(layout),
  "/links-layer.mjs": script(linksLayer),
  "/main.mjs": script(main),
  "/map.mjs": script(map),
  "/nodes-layer.mjs": script(nodesLayer),
  "/paint.mjs": script(paint),
  "/scene.mjs": script(scene),
  "/search.mjs": script(search),
  "/side.mjs": script(side),
  "/subjects.mjs": script(subjects),
  "/table.mjs": script(table),
  "/units.mjs": script(units),
  "/view-box.mjs": script(viewBox),
  "/vms-layer.mjs": script(vmsLayer),
};
