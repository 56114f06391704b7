/** Calls listenFds() in a worker thread, and then in the main thread. */
import { listenFds } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const worker = startWorker(new URL("./worker_thread.ts", import.meta.url), {});
const inWorker = await new Promise((resolve) => worker.once("message", resolve));
report({ inWorker, inMain: listenFds() });
await worker.terminate();
