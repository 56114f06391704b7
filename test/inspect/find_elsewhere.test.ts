/** Finding holders on Linux that other namespaces, file systems and privileges set apart. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { findHandles, listHandles } from "duphandle";
import { describe, expect, test } from "vitest";
import { sleep } from "../../src/util/node.ts";
import { canChangeUser, nobody } from "../support/nobody.ts";
import { lastLine, programPath, root, runProgram } from "../support/program.ts";
import { temporaryFile, temporaryFolder } from "../support/system.ts";
import { hasPython } from "../support/unix_pairs.ts";

const inNewNetwork = ["unshare", "-Urn"];
const [command, ...options] = inNewNetwork;
const canUnshare = hasPython && spawnSync(command!, [...options, "true"]).status === 0;

/** Mounts a file system whose inodes have all 64 bits, and holds the second of its two files as fd 9. */
const OVERLAY =
  "mount -t tmpfs a lower && mount -t tmpfs b upper && mkdir upper/data upper/work && " +
  "touch lower/1 lower/2 && " +
  "mount -t overlay -o lowerdir=lower,upperdir=upper/data,workdir=upper/work,xino=on c merged && " +
  "exec 9<merged/2";
const inOverlay = [
  "unshare",
  "-m",
  "sh",
  "-c",
  `cd "$1" && mkdir lower upper merged && ${OVERLAY} && ` +
  'cd "$2" && shift 2 && exec "$@"',
  "sh",
];
const canOverlay = hasPython && overlays();

function overlays(): boolean {
  using folder = temporaryFolder();
  const [command, ...args] = [...inOverlay, folder.path, root, "true"];
  return spawnSync(command!, args).status === 0;
}

/** A process that holds something: hold.py. */
class Holder implements AsyncDisposable {
  readonly pid: number;
  readonly fd: number;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcess, closed: Promise<unknown>, [pid, fd]: [number, number]) {
    [this.#child, this.#closed, this.pid, this.fd] = [child, closed, pid, fd];
  }

  static async start(args: readonly string[], prefix: readonly string[] = []): Promise<Holder> {
    const [command, ...words] = [...prefix, "python3", programPath("inspect/hold.py"), ...args];
    const child = spawn(command!, words, { stdio: ["pipe", "pipe", "inherit"] });
    const closed = once(child, "close");
    const failed = closed.then(() => Promise.reject(new Error("it ended")));
    failed.catch(() => {});
    const line = once(createInterface(child.stdout!), "line") as Promise<[string]>;
    const [numbers] = await Promise.race([line, failed]);
    return new Holder(child, closed, JSON.parse(numbers) as [number, number]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    await this.#closed;
  }
}

const numbers = (found: readonly { pid: number; raw: number | undefined }[]) =>
  found.map(({ pid, raw }) => [pid, raw]);

describe.runIf(hasPython)("findHandles() finds on Linux (needs python3)", () => {
  test.runIf(canUnshare)("a Unix socket at its path from another network namespace", async () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, "socket");
    await using holder = await Holder.start(["socket", file], inNewNetwork);
    expect(numbers(findHandles({ path: file }))).toEqual([[holder.pid, holder.fd]]);
  });

  test("what a process holds whose first thread has ended", async () => {
    using file = temporaryFile("abc");
    await using holder = await Holder.start(["thread", file.path]);
    expect(numbers(findHandles({ path: file.path }))).toEqual([[holder.pid, holder.fd]]);
  });

  test("memory at a position above the largest signed number", async () => {
    await using holder = await Holder.start(["memory"]);
    const wanted = [[holder.pid, holder.fd]];
    expect(numbers(findHandles({ path: `/proc/${holder.pid}/mem` }))).toEqual(wanted);
    expect(numbers(listHandles(holder.pid))).toContainEqual(wanted[0]);
  });

  test.runIf(canOverlay)("no other file whose inode is nearly the same", () => {
    using folder = temporaryFolder();
    const prefix = [...inOverlay, folder.path, process.cwd()];
    const args = [path.join(folder.path, "merged", "1")];
    const { output } = runProgram("inspect/find.ts", { prefix, args });
    const { raws, path: found } = lastLine(output) as {
      raws: number[];
      path: { raws: [boolean, number][] };
    };
    expect(found.raws).toEqual(raws.toSorted((a, b) => a - b).map((raw) => [true, raw]));
  });
});

test.runIf(canChangeUser)(
  "findHandles() says what root lacks that may only list descriptors",
  () => {
    using file = temporaryFile("abc");
    const other = spawn(nobody[0]!, [...nobody.slice(1), "sleep", "60"], { stdio: "ignore" });
    while (fs.statSync(`/proc/${other.pid}`).uid === 0) sleep(5);
    const prefix = ["setpriv", "--bounding-set=-sys_ptrace", "--"];
    const { output } = runProgram("inspect/find.ts", { prefix, args: [file.path] });
    other.kill();
    const { path } = lastLine(output) as { path: { hidden: unknown[] } };
    const hint = expect.stringMatching(/user 65534 .* user 0: .*CAP_SYS_PTRACE$/) as string;
    expect(path.hidden).toContainEqual({ pid: other.pid, code: "EACCES", reason: hint });
  },
);
