/**
 * Adoption in Deno for Windows while the number of a placeholder's HANDLE is taken each time that it is free.
 *
 * The calls are the system's own. Between two of them an event is made, which Windows gives the lowest free
 * number, as it would to another thread.
 */
import * as fs from "node:fs";
import { copyFileHandle, copyFileHandleSync, OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { WindowsFile } from "../../../src/windows_file/mod.ts";
import { report, thrownBy } from "../../support/report.ts";
import { openFileCount } from "../../support/windows_objects.ts";

type Call = (...values: number[]) => unknown;
const { Deno } = globalThis as unknown as {
  Deno: { dlopen(library: string, definitions: object): { symbols: Record<string, Call> } };
};

/** How often a number is still to be taken, what was made for it, and after how many looks each is given back. */
let left = 0;
let kept = Infinity;
const stolen: { readonly raw: number; looks: number }[] = [];
let source = 0;

const { dlopen } = Deno;
Deno.dlopen = (library, definitions) => {
  const { symbols } = dlopen(library, definitions);
  const { CloseHandle, GetHandleInformation } = symbols;
  if (CloseHandle === undefined || GetHandleInformation === undefined) return { symbols };
  const close = (raw: number) => {
    // Only the placeholder is closed while an adoption runs, and duplicates of the source.
    const isWanted = left > 0 && !win32.CompareObjectHandles(raw, source);
    const result = CloseHandle(raw);
    if (!isWanted) return result;
    left--;
    const event = win32.CreateEventW(null, true, false, null);
    if (event !== Number(raw)) throw new Error(`the event is ${event}, and not ${raw}`);
    stolen.push({ raw: event, looks: 0 });
    return result;
  };
  const look = (raw: number, flags: number) => {
    const theft = stolen.find((each) => each.raw === Number(raw));
    if (theft !== undefined && theft.looks++ === kept) {
      CloseHandle(raw);
      stolen.splice(stolen.indexOf(theft), 1);
    }
    return GetHandleInformation(raw, flags);
  };
  return { symbols: { ...symbols, CloseHandle: close, GetHandleInformation: look } };
};

const file = process.argv[2]!;
const owner = OwnedHandle.fromRaw(win32.CreateFileW(file, win32.GENERIC_READ, 7, null, 3, 0, 0));
/** A character, by the descriptor, at the position that the handle has. */
function readFrom(fd: number): string {
  const buffer = Buffer.alloc(1);
  win32.SetFilePointerEx(owner.raw, 3, win32.FILE_BEGIN);
  fs.readSync(fd, buffer, 0, 1, null);
  return String(buffer);
}

/** Adopts while numbers are taken, and tells what came of it and what became of the thieves' handles. */
async function adopt(times: number, looks: number, isAsync: boolean): Promise<unknown> {
  const before = openFileCount();
  [left, kept, source] = [times, looks, owner.raw];
  let outcome: unknown;
  if (isAsync) {
    const made = await copyFileHandle(owner);
    left = 0;
    const isOwn = !((made as unknown) instanceof WindowsFile);
    win32.SetFilePointerEx(owner.raw, 3, win32.FILE_BEGIN);
    outcome = [isOwn, String((await made.read(Buffer.alloc(1))).buffer)];
    await made.close();
  } else {
    let fd = -1;
    const error = thrownBy(() => fd = copyFileHandleSync(owner));
    outcome = error?.["code"] ?? readFrom(fd);
    if (error === undefined) fs.closeSync(fd);
  }
  [left, kept] = [0, Infinity];
  const theirs = stolen.splice(0).map(({ raw }) => raw);
  const intact = theirs.filter((raw) => {
    win32.SetEvent(raw);
    return win32.WaitForSingleObject(raw, 0) === win32.WAIT_OBJECT_0 &&
      win32.GetHandleInformation(raw) === 0;
  });
  for (const raw of intact) win32.CloseHandle(raw);
  // With the numbers free again, the next adoption closes the placeholders that were given up.
  fs.closeSync(copyFileHandleSync(owner));
  const lost = theirs.length - intact.length;
  return { outcome, stolen: theirs.length, lost, grown: openFileCount() - before };
}

// Loads what is needed, so that nothing but the event is made at once.
win32.CloseHandle(win32.CreateEventW(null, true, false, null));
await adopt(0, Infinity, true);
await adopt(0, Infinity, false);
const results = [];
for (const isAsync of [false, true]) {
  for (const times of [1, 9, 10]) results.push(await adopt(times, Infinity, isAsync));
  // The other thread closes what it has after a moment: the number is waited for.
  results.push(await adopt(3, 2, isAsync));
}
report(results);
owner.close();
