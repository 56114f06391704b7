/** Starts children in several threads while handles are inheritable: none may get one that is not named. */
import { duplicate } from "duphandle";
import { report } from "../../support/report.ts";
import { openRaw } from "../../support/system.ts";
import { startWorker } from "../../support/worker.mjs";

const [secret, folder, count] = process.argv.slice(2) as [string, string, string];
const source = openRaw(secret, "r");
const inheritable = Array.from({ length: 5 }, () => duplicate(source, { inheritable: true }));
const workers = Array.from(
  { length: 3 },
  (_, at) =>
    startWorker(new URL("./threads_worker.ts", import.meta.url), {
      list: `${folder}/list${at}.txt`,
      secret,
      count: Number(count),
    }),
);
const seen = await Promise.all(
  workers.map((worker) => new Promise<number>((resolve) => worker.once("message", resolve))),
);
report({ seen, inheritable: inheritable.map((handle) => handle.inheritable) });
process.exit(0);
