/** Files of the page are imported as text (page-files.ts); the page itself is checked by page/tsconfig.json. */
declare module "*.mjs" {
  const text: string;
  export default text;
}
declare module "*.svg" {
  const text: string;
  export default text;
}
declare module "*.css" {
  const text: string;
  export default text;
}
