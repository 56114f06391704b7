/** Adoption in several threads of Deno for Windows at once: each needs numbers that another one may have. */
import * as fs from "node:fs";
import { copyFileHandleSync, OwnedHandle } from "duphandle";
import { CreateFileW, GENERIC_READ, SetFilePointerEx } from "duphandle/win32";
import { report } from "../../support/report.ts";
import { openFileCount } from "../../support/windows_objects.ts";

interface Task {
  readonly path: string;
  readonly rounds: number;
}

/** What is used of Deno's own threads, for type checkers that do not know them. */
interface Thread {
  onmessage: ((event: { data: never }) => void) | null;
  postMessage(value: unknown): void;
  terminate(): void;
}
const global = globalThis as unknown as Thread & {
  WorkerGlobalScope?: unknown;
  Worker: new (url: string, options: { type: "module" }) => Thread;
};

/** Makes files of Deno's, reads a byte of each, and closes them. Returns what went wrong. */
function adopt({ path, rounds }: Task): string[] {
  using owner = OwnedHandle.fromRaw(CreateFileW(path, GENERIC_READ, 7, null, 3, 0, 0));
  const wrong: string[] = [];
  const byte = new Uint8Array(1);
  for (let round = 0; round < rounds; round++) {
    SetFilePointerEx(owner.raw, round % 10, 0);
    try {
      const fd = copyFileHandleSync(owner);
      fs.readSync(fd, byte, 0, 1, null);
      fs.closeSync(fd);
      if (String.fromCharCode(byte[0]!) !== `${round % 10}`) wrong.push("another file");
    } catch (error) {
      wrong.push(String(error));
    }
  }
  return wrong;
}

/** Adopts in three threads. Returns what went wrong, and how many handles they have left. */
async function inThreads(task: Task): Promise<{ wrong: string[]; grown: number }> {
  const threads = [1, 2, 3].map(() => new global.Worker(import.meta.url, { type: "module" }));
  const answers = (task: Task) =>
    Promise.all(threads.map((thread) =>
      new Promise<string[]>((resolve) => {
        thread.onmessage = ({ data }) => resolve(data);
        thread.postMessage(task);
      })
    ));
  await answers({ ...task, rounds: 1 });
  const before = openFileCount();
  const wrong = (await answers(task)).flat();
  const grown = openFileCount() - before;
  for (const thread of threads) thread.terminate();
  return { wrong, grown: Math.max(0, grown) };
}

if (global.WorkerGlobalScope === undefined) {
  report(await inThreads({ path: process.argv[2]!, rounds: Number(process.argv[3]) }));
  process.exit(0);
}
global.onmessage = ({ data }) => global.postMessage(adopt(data));
