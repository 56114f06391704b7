/** Every function of `duphandle/posix` and `duphandle/win32`, by a list, with hostile values for each argument. */
import { HandleError } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { describe, expect, test } from "vitest";
import type { Named } from "../support/bad_values.ts";
import { imitations, Intruder, noBuffers } from "../support/hostile_values.ts";
import {
  functionsOf,
  posixArguments,
  type RawCall,
  win32Arguments,
} from "../support/raw_arguments.ts";
import { isWindows } from "../support/system.ts";

/** Numbers that may be as large as an address: offsets, times, keys, and what prctl(2) passes on. */
const wide: Readonly<Record<string, readonly number[]>> = {
  lseek: [1],
  prctl: [1, 2, 3, 4],
  CreateIoCompletionPort: [2],
  PostQueuedCompletionStatus: [2],
  SetFilePointerEx: [1],
  SetWaitableTimer: [1],
};

const addresses: readonly Named[] = [
  ["an address", 0x7f12_3456_7890],
  ["the address of a page", 2 ** 46],
  ["an address as a bigint", 0x7f12_3456_7890n],
  ["a negative address", -0x7f12_3456_7890],
];

function texts(isPosix: boolean): Named[] {
  const values: Named[] = [
    ["a String", new String("/dev/null")],
    ["text with a NUL", "/dev/null\0/etc/passwd"],
    ["text that is longer than the memory for it", "x".repeat(70_000)],
    ["text that is longer in UTF-8 than the memory for it", "€".repeat(33_000)],
  ];
  // A name of Windows may have one.
  return isPosix ? [...values, ["half of a surrogate pair", "/tmp/\ud800"]] : values;
}

/** The hostile values for an argument, by the kind of one that is accepted. */
function hostileFor(good: unknown, intruder: Intruder, isWide: boolean, isPosix: boolean): Named[] {
  const others = imitations(intruder);
  if (good instanceof Uint8Array) return [...others, ...noBuffers(intruder)];
  if (typeof good === "string") return [...others, ...texts(isPosix)];
  return typeof good === "number" && !isWide ? [...others, ...addresses] : others;
}

/** Calls with one hostile value, which must be refused before anything is done. */
function attack(name: string, call: RawCall, good: readonly unknown[], at: number): void {
  const intruder = new Intruder();
  const isPosix = name in posixArguments;
  const values = hostileFor(good[at], intruder, wide[name]?.includes(at) === true, isPosix);
  for (const [what, value] of values) {
    let thrown: unknown;
    try {
      call(...good.with(at, value));
    } catch (error) {
      thrown = error;
    }
    const where = `${name}, argument ${at}, ${what}: ${thrown}`;
    // An object with fields may have those that are wanted; on the other system the call itself is refused.
    const mayHave = typeof good[at] === "object" && !(good[at] instanceof Uint8Array);
    const isRefused = name === "UnmapViewOfFile" && !isWindows || mayHave;
    expect(thrown instanceof TypeError || isRefused && thrown instanceof HandleError, where).toBe(
      true,
    );
    expect((thrown as Error).message, where).toMatch(/^Cannot /);
    // A field of an object is read; of a value that is no object, nothing runs.
    if (!mayHave && what !== "a proxy" && !what.startsWith("a proxy")) {
      expect(intruder.runs, where).toBe(0);
    }
    intruder.runs = 0;
  }
}

const entries = [
  ["duphandle/posix", posix, posixArguments],
  ["duphandle/win32", win32, win32Arguments],
] as const;

describe.each(entries)("%s", (_, module, lists) => {
  const functions = functionsOf(module);

  test("every function is in the list", () => {
    expect([...functions.keys()].sort()).toEqual(Object.keys(lists).sort());
  });

  // The object that DuplicateHandle writes to may be any: hostile_win32.test.ts has hostile ones.
  const attacked = Object.entries(lists).filter(([, good]) => good.length > 0);
  test.each(attacked)("%s() refuses hostile values for each argument", (name, good) => {
    const call = functions.get(name)!;
    for (const at of good.keys()) {
      if (name !== "DuplicateHandle" || at !== 3) attack(name, call, good, at);
    }
  });
});
