/** Asks in a worker thread, and then in the main thread, for the channel with the parent. */
import { parentChannel } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const worker = startWorker(new URL("./channel_worker_thread.ts", import.meta.url), {});
const inWorker = await new Promise((resolve) => worker.once("message", resolve));
const channel = parentChannel();
const received = await channel?.receive();
report({ inWorker, inMain: received?.message });
await channel?.close();
await worker.terminate();
