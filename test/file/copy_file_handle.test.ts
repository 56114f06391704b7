/** Copies of files: what the copy can do, and what it shares with its source. */
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { copyFileHandle, type FsFile } from "duphandle";
import { describe, expect, test } from "vitest";
import { copyOf, decode } from "../support/file_copies.ts";
import { openHandles } from "../support/open_handles.ts";
import { runProgram } from "../support/program.ts";
import { noneLeft } from "../support/matchers.ts";
import { rounds } from "../support/rounds.ts";
import {
  isDeno,
  isWindows,
  openRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
} from "../support/system.ts";

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += typeof chunk === "string" ? chunk : decode(chunk);
  return text;
}

describe("copyFileHandle()", () => {
  test("gives a file that stays open when the source is closed, and shares its position", async () => {
    using file = temporaryFile("abcdefgh");
    const source = openRaw(file.path, "r");
    const copy = await copyFileHandle(source);
    expect(readRaw(source.raw, 2)).toBe("ab");
    expect(decode((await copy.read(new Uint8Array(2), 0, 2, null)).buffer)).toBe("cd");
    expect(positionOf(source.raw)).toBe(4);
    source.close();
    expect(await copy.readFile("utf8")).toBe("efgh");
    await copy.close();
  });

  test("reads and writes by position and in sequence", async () => {
    using file = temporaryFile("abcdefgh");
    const copy = await copyOf(file.path, "r+");
    const buffer = new Uint8Array(3);
    expect(await copy.read(buffer, 0, 3, 4)).toMatchObject({ bytesRead: 3 });
    expect(decode(buffer)).toBe("efg");
    expect((await copy.read({ buffer, position: null })).bytesRead).toBe(3);
    expect(decode(buffer)).toBe("abc");
    expect((await copy.write("XY", 6)).bytesWritten).toBe(2);
    expect((await copy.write(new TextEncoder().encode("Z"))).bytesWritten).toBe(1);
    await copy.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("abcZefXY");
  });

  test("has stat, truncate, sync, appendFile and writeFile", async () => {
    using file = temporaryFile("abcdefgh");
    const copy = await copyOf(file.path, "r+");
    const stat = await copy.stat();
    expect([stat.size, stat.isFile(), stat.isDirectory()]).toEqual([8, true, false]);
    await copy.truncate(2);
    expect((await copy.stat()).size).toBe(2);
    await copy.writeFile("123");
    await copy.sync();
    await copy.datasync();
    expect(fs.readFileSync(file.path, "utf8")).toBe("123");
    await copy.appendFile("45");
    await copy.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("12345");
  });

  test("has streams, lines and web streams", async () => {
    using file = temporaryFile("one\ntwo\nthree\n");
    const forStream = await copyOf(file.path, "r");
    expect(await readAll(forStream.createReadStream({ encoding: "utf8" }))).toBe(
      "one\ntwo\nthree\n",
    );
    const forLines = await copyOf(file.path, "r");
    const lines: string[] = [];
    for await (const line of forLines.readLines()) lines.push(line);
    expect(lines).toEqual(["one", "two", "three"]);
    const forWeb = await copyOf(file.path, "r");
    expect(await readAll(forWeb.readableWebStream() as AsyncIterable<Uint8Array>)).toHaveLength(14);
    await forWeb.close();
    const forWriting = await copyOf(file.path, "r+");
    const writer = forWriting.createWriteStream({ start: 4 });
    await new Promise<void>((resolve, reject) => {
      writer.on("error", reject).on("close", resolve);
      writer.end("TWO");
    });
    expect(fs.readFileSync(file.path, "utf8")).toBe("one\nTWO\nthree\n");
  });

  test("carries 64 MiB without a wrong byte", async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/big`;
    fs.writeFileSync(path, "");
    const block = randomBytes(1 << 20);
    const written = createHash("sha256");
    const target = await copyOf(path, "r+");
    for (let at = 0; at < 64; at++) {
      block.writeUInt32LE(at, 0);
      written.update(block);
      for (let done = 0; done < block.length;) {
        done += (await target.write(block, done, block.length - done)).bytesWritten;
      }
    }
    await target.close();
    const read = createHash("sha256");
    const source = await copyOf(path, "r");
    for await (const chunk of source.createReadStream()) read.update(chunk as Uint8Array);
    expect(fs.statSync(path).size).toBe(64 << 20);
    expect(read.digest("hex")).toBe(written.digest("hex"));
  });

  test("closed twice does what the runtime does for its own", async () => {
    using file = temporaryFile("abc");
    const outcomes: unknown[] = [];
    for (const opened of [await open(file.path), await copyOf(file.path, "r")]) {
      await opened.close();
      outcomes.push(await opened.close().then(() => "nothing", (error) => error.code));
      await expect(opened.stat()).rejects.toThrow(expect.objectContaining({ code: "EBADF" }));
    }
    expect(outcomes[1]).toBe(outcomes[0]);
  });

  test("copies the source of the call, even when that is closed and its number reused", async () => {
    using first = temporaryFile("first");
    using second = temporaryFile("second");
    const source = openRaw(first.path, "r");
    const copying = copyFileHandle(source);
    source.close();
    using other = openRaw(second.path, "r");
    const copy = await copying;
    expect(await copy.readFile("utf8")).toBe("first");
    expect(readRaw(other.raw, 6)).toBe("second");
    await copy.close();
  });

  test("many in a row leave no handle behind", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r");
    const count = rounds(10_000, 1000);
    const before = openHandles().length;
    for (let at = 0; at < count; at++) await (await copyFileHandle(source)).close();
    expect(openHandles().length - before).toBeLessThan(5);
  });

  test("under load it never hands out a file that is not the source's", () => {
    const count = rounds(100_000, 2000);
    const { copies, wrong, opened, leaked } = runProgram("file/copy_load.ts", {
      args: [String(count)],
    }).result as Record<string, number>;
    expect(copies).toBeGreaterThanOrEqual(count);
    expect(opened).toBeGreaterThanOrEqual(count / 100);
    expect(wrong).toBe(0);
    expect(leaked).toEqual(noneLeft);
  });
});

test("killed at any moment, what was written through a copy is in the file", () => {
  using folder = temporaryFolder();
  for (let lines = 0; lines < 8; lines++) {
    const path = `${folder.path}/${lines}`;
    fs.writeFileSync(path, "");
    const { code } = runProgram("file/copy_killed.ts", {
      args: [path, String(lines)],
      mayFail: true,
    });
    expect(code).not.toBe(0);
    const expected = Array.from({ length: lines }, (_, at) => `line ${at}\n`).join("");
    expect(fs.readFileSync(path, "utf8")).toBe(expected);
  }
});

describe.runIf(isDeno && !isWindows)("a Deno.FsFile (there is none elsewhere)", () => {
  test("is copied to a Deno.FsFile", async () => {
    const { FsFile, openSync } = (globalThis as unknown as {
      Deno: { FsFile: new () => object; openSync(path: string): ReadableFsFile };
    }).Deno;
    using file = temporaryFile("abcdef");
    const source = openSync(file.path);
    const copy = await copyFileHandle(source as FsFile) as unknown as ReadableFsFile;
    expect(copy).toBeInstanceOf(FsFile);
    const buffer = new Uint8Array(2);
    source.readSync(buffer);
    expect(copy.readSync(buffer)).toBe(2);
    expect(decode(buffer)).toBe("cd");
    copy.close();
    const options = { access: "read", closeSource: true } as const;
    const last = await copyFileHandle(source as FsFile, options) as unknown as ReadableFsFile;
    expect(last).toBeInstanceOf(FsFile);
    expect(() => source.readSync(buffer)).toThrow();
    expect(last.readSync(buffer)).toBe(2);
    expect(decode(buffer)).toBe("ef");
    last.close();
  });

  test("and every other copy says which permission Deno lacks", () => {
    const { result } = runProgram("file/copy_permission.ts", {
      permissions: ["--allow-ffi", "--allow-env=DUPHANDLE_RESULT", "--allow-write"],
    });
    expect(result).toMatchObject({ code: "EACCES", status: "ERROR_ACCESS_DENIED" });
    expect((result as Error).message).toContain("--allow-read=/dev/null");
  });
});

/** The part of `Deno.FsFile` that the test uses. */
interface ReadableFsFile {
  readSync(buffer: Uint8Array): number | null;
  close(): void;
}
