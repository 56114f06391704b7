/** Threads of one process that start children at the same time. */
import { expect, test } from "vitest";
import { lacksWorkers } from "../support/child_programs.ts";
import { hasCommand, runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { isWindows, temporaryFile, temporaryFolder } from "../support/system.ts";

test.skipIf(isWindows)("no child of a thread gets what another thread's start has hidden", () => {
  using secret = temporaryFile("secret");
  using folder = temporaryFolder();
  // On one processor the threads take turns, elsewhere they run at the same time.
  const prefixes = hasCommand("taskset") ? [[], ["taskset", "-c", "0"]] : [[]];
  for (const prefix of prefixes) {
    const args = [secret.path, folder.path, String(rounds(200))];
    expect(runProgram("child/threads.ts", { args, prefix }).result).toEqual({
      seen: [0, 0, 0],
      inheritable: [true, true, true, true, true],
    });
  }
});

test.skipIf(lacksWorkers || isWindows)(
  "a thread that was ended in mid-start, and a start within a start, hold up no other",
  () => {
    const { result } = runProgram("child/abandoned.ts");
    expect(result).toEqual({ locked: 1, code: 0, nested: 0 });
  },
);
