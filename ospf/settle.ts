/** Works off posted events until none is left. */
import type { Core } from "#ospf/core";
import { interfaceEvent } from "#ospf/interface/interfaces";
import { neighborEvent } from "#ospf/neighbor/neighbors";

/** More than any legitimate chain of events: a defect of ours must not hang the router. */
const MAX_POSTS = 1_000_000;

export function settle(core: Core): void {
  for (let handled = 0; core.posts.length > 0; handled++) {
    if (handled > MAX_POSTS) throw new Error("OSPF events without end");
    const post = core.posts.shift()!;
    if ("interface" in post) interfaceEvent(core, post.interface, post.event);
    else neighborEvent(core, post.neighbor, post.event);
  }
}
