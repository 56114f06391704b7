/** This runtime as the parent, and every runtime as the child. */
import * as child_process from "node:child_process";
import * as fs from "node:fs";
import { type OwnedHandle, spawn } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { openDescriptors } from "../../ffi/posix/identity.ts";
import { childFiles } from "../support/child_files.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { receiveText, sendText, socketPair } from "../support/sockets.ts";
import {
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  writeRaw,
} from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";
import { programPath } from "../support/program.ts";

const script = programPath("child/child.ts");

/** What the child program reports. */
interface Seen {
  readonly names: string[];
  readonly handles: string[];
  readonly inheritable: number;
  readonly raws: number[];
}

/** What a child of the runtime has open when it is given nothing. */
async function plainChild(command: readonly string[]): Promise<string[]> {
  using files = childFiles();
  // What the test's own process got from its parent a plain child would get as well.
  if (!isWindows) {
    for (const fd of openDescriptors()) if (fd > 2) posix.fcntl_setfd(fd, posix.FD_CLOEXEC);
  }
  const [executable, ...flags] = command as [string, ...string[]];
  const child = child_process.spawn(executable, [...flags, script], files.options);
  return (await files.result(child) as Seen).handles;
}

/** Handles without what differs by process: numbers, and the folders of temporary files. */
function kinds(handles: readonly string[]): string[] {
  return handles.map((line) => line.replace(/^.* /, "").replace(/:\[\d+\]$/, ""))
    .map((kind) => kind.replace(/^.*duphandle-\w+./, "")).sort();
}

/** What is left of a list when another is taken from it. */
function without(list: readonly string[], others: readonly string[]): string[] {
  const rest = [...list];
  for (const other of others) if (rest.includes(other)) rest.splice(rest.indexOf(other), 1);
  return rest;
}

/** How many handles refer to the object, in all processes. */
function references(handle: OwnedHandle): number {
  return win32.NtQueryObject(handle.raw).HandleCount;
}

describe.each(runtimeCommands())("a child in $name", ({ command }) => {
  let plain: string[];
  beforeAll(async () => {
    await openOnce();
    // The first time, a runtime may compile what it keeps, and the parent opens what it keeps.
    await plainChild(command);
    plain = await plainChild(command);
  });

  test("gets a file, pipes and a socket, uses them, and has nothing else", async () => {
    using files = childFiles();
    using file = temporaryFile("0123456789");
    using secret = temporaryFile("secret");
    using source = openRaw(file.path, "r+");
    using hidden = openRaw(secret.path, "r");
    using leak = hidden.duplicate({ inheritable: true });
    const answers = pipeRaw();
    const go = pipeRaw();
    const [socket, far] = socketPair();
    const before = isWindows ? [source, hidden].map(references) : [];
    expect(readRaw(source.raw, 3)).toBe("012");

    const [executable, ...flags] = command as [string, ...string[]];
    const child = spawn(executable, [...flags, script], {
      ...files.options,
      handles: { file: source, answers: answers.writer, go: go.reader, socket: far },
    });
    const result = files.result(child) as Promise<Seen>;
    for (const handle of [answers.writer, go.reader, far]) handle.close();
    expect(leak.inheritable).toBe(true);
    expect([source, hidden].map(({ inheritable }) => inheritable)).toEqual([false, false]);

    expect(readRaw(answers.reader.raw, 6), files.output()).toBe("ready.");
    if (isWindows) {
      // A runtime's own handles vary on Windows, so the objects are asked who has them.
      const [ofSource, ofHidden] = before as [number, number];
      expect([source, hidden].map(references)).toEqual([ofSource + 1, ofHidden]);
    }
    writeRaw(go.writer.raw, "go");
    sendText(socket.raw, "question");
    expect(receiveText(socket.raw), files.output()).toBe("QUESTION");
    expect(receiveText(socket.raw), "the child has closed its own").toBe("");
    let text = "";
    for (let more; (more = readRaw(answers.reader.raw, 100)) !== "";) text += more;
    expect(text).toBe("read 34 up to 7.");
    const { names, handles, inheritable, raws } = await result;

    expect(positionOf(source.raw)).toBe(7);
    expect(fs.readFileSync(file.path, "utf8")).toBe("01234XY789");
    expect(names).toEqual(["file", "answers", "go", "socket"]);
    expect(inheritable).toBe(0);
    if (!isWindows) {
      expect(raws).toEqual([3, 4, 5, 6]);
      const given = ["file.txt", "pipe", "pipe", "socket"];
      const more = without(kinds(handles), kinds(plain));
      // In the child of a Deno, /dev/null replaces a duplicate that Deno makes of each number in stdio.
      expect(isDeno ? more.filter((kind) => kind !== "/dev/null") : more).toEqual(given);
      expect(handles.join()).not.toContain(secret.path);
    }
    for (const handle of [answers.reader, go.writer, socket]) handle.close();
  });
});
