/**
 * What keeps a `HANDLE` of its own, and so does not follow: `console.log` in Bun, children in Deno. Everything
 * that the process has is changed: the C runtime's descriptor, where it has one, and the standard handle.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { borrow, duplicate } from "duphandle";
import * as win32 from "duphandle/win32";
import { exchangeHandle, handleOfFd } from "../../../ffi/win32/osfhandle.ts";
import { report } from "../../support/report.ts";

const file = process.argv[2] as string;
using target = duplicate(borrow(win32.CreateFileW(file, win32.GENERIC_WRITE, 7, null, 3, 0, 0)));
const before = handleOfFd(1);
const lead = (from: number, to: number) => {
  if ("Deno" in globalThis) win32.SetStdHandle(win32.STD_OUTPUT_HANDLE, to);
  else exchangeHandle(1, from, to);
};
lead(before, target.raw);
console.log("console");
fs.writeSync(1, "fs\n");
spawnSync("cmd.exe", ["/c", "echo child"], { stdio: "inherit" });
lead(target.raw, before);
report(fs.readFileSync(file, "utf8").split(/\r?\n/).slice(0, -1));
process.exit(0);
