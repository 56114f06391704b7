/** Both directions with the permissions that the test gives. */
import { duplicate } from "duphandle";
import { close, dup, O_CLOEXEC, O_RDONLY, open, write } from "duphandle/posix";
import { openDescriptors } from "../../../ffi/posix/identity.ts";
import { type FsFile, fsFileFrom } from "../../../src/handle/deno_file.ts";
import { report, thrownBy } from "../../support/report.ts";

interface File {
  statSync(): { size: number };
  readSync(bytes: Uint8Array): number | null;
  seekSync(offset: number, whence: number): number;
  close(): void;
}
const deno = (globalThis as unknown as {
  Deno: { openSync(path: string, options?: object): File };
}).Deno;

const raw = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
close(dup(1));
const before = openDescriptors();
let follows: number[] | undefined;
let bytes: number | null | undefined;
const refused = thrownBy(() => {
  const file = fsFileFrom(raw) as File;
  duplicate(file as FsFile).close();
  file.statSync();
  bytes = file.readSync(new Uint8Array(4));
  file.close();
});
// Deno may not tell which file it is, since it may not read its path.
const written = thrownBy(() => {
  const path = process.argv[2]!;
  const options = { write: true, read: false, append: true };
  const [file, second] = [1, 2].map(() => deno.openSync(path, options)) as [File, File];
  const copy = duplicate(second as unknown as FsFile);
  write(copy.raw, new Uint8Array(7));
  follows = [file.seekSync(0, 1), second.seekSync(0, 1)];
  copy.close();
  file.close();
  second.close();
});
const left = openDescriptors().filter((fd) => !before.includes(fd));
report({ refused, bytes, written, follows, left, consumed: !openDescriptors().includes(raw) });
