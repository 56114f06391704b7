/**
 * Duplicates the handle of a real file and shows what a duplicate is:
 * `deno run -A examples/demo.ts FILE`, or the same with `bun` or `node`.
 */
import { borrow, duplicate, HandleError, OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";

const file = process.argv[2] ?? "README.md";
const windows = process.platform === "win32";

const original = open(file);
const copy = duplicate(original);
say(`open ${file}`, `handle ${original.raw}`);
say("duplicate it", `handle ${copy.raw}, the same open file`);
say("read the original", read(original));
say("read the copy", `${read(copy)}  (the position is shared)`);
original.close();
say("close the original", "");
say("read the copy", `${read(copy)}  (the file stays open)`);
const { raw } = copy;
copy.close();
say("close the copy", "");
try {
  borrow(raw).duplicate();
} catch (error) {
  if (!(error instanceof HandleError)) throw error;
  say("duplicate a closed one", `is refused with ${error.code}, as it must be:`);
  console.log(`    "${error.message}"`);
}
console.log("  done");

/** Opens a file by the system's own call, which the three runtimes have in common. */
function open(path: string): OwnedHandle {
  return OwnedHandle.fromRaw(
    windows
      ? win32.CreateFileW(path, win32.GENERIC_READ, 7, null, win32.OPEN_EXISTING, 0x80, 0)
      : posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC),
  );
}

function read({ raw }: OwnedHandle): string {
  const buffer = new Uint8Array(12);
  const count = windows ? win32.ReadFile(raw, buffer) : posix.read(raw, buffer);
  return JSON.stringify(new TextDecoder().decode(buffer.subarray(0, count)));
}

function say(what: string, result: string): void {
  console.log(`  ${what.padEnd(23)} ${result}`);
}
