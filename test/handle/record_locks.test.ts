/**
 * Closing any descriptor of a file drops the record locks that the process has on the file. So no function
 * of the library closes one that it was not asked to close: the kernel's own list says so.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { borrow, copyFileHandle, copyFileHandleSync, duplicate, redirect, spawn } from "duphandle";
import { describe, expect, test } from "vitest";
import { publicNames } from "../../scripts/faults/exports.ts";
import { notOpen } from "../support/matchers.ts";
import { root, runProgram } from "../support/program.ts";
import { lockCalls, withoutSource } from "../support/record_lock_calls.ts";
import { lockRecords, recordLocks } from "../support/record_locks.ts";
import { isDeno, temporaryFile } from "../support/system.ts";

const isLinux = process.platform === "linux";
/** The row of a table of the documentation that begins with this text. */
const rows = fs.readFileSync(path.join(root, "docs", "ownership.md"), "utf8").split("\n")
  .map((line) => line.replace(/^\| +/, ""));

describe.runIf(isLinux)("record locks", () => {
  test.each(lockCalls)("$name", async ({ call, documented }) => {
    using file = temporaryFile("0123456789");
    const fd = fs.openSync(file.path, "r+");
    lockRecords(fd);
    expect(recordLocks(file.path)).toBe(1);
    const after = await call(file.path, fd);
    const isLocked = recordLocks(file.path) === 1;
    await after?.();
    fs.closeSync(fd);
    expect(isLocked, "the lock is still there").toBe(documented === undefined);
    if (documented === undefined) return;
    expect(rows.filter((line) => line.startsWith(documented)), documented).toHaveLength(1);
  });

  test("outlast a redirection of a descriptor that is not open", () => {
    using file = temporaryFile("0123456789");
    const fd = fs.openSync(file.path, "r+");
    lockRecords(fd);
    expect(() => redirect(99_999, fd)).toThrow(notOpen);
    expect(recordLocks(file.path)).toBe(1);
    fs.closeSync(fd);
  });

  test("every function is in the table, or takes no source", async () => {
    const covered = [
      ...lockCalls.flatMap(({ covers }) => covers),
      ...Object.values(withoutSource).flat(),
    ];
    // The calls of duphandle/posix close what their names say.
    const names = (await publicNames()).filter((name) => !name.startsWith("posix."));
    expect(names.filter((name) => !covered.includes(name)), "not in the table").toEqual([]);
    expect(covered.filter((name) => !names.includes(name)), "no such export").toEqual([]);
  });
});

/** The part of the two databases that is used. */
interface Database {
  exec(sql: string): void;
  close(): void;
}

/** The runtime's own SQLite; Node 20 has none. */
function openDatabase(file: string): Database | undefined {
  const builtin = process.getBuiltinModule as (name: string) => Record<string, unknown> | undefined;
  const found = builtin("bun:sqlite")?.["Database"] ?? builtin("node:sqlite")?.["DatabaseSync"];
  return found === undefined ? undefined : new (found as new (file: string) => Database)(file);
}

test.runIf(isLinux)(
  "a transaction of SQLite is its process's alone meanwhile",
  async ({ skip }) => {
    using file = temporaryFile("");
    const database = openDatabase(file.path);
    if (database === undefined) return skip("this runtime has no SQLite");
    const opened: (() => unknown)[] = [];
    try {
      database.exec("create table rows (text)");
      database.exec("begin exclusive; insert into rows values ('ours')");
      const raw = descriptorOf(file.path);
      const copies = [copyFileHandleSync(borrow(raw)), ...isDeno ? [] : [duplicate(raw).toFd()]];
      opened.push(...copies.map((copy) => () => fs.closeSync(copy)));
      const handle = await copyFileHandle(borrow(raw));
      opened.push(() => handle.close());
      const child = spawn("true", { stdio: "ignore", handles: { database: borrow(raw) } });
      await new Promise((resolve) => child.once("close", resolve));
      expect(writeElsewhere(file.path)).toMatch(/locked/);
      database.exec("commit");
      expect(writeElsewhere(file.path)).toBe("written");
    } finally {
      for (const close of opened) await close();
      database.close();
    }
  },
);

/** Writes into the database in another process: the error, or `written`. */
function writeElsewhere(file: string): unknown {
  return runProgram("handle/sqlite_writer.ts", { args: [file] }).result;
}

/** The descriptor that the database has opened. */
function descriptorOf(file: string): number {
  for (const name of fs.readdirSync("/proc/self/fd")) {
    try {
      if (fs.readlinkSync(`/proc/self/fd/${name}`) === file) return Number(name);
    } catch {
      // The descriptor that listed the folder is closed by now.
    }
  }
  throw new Error(`Cannot find the descriptor of ${file}`);
}
