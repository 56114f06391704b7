/** One case of redirection on Windows, in a process of its own: it may leave the standard fds unusable. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { borrow, duplicate, duplicateOnto, redirect } from "duphandle";
import * as win32 from "duphandle/win32";
import { openHandles } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const [name, file, number = "1"] = process.argv.slice(2) as [string, string, string?];
const fd = Number(number);
const target = fs.openSync(file, "w+");
const content = () => fs.readFileSync(file, "utf8");
const which = [win32.STD_INPUT_HANDLE, win32.STD_OUTPUT_HANDLE, win32.STD_ERROR_HANDLE][fd]!;
const standard = () => win32.GetStdHandle(which);

/** Writes in every way. */
function print(what: string): void {
  const stream = fd === 1 ? process.stdout : process.stderr;
  if (fd === 1) console.log(`${what} console`);
  else console.error(`${what} console`);
  stream.write(`${what} stream\n`);
  fs.writeSync(fd, `${what} fs\n`);
  win32.WriteFile(standard(), new TextEncoder().encode(`${what} native\n`));
}

function printInChildren(what: string): void {
  const to = fd === 1 ? "" : ">&2";
  spawnSync("cmd.exe", ["/c", `echo ${what} inherited${to}`], { stdio: "inherit" });
  const stdio = fd === 1 ? ["ignore", 1, "ignore"] as const : ["ignore", "ignore", 2] as const;
  spawnSync("cmd.exe", ["/c", `echo ${what} numbered${to}`], { stdio: [...stdio] });
}

const cases: Record<string, () => unknown> = {
  /** All that prints follows, and comes back; nothing is left open. */
  follow() {
    const handle = standard();
    redirect(fd, target).restore();
    print("before");
    printInChildren("before");
    const before = openHandles();
    for (let round = 0; round < 3; round++) {
      using _ = redirect(fd, target);
      print("during");
      if (round === 0) printInChildren("during");
    }
    const grown = openHandles().length - before.length;
    print("after");
    printInChildren("after");
    return { content: content(), grown, same: standard() === handle };
  },

  /** Before the runtime has made its stream. */
  early() {
    {
      using _ = redirect(fd, target);
      print("during");
    }
    print("after");
    return content();
  },

  nested() {
    using other = duplicate(target);
    const outer = redirect(fd, target);
    print("outer");
    const inner = redirect(fd, other);
    print("inner");
    outer.restore();
    print("inner");
    inner.restore();
    inner.restore();
    print("after");
    return content();
  },

  exception() {
    const error = thrownBy(() => {
      using _ = redirect(fd, target);
      print("during");
      throw new Error("thrown inside");
    });
    print("after");
    return { error: error?.["message"], content: content() };
  },

  corked() {
    const stream = fd === 1 ? process.stdout : process.stderr;
    stream.cork();
    stream.write("corked before\n");
    {
      using _ = redirect(fd, target);
      stream.write("corked during\n");
    }
    stream.write("corked after\n");
    stream.uncork();
    return content();
  },

  stdin() {
    fs.writeSync(target, "from the file\r\n", 0);
    const buffer = Buffer.alloc(9);
    const seen: string[] = [];
    const source = borrow(win32.CreateFileW(file, win32.GENERIC_READ, 7, null, 3, 0, 0));
    {
      using _ = redirect(0, source);
      seen.push(buffer.toString("utf8", 0, fs.readSync(0, buffer, 0, 2, null)));
      const stdio = ["inherit", "pipe", "inherit"] as const;
      const { stdout } = spawnSync("cmd.exe", ["/c", "findstr file"], { stdio: [...stdio] });
      seen.push(String(stdout).trim());
    }
    seen.push(String(fs.readSync(0, buffer, 0, 9, null)));
    win32.CloseHandle(source.raw);
    return seen;
  },

  /** The number of a failing call, and what has changed. */
  failures() {
    redirect(fd, target).restore();
    const before = openHandles();
    const handle = standard();
    const closed = duplicate(target);
    closed.close();
    const errors = [
      thrownBy(() => redirect(fd, closed)),
      thrownBy(() => redirect(fd, 900)),
      thrownBy(() => duplicateOnto(closed, fd)),
      thrownBy(() => duplicateOnto(900, fd)),
    ].map((error) => error?.["code"]);
    const grown = openHandles().length - before.length;
    return { errors, same: standard() === handle, grown };
  },

  /** For good, twice; then a redirection around it and one after it. */
  replace() {
    const other = fs.openSync(`${file}.other`, "w+");
    redirect(fd, target).restore();
    print("before");
    printInChildren("before");
    const before = openHandles();
    duplicateOnto(target, fd);
    print("first");
    printInChildren("first");
    duplicateOnto(other, fd);
    print("second");
    {
      using _ = redirect(fd, target);
      print("third");
      duplicateOnto(other, fd);
      print("fourth");
    }
    print("fifth");
    const grown = openHandles().length - before.length;
    return { content: content(), other: fs.readFileSync(`${file}.other`, "utf8"), grown };
  },
};

report(cases[name]!());
process.exit(0);
