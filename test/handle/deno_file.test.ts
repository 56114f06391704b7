import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { duplicate, duplicateOnto } from "duphandle";
import { describe, expect, test } from "vitest";
import { openDescriptors } from "../../ffi/posix/identity.ts";
import * as posix from "duphandle/posix";
import { type FsFile, fsFileFrom, isFsFile, rawOfFsFile } from "../../src/handle/deno_file.ts";
import { runProgram } from "../support/program.ts";
import {
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
  writeRaw,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { canTrace } from "../support/trace.ts";

/** What the tests use of a `Deno.FsFile`, for type checkers that do not know Deno. */
interface File extends Disposable {
  readSync(bytes: Uint8Array): number | null;
  read(bytes: Uint8Array): Promise<number | null>;
  writeSync(bytes: Uint8Array): number;
  seekSync(offset: number, whence: number): number;
  statSync(): { size: number; ino: number; isDirectory: boolean };
  close(): void;
  readonly readable: ReadableStream<Uint8Array>;
}

interface Deno {
  FsFile: { prototype: File };
  openSync(path: string, options?: object): File;
  readonly stdin: unknown;
}

const deno = (globalThis as unknown as { Deno: Deno }).Deno;
const isLinux = process.platform === "linux";

/** A file as the source that it is where Deno's types are known. */
const source = (file: File): FsFile => file as unknown as FsFile;
const made = (raw: number, inheritable?: boolean): File =>
  fsFileFrom(raw, inheritable) as unknown as File;
const rawOf = (file: File): number => rawOfFsFile(source(file));

function readText(file: File, bytes: number): string {
  const buffer = new Uint8Array(bytes);
  return new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer) ?? 0));
}

function write(file: File, text: string): number {
  return file.writeSync(new TextEncoder().encode(text));
}

/** Holds the test's files together, and closes what it left open. */
function closing(...files: File[]): Disposable {
  return {
    [Symbol.dispose]: () => {
      for (const file of files) file.close();
    },
  };
}

test.runIf(!isDeno)("no other runtime has a Deno.FsFile", () => {
  for (const value of [1, null, undefined, {}, () => 1, new Proxy({}, {})]) {
    expect(isFsFile(value)).toBe(false);
  }
});

describe.runIf(isDeno && isLinux)("isFsFile", () => {
  test("knows a file, and no other value, however hostile", () => {
    using file = deno.openSync("/dev/null");
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const others = [1, "x", null, undefined, {}, { fd: 1 }, deno.stdin, deno.FsFile, revoked.proxy];
    expect([isFsFile(file), ...others.map(isFsFile)]).toEqual([true, ...others.map(() => false)]);
  });

  test("what only looks like a file is a TypeError", () => {
    using file = deno.openSync("/dev/null");
    const imitation = Object.create(deno.FsFile.prototype) as File;
    for (const value of [imitation, new Proxy(file, {})]) {
      expect(() => duplicate(source(value))).toThrow(TypeError);
    }
  });
});

