/**
 * Does everything that a pool can do while system calls fail, or with only a few free descriptors, once
 * for each number: `fault.ts [FREE …]`. In the end everything must be as if nothing had failed.
 */
import { DescriptorPool, duplicate, HandleError, type OwnedHandle } from "duphandle";
import { isAlone, readFd } from "../../support/pool_files.ts";
import { openRaw, pipeRaw, temporaryFile } from "../../support/system.ts";
import { descriptorCount, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const freeCounts = process.argv.slice(2).map(Number);
// Deno does not survive its own preparations without a free descriptor.
if (freeCounts.length > 0) await settled();
/** How often something is tried that may fail: faults that are injected come now and then. */
const ATTEMPTS = 50;
const codes: Record<string, number> = {};
/** What the pool's errors say. */
const advice = new Set<string>();

/** Whether it worked. What it throws must be an error of the library. */
function works(action: () => void, isOfPool = true): boolean {
  try {
    action();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    // What Deno and Node say of a placeholder that cannot be opened comes as such an error too.
    if (!(error instanceof HandleError)) throw error;
    codes[code!] = (codes[code!] ?? 0) + 1;
    if (isOfPool) advice.add(error.message);
    return false;
  }
}

function finally_<Result>(action: () => Result): Result {
  let result: { value: Result } | undefined;
  for (let attempt = 0; attempt < ATTEMPTS && result === undefined; attempt++) {
    works(() => result = { value: action() });
  }
  if (result === undefined) throw new Error(`failed ${ATTEMPTS} times: ${JSON.stringify(codes)}`);
  return result.value;
}

function round(freeCount: number | undefined): void {
  const text = Array.from({ length: 100 }, (_, at) => String(at).padStart(3, "0")).join("");
  using file = temporaryFile(text);
  const pool = new DescriptorPool({ limit: 10 });
  const add = (handle: OwnedHandle) => finally_(() => pool.add(handle));
  const files = Array.from({ length: 60 }, () => ({ file: add(openRaw(file.path, "r")), at: 0 }));
  const fillers: OwnedHandle[] = [];
  if (freeCount !== undefined) {
    while (works(() => fillers.push(duplicate(1)), false));
    for (let freed = 0; freed < freeCount; freed++) fillers.pop()?.close();
  }
  const spare = freeCount === undefined ? 20 : 0;
  const handles = Array.from({ length: spare }, () => openRaw(file.path, "r"));
  for (let step = 0; step < 120; step++) {
    const each = files[step * 37 % files.length]!;
    if (works(() => check(each, each.file.use((fd) => readFd(fd, 3))))) each.at++;
    works(() => each.file.pin()[Symbol.dispose]());
    const handle = handles.at(-1);
    if (step % 5 === 0 && handle !== undefined) {
      if (works(() => files.push({ file: pool.add(handle), at: 0 }))) handles.pop();
      else if (handle.closed) throw new Error("the handle was consumed");
    }
    if (step % 7 === 0) {
      if (works(() => each.file.close())) files.splice(files.indexOf(each), 1);
      else if (each.file.closed) throw new Error("a file is half closed");
    }
  }
  for (const filler of fillers) filler.close();
  for (const handle of handles) handle.close();
  for (const each of files) check(each, finally_(() => each.file.use((fd) => readFd(fd, 3))));
  // A file that is closed is released at once, whatever had failed before.
  const { reader, writer } = pipeRaw();
  const pooled = add(writer);
  for (const each of files.slice(0, 12)) finally_(() => each.file.use((fd) => fd));
  finally_(() => pooled.close());
  if (!isAlone(reader)) throw new Error("the pipe is not released");
  reader.close();
  pool.close();
}

function check(each: { at: number }, text: string): void {
  const expected = String(each.at).padStart(3, "0");
  if (text !== expected) throw new Error(`"${text}" and not "${expected}"`);
}

duplicate(1).close();
const before = descriptorCount();
for (const freeCount of freeCounts.length === 0 ? [undefined] : freeCounts) round(freeCount);
report({ codes, left: descriptorCount() - before, advice: [...advice] });
