/** A process whose pool is at work is killed: nothing of it survives. */
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn } from "duphandle";
import { expect, test } from "vitest";
import { tryLock } from "./support/linux_objects.ts";
import { isAlone } from "./support/pool_files.ts";
import { rounds } from "./support/rounds.ts";
import { runtimeCommands } from "./support/runtime_commands.ts";
import { openRaw, pipeRaw, readRaw, temporaryFolder } from "./support/system.ts";

const ROUNDS = rounds(200);
/** How many rounds go at once. */
const AT_ONCE = 4;
const MARK = `DUPHANDLE_VICTIM_OF=${process.pid}`;
const script = path.join(import.meta.dirname, "programs", "pool_victim.ts");
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
  for (let time = 1; !isSo(); time *= 2) {
    if (time > 20_000) throw new Error(`not so: ${what}`);
    await wait(time);
  }
}

/** What it did before its end: so many rounds of its work, or -1 when it was killed while it started. */
async function round(random: () => number): Promise<number> {
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
  // Now and then it is killed while it starts; else when it has begun to work.
  const locked = path.join(folder.path, "locked");
  if (random() < 0.8) await until(() => fs.existsSync(locked), "it works");
  await wait(random() * 40);
  const isAtWork = fs.existsSync(locked);
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  expect(fs.readFileSync(children, "utf8"), "it has no helper").toBe("");
  child.kill("SIGKILL");
  await over;
  await until(() => isAlone(reader), "what only its pool had is released");
  const { length } = readRaw(reader.raw, 65_536);
  reader.close();
  if (!isAtWork) return -1;
  using again = openRaw(locked, "r+");
  await until(() => tryLock(again.raw), "its lock is released");
  return length;
}

test.runIf(process.platform === "linux")(
  `in ${ROUNDS} rounds no process and no object of a killed one survives (Windows keeps handles only)`,
  async () => {
    let state = 7;
    const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
    let rounds = 0;
    const seen = { atWork: 0, work: 0 };
    const lane = async () => {
      while (rounds < ROUNDS) {
        rounds++;
        const work = await round(random);
        if (work < 0) continue;
        seen.atWork++;
        seen.work += work;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    expect(seen.atWork, "most were at work").toBeGreaterThan(ROUNDS / 2);
    expect(seen.work, "there was load").toBeGreaterThan(ROUNDS);
    await until(() => marked().length === 0, "every process has ended");
  },
);