describe.runIf(isDeno && isLinux)("Deno.FsFile as a source", () => {
  test("the duplicate shares the position, and each closes on its own", () => {
    using temporary = temporaryFile("0123456789");
    const file = deno.openSync(temporary.path);
    using copy = duplicate(source(file));
    expect([readText(file, 2), readRaw(copy.raw, 2), readText(file, 2)]).toEqual([
      "01",
      "23",
      "45",
    ]);
    file.close();
    expect(readRaw(copy.raw, 2)).toBe("67");
    using second = deno.openSync(temporary.path);
    duplicate(source(second)).close();
    expect(readText(second, 2)).toBe("01");
  });

  test("with options, and on top of another descriptor", () => {
    using temporary = temporaryFile("0123456789");
    using file = deno.openSync(temporary.path, { read: true, write: true });
    using high = duplicate(source(file), { minimum: 100, inheritable: true });
    expect([high.raw, high.inheritable]).toEqual([100, true]);
    using reader = duplicate(source(file), { access: "read" });
    expect(thrownBy(() => posix.write(reader.raw, new Uint8Array(1))).code).toBe("EBADF");
    using target = openRaw("/dev/null", "r");
    duplicateOnto(source(file), target.raw);
    expect([readRaw(target.raw, 3), readText(file, 3)]).toEqual(["012", "345"]);
  });

  test("closeSource closes it, also when the duplicate fails", () => {
    using temporary = temporaryFile("0123456789");
    const file = deno.openSync(temporary.path);
    duplicate(source(file), { closeSource: true }).close();
    expect(() => file.statSync()).toThrow();
    const readOnly = deno.openSync(temporary.path);
    const failed = thrownBy(() =>
      duplicate(source(readOnly), { closeSource: true, access: "write" })
    );
    expect(failed.code).toBe("EACCES");
    expect(() => readOnly.statSync()).toThrow();
  });

  test("a deleted file", () => {
    using temporary = temporaryFile("0123456789");
    using file = deno.openSync(temporary.path);
    fs.unlinkSync(temporary.path);
    using copy = duplicate(source(file));
    expect(readRaw(copy.raw, 10)).toBe("0123456789");
  });

  test("a file that is open several times, with other files and descriptors at its position", () => {
    using temporary = temporaryFile("0123456789".repeat(10));
    const opened = Array.from({ length: 8 }, () => deno.openSync(temporary.path));
    using _ = closing(...opened);
    using raw = openRaw(temporary.path, "r");
    const positions = opened.map((file, at) => file.seekSync([0, 0, 5, 5, 5, 90, 7, 1000][at]!, 0));
    for (const [at, file] of opened.entries()) {
      using copy = duplicate(source(file));
      expect(opened.map((each) => each.seekSync(0, 1))).toEqual(positions);
      expect(positionOf(raw.raw)).toBe(0);
      // It is the right one: only this file follows.
      posix.lseek(copy.raw, 50 + at, posix.SEEK_SET);
      expect(opened.map((each) => each.seekSync(0, 1)))
        .toEqual(positions.map((position, other) => other === at ? 50 + at : position));
      posix.lseek(copy.raw, positions[at]!, posix.SEEK_SET);
    }
  });

  test("a file that is open 100 times", () => {
    using temporary = temporaryFile("0123456789");
    const opened = Array.from({ length: 100 }, () => deno.openSync(temporary.path));
    using _ = closing(...opened);
    for (const at of [0, 50, 99]) {
      using copy = duplicate(source(opened[at]!));
      expect(opened.map((file) => file.seekSync(0, 1))).toEqual(opened.map(() => 0));
      posix.lseek(copy.raw, 9, posix.SEEK_SET);
      expect(opened[at]!.seekSync(0, 0)).toBe(0);
      expect(positionOf(copy.raw)).toBe(0);
    }
  });

  test("duplicates of one open file: any of them is as good", () => {
    using temporary = temporaryFile("0123456789");
    using file = deno.openSync(temporary.path);
    const first = openDescriptors();
    const own = first.find((fd) => fs.readlinkSync(`/proc/self/fd/${fd}`) === temporary.path)!;
    const others = [posix.dup(own), posix.dup(own)];
    expect([own, ...others]).toContain(rawOf(file));
    expect(positionOf(own)).toBe(0);
    // By now it may be known which one it is, so the others may go.
    for (const fd of others) posix.close(fd);
    expect(rawOf(file)).toBe(own);
  });

  test("a known descriptor is the file's, whatever was opened since", () => {
    using temporary = temporaryFile("0123456789");
    using file = deno.openSync(temporary.path);
    const own = rawOf(file);
    using _ = closing(...Array.from({ length: 3 }, () => deno.openSync(temporary.path)));
    using copy = duplicate(source(file));
    expect([rawOf(file), copy.raw > 2]).toEqual([own, true]);
  });

  test("appending, write-only and read-only files of one path", () => {
    using temporary = temporaryFile("old ");
    const append = deno.openSync(temporary.path, { append: true });
    const writeOnly = deno.openSync(temporary.path, { write: true });
    const readOnly = deno.openSync(temporary.path);
    using _ = closing(append, writeOnly, readOnly);
    using toEnd = duplicate(source(append));
    using toStart = duplicate(source(writeOnly));
    using fromStart = duplicate(source(readOnly));
    writeRaw(toEnd.raw, "new");
    writeRaw(toStart.raw, "O");
    expect(readRaw(fromStart.raw, 10)).toBe("Old new");
    expect(thrownBy(() => posix.read(toStart.raw, new Uint8Array(1))).code).toBe("EBADF");
    expect(posix.fcntl_getfl(toEnd.raw) & posix.O_APPEND).toBe(posix.O_APPEND);
    expect(posix.fcntl_getfl(toStart.raw) & posix.O_APPEND).toBe(0);
  });

  test("a folder, also when it is open twice", () => {
    using folder = temporaryFolder();
    using file = deno.openSync(folder.path);
    using second = deno.openSync(folder.path);
    using copy = duplicate(source(second));
    using other = duplicate(source(file));
    fs.writeFileSync(`${folder.path}/inside`, "");
    expect(fs.readdirSync(`/proc/self/fd/${copy.raw}`)).toEqual(["inside"]);
    expect([file.seekSync(0, 1), second.seekSync(0, 1)]).toEqual([0, 0]);
    posix.lseek(copy.raw, 5, posix.SEEK_SET);
    expect([file.seekSync(0, 1), second.seekSync(0, 1)]).toEqual([0, 5]);
    expect(positionOf(other.raw)).toBe(0);
  });

  test("a position that is shared with another process stays", async () => {
    using temporary = temporaryFile("0123456789");
    using file = deno.openSync(temporary.path);
    using second = deno.openSync(temporary.path);
    using shared = duplicate(source(file));
    file.seekSync(3, 0);
    second.seekSync(3, 0);
    // Its synchronous sister gives a child of Deno no descriptor.
    const child = spawn("head", ["-c", "2"], { stdio: [shared.raw, "ignore", "inherit"] });
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    const after = file.seekSync(0, 1);
    expect(after).toBeGreaterThan(3);
    using again = duplicate(source(file));
    expect([positionOf(again.raw), second.seekSync(0, 1)]).toEqual([after, 3]);
  });

  test("choosing under all circumstances, and what is refused", () => {
    using temporary = temporaryFile("x".repeat(100));
    const { result } = runProgram("handle/deno_file_cases.ts", { args: [temporary.path] });
    expect(result).toMatchObject({ ...chosen, compares: true });
  });

  test.runIf(canTrace)("the same where the kernel compares no open files", () => {
    using temporary = temporaryFile("x".repeat(100));
    const { result } = runProgram("handle/deno_file_cases.ts", {
      args: [temporary.path, "compares nothing"],
    });
    expect(result).toMatchObject(chosen);
    expect(result).not.toHaveProperty("compares");
  });

  test("the descriptor of a pending read is found", async () => {
    const { reader, writer } = pipeRaw();
    using _ = writer;
    using file = made(reader.release());
    const reading = file.read(new Uint8Array(5));
    using copy = duplicate(source(file));
    expect(posix.fcntl_getfl(copy.raw) & posix.O_ACCMODE).toBe(posix.O_RDONLY);
    writeRaw(writer.raw, "hello");
    expect(await reading).toBe(5);
  });

  test("a closed file is EBADF, also when its descriptor was known", () => {
    const file = deno.openSync("/dev/null");
    file.close();
    expect(thrownBy(() => duplicate(source(file)))).toMatchObject({
      code: "EBADF",
      status: "ERROR_INVALID_HANDLE",
      syscall: "fstat",
    });
    using temporary = temporaryFile("");
    const known = deno.openSync(temporary.path);
    rawOf(known);
    known.close();
    using _ = openRaw(temporary.path, "r"); // most likely with the number that is free now
    expect(thrownBy(() => duplicate(source(known))).message).toContain("closed");
  });

  test("what is put on the object is not asked", () => {
    using temporary = temporaryFile("0123456789");
    using file = deno.openSync(temporary.path);
    using second = deno.openSync(temporary.path);
    const liar = Object.assign(file, {
      statSync: () => ({ dev: 0, ino: 0 }),
      seekSync: () => 0,
      fd: 1,
    });
    using copy = duplicate(source(liar));
    expect([readRaw(copy.raw, 3), second.seekSync(0, 1)]).toEqual(["012", 0]);
  });
});

