/** Asks in a worker thread, and then in the main thread, for what the process was given. */
import { inherited, inheritedNames } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const worker = startWorker(new URL("./worker_thread.ts", import.meta.url), {});
const inWorker = await new Promise((resolve) => worker.once("message", resolve));
report({ inWorker, inMain: inheritedNames() });
inherited("log").close();
await worker.terminate();
