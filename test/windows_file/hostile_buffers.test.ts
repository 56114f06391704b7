/** A file in Deno for Windows, with buffers that lie, and with one that is taken away. */
import { describe, expect, test } from "vitest";
import { Intruder, lyingBuffers } from "../support/hostile_values.ts";
import { isDeno, isWindows } from "../support/system.ts";
import { content as textOf, withFile } from "../support/windows_file.ts";

const content = new TextEncoder().encode("what it has");

describe.runIf(isWindows && isDeno)("a file in Deno for Windows (no other target has one)", () => {
  test("write() and read() use the memory that a buffer has, whatever it says", async () => {
    const intruder = new Intruder();
    for (const { name, view } of lyingBuffers(content, intruder)) {
      await withFile("", async (file, path) => {
        expect((await file.write(view)).bytesWritten, name).toBe(content.length);
        await file.write(view, 5, 2);
        expect(textOf(path), name).toBe(`${new TextDecoder().decode(content)}it`);
        await expect(file.write(view, 0, content.length + 1), name).rejects.toThrow(RangeError);
      });
    }
    for (const { name, view, memory } of lyingBuffers(new Uint8Array(4), intruder)) {
      await withFile("abcdef", async (file) => {
        expect((await file.read(view)).bytesRead, name).toBe(4);
        expect(new TextDecoder().decode(memory.slice()), name).toBe("abcd");
      });
    }
    expect(intruder.runs).toBe(0);
  });

  test("write() refuses a buffer whose memory is taken away before its turn", async () => {
    await withFile("", async (file, path) => {
      const gone = new Uint8Array([1, 2, 3]);
      const turn = file.write("first");
      const written = file.write(gone);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      await turn;
      await expect(written).rejects.toThrow("it was transferred or resized before its turn");
      expect(textOf(path)).toBe("first");
      await expect(file.write(gone)).rejects.toThrow(TypeError);
    });
  });
});
