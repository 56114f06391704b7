import * as fs from "node:fs";
import { DescriptorPool } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { filled, givesFds, next, readFd } from "../support/pool_files.ts";
import { receiveText, sendText, socketPair } from "../support/sockets.ts";
import { closeRaw, isWindows, openRaw, pipeRaw, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

/** More than the 8,192 descriptors that the C runtime of Node and Bun can have. */
const FILES = 9000;

describe.runIf(isWindows)("on Windows", () => {
  beforeAll(openOnce);

  test(`${FILES} files are open at once, each at a position of its own`, () => {
    using folder = temporaryFolder();
    const text = Array.from({ length: 100 }, (_, at) => String(at).padStart(2, "0")).join("");
    const paths = Array.from({ length: 20 }, (_, at) => `${folder.path}/${at}`);
    for (const path of paths) fs.writeFileSync(path, text);
    const pool = new DescriptorPool({ limit: 100 });
    const files = Array.from({ length: FILES }, (_, at) => {
      const handle = openRaw(paths[at % paths.length]!, "r");
      win32.SetFilePointerEx(handle.raw, at % 90 * 2, win32.FILE_BEGIN);
      return pool.add(handle);
    });
    for (let round = 0; round < 2; round++) {
      const read = files.map((file) => Number(file.use((fd) => readFd(fd, 2))));
      expect(read).toEqual(files.map((_, at) => at % 90 + round));
    }
    expect(pool.stats).toEqual({
      resident: 100,
      parked: FILES - 100,
      hits: 0,
      faults: 2 * FILES,
    });
    pool.close();
  });

  test("a socket is no file, and stays the caller's", () => {
    using pool = filled(1, 3);
    const [near, far] = socketPair();
    expect(thrownBy(() => pool.pool.add(near)).code).toBe("ENOTSUP");
    sendText(near.raw, "abc");
    expect(receiveText(far.raw)).toBe("abc");
    expect(pool.files.map(next)).toEqual(["a0", "b0", "c0"]);
    near.close();
    far.close();
  });

  test("a handle that other code has closed is EBADF, once, and holds up nothing else", () => {
    const pool = filled(1, 3);
    const { reader, writer } = pipeRaw();
    const { raw } = writer;
    const pooled = pool.pool.add(writer);
    pool.files.forEach(next);
    closeRaw(raw);
    // In Deno use() gives the handle itself, so using it fails.
    if (givesFds) expect(thrownBy(() => pooled.use(() => {})).code).toBe("EBADF");
    expect(thrownBy(() => pooled.close()).code).toBe("EBADF");
    pooled.close();
    reader.close();
    expect(pool.files.map(next)).toEqual(["a1", "b1", "c1"]);
    pool[Symbol.dispose]();
  });
});
