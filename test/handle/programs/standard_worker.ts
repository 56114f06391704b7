/** A worker cannot make the streams of the main thread follow. */
import * as fs from "node:fs";
import { parentPort } from "node:worker_threads";
import { duplicateOnto } from "duphandle";
import { thrownBy } from "../../support/report.ts";

const link = (fd: number) => fs.readlinkSync(`/proc/self/fd/${fd}`);
const file = fs.openSync("README.md", "r");
const before = [0, 1, 2].map(link);
const errors = [0, 1, 2].map((fd) => thrownBy(() => duplicateOnto(file, fd)));
const same = [0, 1, 2].map(link).join() === before.join();
fs.closeSync(file);
parentPort!.postMessage({
  codes: errors.map((error) => error?.["code"]),
  message: errors[1]?.["message"],
  same,
});
