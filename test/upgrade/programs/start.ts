/** Starts an Upgrade, here or with the argument `worker` in a thread, and reports what came of it. */
import { Upgrade } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

async function started(): Promise<object> {
  try {
    await using upgrade = await Upgrade.start();
    return { generation: upgrade.generation };
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return { name, code, message };
  }
}

if (process.argv[2] === "worker") {
  const worker = startWorker(new URL("./start_thread.ts", import.meta.url), {});
  report(await new Promise((resolve) => worker.once("message", resolve)));
  await worker.terminate();
} else report(await started());
