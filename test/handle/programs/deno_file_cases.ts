/**
 * What is chosen where choosing is hard. With a second argument, the kernel compares no open files, as in
 * containers on Linux before 6.10.
 */
import { close, fcntl_dupfd_cloexec, lseek, O_CLOEXEC, open, pipe2 } from "duphandle/posix";
import { isOneOpenFile } from "../../../ffi/posix/identity.ts";
import { holdsLock } from "../../../ffi/posix/proc.ts";
import { type FsFile, fsFileFrom, rawOfFsFile } from "../../../src/handle/deno_file.ts";
import { report, thrownBy } from "../../support/report.ts";
import { refuseComparing } from "../../support/seccomp.ts";

interface File {
  seekSync(offset: number, whence: number): number;
  tryLockSync(exclusive: boolean): boolean;
  close(): void;
}
const deno = (globalThis as unknown as {
  Deno: { pid: number; openSync(path: string, options?: object): File };
}).Deno;

const path = process.argv[2]!;
if (process.argv[3] !== undefined) refuseComparing();
const rawOf = (file: File): number => rawOfFsFile(file as FsFile);
/** Whether a position given through the descriptor is the file's. */
function follows(file: File, raw: number): boolean {
  const before = file.seekSync(0, 1);
  lseek(raw, 12_345, 0);
  const found = file.seekSync(0, 1) === 12_345;
  file.seekSync(before, 0);
  return found;
}

const results: Record<string, unknown> = {};
results["compares"] = isOneOpenFile(1, 1);

// Six times the same file: three at one position, two at another, and one with a duplicate.
const files = [0, 0, 0, 7, 7, 3].map((position) => {
  const file = deno.openSync(path);
  file.seekSync(position, 0);
  return file;
});
const others = [0, 7].map((position) => {
  const fd = open(path, O_CLOEXEC);
  lseek(fd, position, 0);
  return fd;
});
const raws = files.map(rawOf);
results["distinct"] = new Set(raws).size;
results["follows"] = files.map((file, at) => follows(file, raws[at]!));
results["positions"] = [...files.map((file) => file.seekSync(0, 1)), ...others.map(at)];

// A duplicate that existed before anybody asked: either number will do, and no third one.
const late = deno.openSync(path);
const rawOfLate = Math.max(...numbersOf(late));
const duplicates = [rawOfLate, fcntl_dupfd_cloexec(rawOfLate, 3)];
results["duplicated"] = duplicates.includes(rawOf(late)) && follows(late, rawOf(late));

// The two ends of a pipe have no positions.
const [reader, writer] = pipe2(O_CLOEXEC);
const read = deno.openSync(`/proc/self/fd/${reader}`);
close(reader);
const rawOfRead = rawOf(read);
results["pipe"] = rawOfRead !== writer && thrownBy(() => lseek(rawOfRead, 0, 1))?.["code"];
const written = deno.openSync(`/proc/self/fd/${rawOfRead}`, { read: false, write: true });
// A second writer, beside the first.
const rawOfWritten = rawOf(written);
results["two writers"] = ![writer, rawOfRead].includes(rawOfWritten) &&
  isOneOpenFile(rawOfWritten, writer) !== true;
close(writer);
const known = fsFileFrom(fcntl_dupfd_cloexec(rawOfWritten, 3)) as File;
results["made here"] = rawOf(known) !== rawOfWritten;

// The null device stays at 0 wherever it is sent. A lock of its own must stay, too.
const nulls = [0, 1, 2, 3].map(() => deno.openSync("/dev/null"));
results["null"] = new Set(nulls.slice(0, 3).map(rawOf)).size;
nulls[0]!.tryLockSync(false);
results["locked"] = thrownBy(() => rawOf(nulls[3]!));
results["lock"] = holdsLock(rawOf(nulls[0]!));

for (const file of [...files, late, read, written, known, ...nulls]) file.close();
for (const fd of [...others, duplicates[1]!]) close(fd);
report(results);

function at(fd: number): number {
  return lseek(fd, 0, 1);
}

/** The numbers that follow a file, by trying them all. */
function numbersOf(file: File): number[] {
  const found: number[] = [];
  for (let fd = 3; fd < 100; fd++) {
    try {
      const before = at(fd);
      if (follows(file, fd)) found.push(fd);
      lseek(fd, before, 0);
    } catch {
      // Not open, or it has no position.
    }
  }
  return found;
}
