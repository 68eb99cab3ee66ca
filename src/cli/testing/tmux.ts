/** A terminal as a person has one: tmux draws what a program writes, and says what is to be seen on the screen. */
import { spawnSync } from "node:child_process";

/** Milliseconds that what is waited for may take on a busy machine. */
const PATIENCE = 20_000;

export interface TmuxOptions {
  readonly rows: number;
  readonly columns: number;
  readonly env: Readonly<Record<string, string>>;
}

export class Tmux {
  readonly #server: string;

  /** `name`: of its server, which is this terminal's alone. */
  constructor(name: string, command: readonly string[], { rows, columns, env }: TmuxOptions) {
    this.#server = name;
    const variables = Object.entries(env).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
    const size = ["-x", `${columns}`, "-y", `${rows}`];
    this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, ...variables, ...command);
  }

  /** Letters as they are. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", text);
  }

  /** Keys by tmux's names: `Enter`, `Tab`, `C-r`, `Up`, … */
  press(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** What is on the screen now, without the empty lines at its end. */
  get screen(): string {
    return this.#tmux("capture-pane", "-p").trimEnd();
  }

  /** Columns and rows from the top left corner, from 0. */
  get cursor(): readonly [column: number, row: number] {
    const [column, row] = this.#tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split(" ");
    return [Number(column), Number(row)];
  }

  /** Waits until the screen shows it; throws Error with what it shows instead. @returns the screen. */
  async see(expected: RegExp | ((screen: string) => boolean)): Promise<string> {
    const isThere = expected instanceof RegExp ? (screen: string) => expected.test(screen) : expected;
    const end = performance.now() + PATIENCE;
    for (;;) {
      const { screen } = this;
      if (isThere(screen)) return screen;
      if (performance.now() > end) throw new Error(`waited for ${expected}, the screen shows:\n${screen}`);
      await Bun.sleep(20);
    }
  }

  close(): void {
    spawnSync("tmux", ["-L", this.#server, "kill-server"]);
  }

  #tmux(...words: string[]): string {
    const { status, stdout, stderr, error } = spawnSync("tmux", ["-L", this.#server, ...words], { encoding: "utf8" });
    if (status !== 0) throw new Error(`tmux ${words.join(" ")}: ${stderr}${error?.message ?? ""}`);
    return stdout;
  }
}
