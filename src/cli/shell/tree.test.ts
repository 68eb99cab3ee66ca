import { expect, test } from "bun:test";
import { program } from "#cli/program";
import { asksOneRouter, asksRouters, follow, leaves } from "#cli/shell/tree";

const full = (line: string): string => follow(program(), line.split(" ").filter(Boolean)).words.join(" ");

test("names of commands and choices may be abbreviated as long as one alone is meant", () => {
  expect(full("sho osp nei")).toBe("show ospf neighbors");
  expect(full("sho po")).toBe("show ports");
  expect(full("lab st quickstart")).toBe("lab status quickstart");
  expect(full("sho ospf data ext 0.0.0.1")).toBe("show ospf database external 0.0.0.1");
  expect(() => full("sho n")).toThrow('"n" may mean neighbors, networks, nat');
  expect(() => full("s")).toThrow("may mean");
});

test("what is no abbreviation is left to commander", () => {
  expect(full("chek x")).toBe("chek x");
  expect(full("show connections web")).toBe("show connections web");
});

test("an option's value is no name of a command", () => {
  expect(full("show --router osp nei")).toBe("show --router osp neighbors");
  expect(follow(program(), ["show", "--router"]).pending?.long).toBe("--router");
  expect(follow(program(), ["show", "--router=hv1"]).pending).toBeUndefined();
});

test("another program's command line is left alone", () => {
  expect(full("lab exec quickstart hv1 -- ain sho po")).toBe("lab exec quickstart hv1 -- ain sho po");
  expect(follow(program(), ["lab", "exec", "q", "hv1", "ping"]).isLiteral).toBe(true);
});

test("commands that ask routers say so by their options", () => {
  const asking = leaves(program()).filter(({ command }) => asksRouters(command));
  const names = asking.map(({ path }) => path.join(" "));
  for (const name of ["show", "show ospf", "vm list", "reload", "move", "alloc", "why"]) expect(names).toContain(name);
  for (const name of ["check", "home", "verify", "lab up", "run", "shell"]) expect(names).not.toContain(name);
  expect(asking.filter(({ command }) => !asksOneRouter(command)).map(({ path }) => path.join(" "))).toEqual([
    ...["alloc", "why", "trace", "move", "web"],
  ]);
});

test("every argument and option says what it is, for help and completion", () => {
  const mute = leaves(program()).flatMap(({ path, command }) => [
    ...(command.description() === "" ? [path.join(" ")] : []),
    ...command.registeredArguments
      .filter(({ description }) => description === "")
      .map((argument) => `${path.join(" ")} ${argument.name()}`),
    ...command.options.filter(({ description }) => description === "").map(({ flags }) => `${path.join(" ")} ${flags}`),
  ]);
  expect(mute).toEqual([]);
});
