/** A process whose pool is at work is killed: nothing of it survives. */
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn } from "duphandle";
import { expect, test } from "vitest";
import { isReady, tryLock } from "../support/linux_objects.ts";
import { isAlone } from "../support/pool_files.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { openRaw, pipeRaw, temporaryFolder } from "../support/system.ts";
import { programPath } from "../support/program.ts";

const ROUNDS = rounds(200);
/** How many rounds go at once. */
const AT_ONCE = 4;
const MARK = `DUPHANDLE_VICTIM_OF=${process.pid}`;
const script = programPath("pool/victim.ts");
/** The runtime that starts fastest is the victim; what is left of it is for the kernel to release. */
const [executable, ...flags] = runtimeCommands().find(({ name }) => name === "bun")!
  .command as [string, ...string[]];

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The processes that have the mark of our victims in their environment. */
function marked(): string[] {
  return fs.readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && fs.readFileSync(`/proc/${name}/environ`, "utf8").includes(MARK);
    } catch {
      return false; // it has ended, or is another user's
    }
  });
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 300_000;
  for (let time = 1; !isSo(); time = Math.min(time * 2, 20)) {
    if (Date.now() > end) throw new Error(`not so: ${what}`);
    await wait(time);
  }
}

/** When a victim is killed: some while after that. */
type Moment = "started" | "locked" | "at work";
const moments: readonly Moment[] = ["started", "locked", "at work", "locked", "at work"];

async function round(moment: Moment, random: () => number): Promise<void> {
  using folder = temporaryFolder();
  const { reader, writer } = pipeRaw();
  const [name, value] = MARK.split("=") as [string, string];
  const child: ChildProcess = spawn(executable, [...flags, script, folder.path], {
    stdio: "ignore",
    env: { ...process.env, [name]: value },
    handles: { writer },
  });
  const over = new Promise((resolve) => child.once("close", resolve));
  writer.close();
  const locked = path.join(folder.path, "locked");
  if (moment !== "started") await until(() => fs.existsSync(locked), "its pool has a lock");
  if (moment === "at work") await until(() => isReady(reader.raw), "its pool is full and at work");
  await wait(random() * 40);
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  expect(fs.readFileSync(children, "utf8"), "it has no helper").toBe("");
  child.kill("SIGKILL");
  await over;
  await until(() => isAlone(reader), "what only its pool had is released");
  reader.close();
  if (moment === "started") return;
  using again = openRaw(locked, "r+");
  await until(() => tryLock(again.raw), "its lock is released");
}

test.runIf(process.platform === "linux")(
  `in ${ROUNDS} rounds no process and no object of a killed one survives (Windows keeps handles only)`,
  async () => {
    let state = 7;
    const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
    let begun = 0;
    const lane = async () => {
      while (begun < ROUNDS) await round(moments[begun++ % moments.length]!, random);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await until(() => marked().length === 0, "every process has ended");
  },
);
