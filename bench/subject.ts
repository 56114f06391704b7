/**
 * The loops over this library: `subject.ts LEVEL BATCHES SIZE`. The level is `posix`, the system
 * calls of duphandle/posix, or `main`, the functions of duphandle that most users call.
 */
import process from "node:process";
import * as posix from "../ffi/posix/mod.ts";
import { duplicate, duplicateOnto, HandleError } from "../mod.ts";
import { type Files, type Loop, openFiles, type Operation, report } from "./timing.ts";

type Loops = Partial<Record<Operation, Loop>>;

const { close, dup, dup2, dup3, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_getfl, lseek } = posix;

const levels: Readonly<Record<string, (files: Files) => Loops>> = { posix: systemCalls, main };

const files = openFiles();
const level = process.argv[2] ?? "";
const loops = levels[level];
if (loops === undefined) throw new Error(`Cannot measure ${level}: it must be posix or main`);
mix(files);
const { bun, deno, node } = process.versions;
report((deno ?? bun ?? node) as string, loops(files), files);

/**
 * Calls every function often before anything is measured, as a program that does more than one thing
 * would: what an engine learns from one function it applies to others, and that may slow both.
 */
function mix({ source, target }: Files): void {
  for (let at = 0; at < 20_000; at++) {
    using copy = duplicate(source);
    dup3(copy.raw, target, posix.O_CLOEXEC);
    dup2(source, target);
    duplicateOnto(copy, target);
    copy.duplicate({ minimum: 10 }).close();
    fcntl_getfl(copy.raw);
    fcntl_getfd(target);
    lseek(source, 0, posix.SEEK_CUR);
    close(dup(source));
    close(fcntl_dupfd_cloexec(source, 3));
  }
}

function systemCalls({ source, target }: Files): Loops {
  // A number below the size of the file table: for one beyond it the kernel fails sooner.
  const closed = fcntl_dupfd_cloexec(source, 100);
  close(closed);
  return {
    pair(count) {
      for (let at = 0; at < count; at++) close(fcntl_dupfd_cloexec(source, 3));
    },
    onto: process.platform === "darwin" ? ontoInTwoSteps : ontoInOne,
    failing(count) {
      for (let at = 0; at < count; at++) {
        try {
          dup(closed);
        } catch (error) {
          if (!(error instanceof HandleError) || error.code !== "EBADF") throw error;
        }
      }
    },
  };

  function ontoInOne(count: number): void {
    for (let at = 0; at < count; at++) dup3(source, target, posix.O_CLOEXEC);
  }

  function ontoInTwoSteps(count: number): void {
    for (let at = 0; at < count; at++) {
      dup2(source, target);
      posix.fcntl_setfd(target, posix.FD_CLOEXEC);
    }
  }
}

function main({ source, target }: Files): Loops {
  return {
    pair(count) {
      for (let at = 0; at < count; at++) duplicate(source).close();
    },
    onto(count) {
      for (let at = 0; at < count; at++) duplicateOnto(source, target);
    },
  };
}
