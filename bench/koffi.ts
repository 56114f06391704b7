/**
 * The same loops with koffi called directly, as a Node user would write them without this library:
 * `koffi.ts BATCHES SIZE`. Linux only: on macOS for arm64 the third argument of fcntl is on the stack.
 */
import process from "node:process";
import koffi from "koffi";
import { openFiles, report } from "./timing.ts";

const F_DUPFD_CLOEXEC = 1030;
const F_GETFL = 3;
const O_CLOEXEC = 0o2000000;
const SEEK_CUR = 1;

const libc = koffi.load("libc.so.6");
const fcntl = libc.func("int fcntl(int fd, int cmd, int arg)");
const dup = libc.func("int dup(int oldfd)");
const dup3 = libc.func("int dup3(int oldfd, int newfd, int flags)");
const close = libc.func("int close(int fd)");
const lseek = libc.func("int64_t lseek(int fd, int64_t offset, int whence)");

const files = openFiles();
const { source, target } = files;
const closed = fcntl(source, F_DUPFD_CLOEXEC, 100);
close(closed);

// As in subject.ts: every function is called often before anything is measured.
for (let at = 0; at < 20_000; at++) {
  dup3(source, target, O_CLOEXEC);
  fcntl(source, F_GETFL, 0);
  lseek(source, 0, SEEK_CUR);
  close(dup(source));
}

report(process.versions.node, {
  pair(count) {
    for (let at = 0; at < count; at++) {
      const copy = fcntl(source, F_DUPFD_CLOEXEC, 3);
      if (copy === -1) throw new Error(`fcntl failed: errno ${koffi.errno()}`);
      if (close(copy) === -1) throw new Error(`close failed: errno ${koffi.errno()}`);
    }
  },
  onto(count) {
    for (let at = 0; at < count; at++) {
      if (dup3(source, target, O_CLOEXEC) === -1) {
        throw new Error(`dup3 failed: errno ${koffi.errno()}`);
      }
    }
  },
  // Reads errno only: no error object is made.
  failing(count) {
    for (let at = 0; at < count; at++) {
      if (dup(closed) !== -1 || koffi.errno() !== koffi.os.errno["EBADF"]) {
        throw new Error("dup did not fail with EBADF");
      }
    }
  },
}, files);
