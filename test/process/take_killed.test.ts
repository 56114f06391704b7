/** The other process is killed before, during and after a take. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { type HandleError, openProcess, type OwnedHandle } from "duphandle";
import { beforeAll, expect, test } from "vitest";
import { startOnce } from "../support/peer.ts";
import { rounds } from "../support/rounds.ts";
import { isWindows, openRaw, positionOf, readRaw, temporaryFile } from "../support/system.ts";

/** Under Wine a process takes a hundred times as long to start. */
const ROUNDS = rounds(1000, 150);

beforeAll(startOnce);

/** A process that only waits and has our handle, as its standard input or because it was given. */
function start(stdin: number | "pipe"): ChildProcess {
  const [command, args] = isWindows ? ["cmd.exe", ["/q", "/k"]] : ["sleep", ["600"]];
  return spawn(command as string, args as string[], { stdio: [stdin, "ignore", "ignore"] });
}

function over(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("close", () => resolve()));
}

test(`in ${ROUNDS} rounds nothing leaks, and every error is clear`, async () => {
  using file = temporaryFile("abc");
  using source = openRaw(file.path, "r");
  const fd = isWindows ? undefined : fs.openSync(file.path, "r");
  const seen = { taken: 0, ended: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const child = start(fd ?? "pipe");
    const closed = over(child);
    using other = openProcess(child.pid as number);
    const theirs = isWindows ? other.give(source).raw : 0;
    const when = round % 3;
    if (when < 2) child.kill("SIGKILL");
    if (when === 0) await closed;
    let taken: OwnedHandle | undefined;
    try {
      taken = other.take(theirs);
      seen.taken++;
    } catch (error) {
      expect((error as HandleError).code, String(error)).toBe("ESRCH");
      expect((error as HandleError).message).toContain(`process ${child.pid} has ended`);
      seen.ended++;
    }
    if (when === 0) expect(taken, "of a process that has ended").toBeUndefined();
    if (when === 2) {
      child.kill("SIGKILL");
      await closed;
      expect(positionOf(taken!.raw), "after its end").toBe(0);
    }
    taken?.close();
    await closed;
  }
  if (fd !== undefined) fs.closeSync(fd);
  // Both happened: a third of the processes were killed before the take, and a third after it.
  expect(Math.min(seen.taken, seen.ended)).toBeGreaterThanOrEqual(Math.floor(ROUNDS / 3));
  expect(readRaw(source.raw, 3)).toBe("abc");
});
