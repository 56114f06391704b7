/**
 * A worker that disturbs the others: it makes file system calls of its own, of which every second
 * one fails, and sends signals to all threads.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import { signaller } from "./signals.ts";

/** What a disturber did, posted when it is stopped. */
export interface Disturbance {
  readonly files: number;
  readonly sent: number;
}

const PERIOD_MS = 2;
const ROUNDS = 10;

const folder = mkdtempSync(join(tmpdir(), "duphandle-soak-"));
const file = join(folder, "file");
const sendSignals = process.platform === "win32" ? (): number => 0 : signaller();
let files = 0;
let sent = 0;

const interval = setInterval(() => {
  for (let round = 0; round < ROUNDS; round++) useFiles();
  sent += sendSignals();
}, PERIOD_MS);

parentPort?.once("message", () => {
  clearInterval(interval);
  rmSync(folder, { recursive: true });
  parentPort?.postMessage({ files, sent } satisfies Disturbance);
});

function useFiles(): void {
  writeFileSync(file, "written, read and removed");
  readFileSync(file);
  rmSync(file);
  for (const fails of [() => readFileSync(file), () => statSync(file), () => readdirSync(file)]) {
    try {
      fails();
    } catch {
      files += 2;
    }
  }
}
