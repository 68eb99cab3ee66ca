/** Labs that containerlab has deployed, as Docker tells of them. */
import { spawnSync } from "node:child_process";
import { z } from "zod";
import { LabError } from "#lab/lab-error";

/** One node of such a lab. */
export interface Container {
  /** Of the topology's. */
  readonly node: string;
  /** `clab-<lab>-<node>`, unless the topology has another prefix; /run/netns has its namespace under that name. */
  readonly name: string;
  /** Its first process; 0: it does not run. */
  readonly pid: number;
  /** What its image is to play: router, frr or vm of containerlab/image/Dockerfile; undefined: another image. */
  readonly image: string | undefined;
}

export interface ContainerLab {
  /** Absolute path of the topology file. */
  readonly file: string;
  readonly containers: readonly Container[];
}

/** The first two labels are containerlab's, the third is of our images. */
const inspected = z.array(
  z.object({
    Name: z.string(),
    State: z.object({ Pid: z.int() }),
    Config: z.object({
      Labels: z.object({
        "clab-node-name": z.string(),
        "clab-topo-file": z.string(),
        "ain-image": z.string().optional(),
      }),
    }),
  }),
);

/** undefined: there is none of that name, or no Docker. Throws LabError when Docker's answer is not understood. */
export function findContainerLab(name: string): ContainerLab | undefined {
  const ids =
    docker(["ps", "--quiet", "--filter", `label=containerlab=${name}`])
      ?.split("\n")
      .filter(Boolean) ?? [];
  if (ids.length === 0) return undefined;
  const found = inspected.safeParse(JSON.parse(docker(["inspect", ...ids]) ?? "[]"));
  if (!found.success) throw new LabError(`docker inspect tells of ${name} otherwise than expected: ${found.error}`);
  const containers = found.data.map(
    ({ Name, State, Config }): Container => ({
      node: Config.Labels["clab-node-name"],
      name: Name.replace(/^\//, ""),
      pid: State.Pid,
      image: Config.Labels["ain-image"],
    }),
  );
  const file = found.data[0]?.Config.Labels["clab-topo-file"];
  return file === undefined ? undefined : { file, containers };
}

/** What a command of Docker's prints; undefined: it is not installed, or its daemon does not answer. */
function docker(words: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync("docker", words, { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}
