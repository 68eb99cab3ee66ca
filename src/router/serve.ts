/** A router with its API socket and signals, from start to end. */
import { ApiServer, type ApiTarget } from "#router/api/server";
import { describeChange } from "#router/config/plan";
import { Router, type RouterOptions } from "#router/router";
import { show } from "#router/show";
import { VIEWS } from "#router/views";

/** Resolves when the router was told to stop and all is put back. Throws Error when it cannot start. */
export async function serve(options: RouterOptions): Promise<void> {
  const { node, fabric } = options.configuration;
  const stopping = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.resolve(signal));
  const router = await Router.start(options);
  try {
    const api = await ApiServer.listen(
      node.socket,
      target(router, () => stopping.resolve("ain stop")),
    );
    options.log.info(
      `${node.role} ${node.name} (${node.address.text}) of fabric ${fabric.name} runs; API on ${api.path}`,
    );
    const why = await Promise.race([stopping.promise, router.ended]);
    options.log.info(`stopping: ${why}`);
    await api.close();
  } finally {
    await router.stop();
  }
}

function target(router: Router, stop: () => void): ApiTarget {
  return {
    shows: VIEWS,
    show: (what) => show(router, what),
    plan: async () => {
      const plan = router.plan();
      return "errors" in plan ? { changes: [], errors: plan.errors } : { changes: plan.changes.map(describeChange) };
    },
    reload: () => router.reload(),
    stop,
  };
}