/** What deno_file_cases.ts finds, whether the kernel compares open files or not. */
const chosen = {
  distinct: 6,
  follows: [true, true, true, true, true, true],
  positions: [0, 0, 0, 7, 7, 3, 0, 7],
  duplicated: true,
  pipe: "ESPIPE",
  "two writers": true,
  "made here": true,
  null: 3,
  lock: true,
  locked: {
    code: "ENOTSUP",
    status: "ERROR_NOT_SUPPORTED",
    message: expect.stringMatching(/cannot be told apart; open it with node:fs/) as string,
  },
};

describe.runIf(isDeno && isLinux)("Deno.FsFile as a result", () => {
  test("is Deno's own, and shares the position with what it was made from", async () => {
    using temporary = temporaryFile("0123456789");
    using raw = openRaw(temporary.path, "r+");
    using file = made(raw.duplicate().release());
    expect(isFsFile(file)).toBe(true);
    expect([readText(file, 2), readRaw(raw.raw, 2), file.seekSync(0, 1)]).toEqual(["01", "23", 4]);
    write(file, "X");
    expect([fs.readFileSync(temporary.path, "utf8"), file.statSync().size])
      .toEqual(["0123X56789", 10]);
    using second = made(raw.duplicate().release());
    const chunks: string[] = [];
    for await (const chunk of second.readable) chunks.push(new TextDecoder().decode(chunk));
    expect(chunks.join("")).toBe("56789");
  });

  test("consumes the handle, and closing it leaves other handles valid", () => {
    using temporary = temporaryFile("0123456789");
    using raw = openRaw(temporary.path, "r");
    const consumed = raw.duplicate().release();
    const before = openDescriptors();
    const file = made(consumed);
    expect(openDescriptors()).not.toContain(consumed);
    file.close();
    expect(openDescriptors()).toEqual(before.filter((fd) => fd !== consumed));
    expect(readRaw(raw.raw, 1)).toBe("0");
  });

  test("consumes the handle when it fails, too", () => {
    const closed = openRaw("/dev/null", "r").release();
    posix.close(closed);
    const before = openDescriptors();
    expect(thrownBy(() => made(closed))).toMatchObject({ code: "EBADF", handle: closed });
    expect(openDescriptors()).toEqual(before);
    for (const bad of [-1, 0.5, "1", undefined]) {
      expect(() => made(bad as number)).toThrow(TypeError);
    }
    expect(openDescriptors()).toEqual(before);
  });

  test("no child inherits it, unless that is wanted", () => {
    using none = made(openRaw("/dev/null", "r").release());
    using one = made(openRaw("/dev/null", "r").release(), true);
    expect([none, one].map((file) => posix.fcntl_getfd(rawOf(file)))).toEqual([
      posix.FD_CLOEXEC,
      0,
    ]);
  });

  test("a pipe, both ends, each a source again", () => {
    const { reader, writer } = pipeRaw();
    using input = made(reader.release());
    using output = made(writer.release());
    write(output, "hello");
    expect(readText(input, 5)).toBe("hello");
    using copyOfInput = duplicate(source(input));
    using copyOfOutput = duplicate(source(output));
    writeRaw(copyOfOutput.raw, "again");
    expect(readRaw(copyOfInput.raw, 5)).toBe("again");
  });

  test("a folder, a deleted file, a write-only file, and one that appends", () => {
    using temporary = temporaryFile("old ");
    using folder = made(posix.open("/", posix.O_RDONLY | posix.O_CLOEXEC));
    expect(folder.statSync().isDirectory).toBe(true);
    const flags = posix.O_WRONLY | posix.O_APPEND | posix.O_CLOEXEC;
    using append = made(posix.open(temporary.path, flags));
    write(append, "new ");
    append.seekSync(0, 0);
    write(append, "end");
    expect(fs.readFileSync(temporary.path, "utf8")).toBe("old new end");
    expect(() => append.readSync(new Uint8Array(1))).toThrow();
    using deleted = made(openRaw(temporary.path, "r").release());
    fs.unlinkSync(temporary.path);
    expect(readText(deleted, 20)).toBe("old new end");
  });

  test("1,000 rounds in both directions leave nothing", () => {
    using temporary = temporaryFile("0123456789");
    using original = deno.openSync(temporary.path);
    using _ = deno.openSync(temporary.path);
    const before = openDescriptors();
    for (let round = 0; round < 1000; round++) {
      using file = made(duplicate(source(original)).release());
      using again = deno.openSync(temporary.path);
      duplicate(source(again)).close();
      duplicate(source(file)).close();
    }
    expect(openDescriptors()).toEqual(before);
  });

  test("a worker that opens and closes the same files never makes it choose wrong", () => {
    expect(runProgram("handle/deno_file_race.ts", { args: ["3000"] }).result)
      .toEqual({ wrong: [], opened: true });
  });

  test("needs only to read /dev/null, and says so", () => {
    using temporary = temporaryFile("");
    const basic = ["--allow-ffi", "--allow-env", "--allow-write"];
    const args = [temporary.path];
    const common = { follows: [0, 7], left: [], consumed: true };
    const allowed = runProgram("handle/deno_file_permission.ts", {
      permissions: [...basic, "--allow-read=/dev/null"],
      args,
    }).result;
    expect(allowed).toEqual({ ...common, bytes: 4 });
    fs.truncateSync(temporary.path);
    const { refused, ...rest } = runProgram("handle/deno_file_permission.ts", {
      permissions: basic,
      args,
    })
      .result as { refused: Record<string, unknown> };
    expect(refused).toMatchObject({ code: "EACCES", syscall: "open", cause: "NotCapable" });
    expect(refused["message"]).toContain("--allow-read=/dev/null");
    expect(rest).toEqual(common);
  });
});

describe.runIf(isDeno && !isLinux && !isWindows)("Deno.FsFile on macOS", () => {
  test("is refused in both directions, with what to do instead", () => {
    using temporary = temporaryFile("");
    using file = deno.openSync(temporary.path);
    expect(isFsFile(file)).toBe(true);
    expect(thrownBy(() => duplicate(source(file)))).toMatchObject({
      code: "ENOTSUP",
      message: expect.stringMatching(/OwnedHandle|node:fs/) as string,
    });
    const handle = openRaw(temporary.path, "r");
    expect(thrownBy(() => made(handle.release())).code).toBe("ENOTSUP");
  });
});
