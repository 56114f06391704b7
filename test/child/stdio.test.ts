/** What a child has of the descriptors that `stdio` names: each once. */
import { once } from "node:events";
import * as fs from "node:fs";
import { spawn } from "duphandle";
import { describe, expect, test } from "vitest";
import { isDeno, isWindows, pipeRaw, readRaw, temporaryFile } from "../support/system.ts";

/** The files of a process, without its standard input, output and error. */
function filesAboveTwo(pid: number): string[] {
  return fs.readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2)
    .map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
}

describe.skipIf(isWindows)(
  "a descriptor that stdio names as standard input, output or error",
  () => {
    test("is in the child once, so a pipe ends when the child closes it", async () => {
      const pipe = pipeRaw();
      const told = pipeRaw();
      const go = pipeRaw();
      const writer = pipe.writer.raw;
      const name = fs.readlinkSync(`/proc/self/fd/${writer}`);
      const child = spawn("sh", ["-c", "exec >&-; echo closed >&3; read line <&4"], {
        stdio: ["ignore", writer, "inherit", told.writer.raw, go.reader.raw],
      });
      const exit = once(child, "exit");
      for (const handle of [pipe.writer, told.writer, go.reader]) handle.close();
      expect(readRaw(told.reader.raw, 10)).toBe("closed\n");
      // The child runs, and waits for us.
      expect(filesAboveTwo(child.pid!)).not.toContain(name);
      expect(readRaw(pipe.reader.raw, 1), "the end").toBe("");
      go.writer.close();
      await exit;
      for (const handle of [pipe.reader, told.reader]) handle.close();
    });

    test("is there once also when stdio names several, and beside handles", async () => {
      using file = temporaryFile("");
      using list = temporaryFile("");
      const fd = fs.openSync(file.path, "r+");
      const other = fs.openSync(file.path, "r+");
      const forms: ("ignore" | "inherit" | number)[][] = [
        [fd, fd, fd],
        [fd, "inherit", other],
        ["ignore", fd, fd],
        ["ignore", "inherit", fd],
        [0, 1, 2],
        [0, fd, 2],
        [fd, 1, "ignore", "ignore", "ignore"],
      ];
      for (const stdio of forms) {
        for (const names of [[], ["one"], ["one", "two"]]) {
          const given = names.map(() => pipeRaw());
          const handles = Object.fromEntries(names.map((each, at) => [each, given[at]!.reader]));
          const child = spawn("sh", ["-c", `(ls -l /proc/$$/fd >'${list.path}'); exit 0`], {
            stdio,
            handles,
          });
          await once(child, "exit");
          const files = [...fs.readFileSync(list.path, "utf8").matchAll(/ (\d+) -> (.*)$/gm)]
            .filter(([, number]) => Number(number) > 2).map(([, , path]) => path)
            .filter((path) => !isDeno || path !== "/dev/null");
          const links = given.map(({ reader }) => fs.readlinkSync(`/proc/self/fd/${reader.raw}`));
          expect(files.sort(), `${stdio} and ${names}`).toEqual(links.sort());
          for (const { reader, writer } of given) [reader, writer].forEach((end) => end.close());
        }
      }
      fs.closeSync(fd);
      fs.closeSync(other);
    });
  },
);
