import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { canChangeUser } from "../support/nobody.ts";
import { hasCommand, root, runProgram } from "../support/program.ts";
import { isBun, isDeno, isWindows, temporaryFolder } from "../support/system.ts";

const examples = path.resolve(import.meta.dirname, "..", "..", "examples");
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const major = Number(process.versions.node.split(".")[0]);
/** Bun and the older Node have no sandbox. On Windows the example uses none. */
const hasSandbox = !isWindows && (isDeno || (!isBun && major >= 26));
/** On Linux only root may have more files on their way than it may have open. */
const fewDescriptors = isRoot && hasCommand("prlimit") ? ["prlimit", "--nofile=256:256", "--"] : [];
/** The oldest Node reads the TypeScript of a worker as well only with this. */
const isOldNode = !isDeno && !isBun && major < 22;
const loadInWorkers = `--import=${
  pathToFileURL(path.join(root, "test", "support", "load_in_workers.mjs"))
}`;
/** Windows has room for every handle. */
const keepsAll = isWindows || fewDescriptors.length > 0;

/** The examples that end with an error here, which must be this one. */
const refused: Readonly<Record<string, RegExp>> = {
  ...(isWindows && (isBun || isDeno) && {
    // Part of the output would not follow.
    "capture_stdout.ts": /Cannot make fd 1 refer to another object: on Windows/,
  }),
};

/** What each example must print. */
const expected: Readonly<Record<string, RegExp>> = {
  "accept_and_pass.ts": isWindows
    ? /^skipped: /m
    : /(the (first|second) child answers "hello \d"\n){4}/,
  "capture_stdout.ts": /captured:\n {2}from console.log\n {2}from the system\n {2}from a child/,
  "broker.ts": new RegExp(
    `worker: ${hasSandbox ? "I may not open it myself" : "this runtime has no sandbox"}.*\n` +
      "broker: secret.txt is not for you\nbroker: here it is\nworker: it says for everybody",
  ),
  "connection_to_worker.ts": isWindows ? /^skipped: /m : /(worker \d+ answers "hello \d"\n){3}/,
  "list_handles.ts":
    /^process \d+ has \d+ handles:\nhandle +kind +access +inherited +position +shared +what\n(0x|0 )[^]+ (file|device) /m,
  "log_writer.ts":
    /the first supervisor gave a file\nwithout it the writer goes on\nthe second supervisor gave another file/,
  "pass_listener.ts": isWindows
    ? /^skipped: /m
    : /with two children: 20 of 20 requests answered\nwith one: 20 of 20, by the second child\n/,
  "privilege_separation.ts": canChangeUser
    ? /the child requests the log\nuser 65534 serves 127\.0\.0\.1(:8\d)?\nits log: GET \/\n/
    : /^skipped: /m,
  "demo.ts": /the position is shared/,
  "recover_deleted.ts": isWindows
    ? /which only Linux has/
    : /service.log.recovered: precious\nservice.log.recovered.2: rare\n/,
  "tail_many.ts": new RegExp(
    `following ${
      keepsAll ? 5000 : "\\d+"
    } logs\n(\\d+.log: round 1, line \\d\n){3}round 1: 3 new lines\n` +
      `[^]*\n100 have a descriptor, ${keepsAll ? 4900 : "\\d+"} wait`,
  ),
  "two_owners.ts": /^header\nbody\n$/m,
  "read_only_copy.ts": /10 coins\nit cannot write: E\w+\nin the end: 20 coins/,
  "read_only_child.ts": /the child reads: 10 coins\nit cannot write: E\w+\nin the end: 10 coins/,
  "wait_for_parent.ts":
    /parent: my child has a handle of me, and I end\nchild: my parent has ended/,
  "log_rotation.ts": isWindows && isDeno
    ? /on Windows Deno does not expose its descriptors/
    : /service.log.1 "line 1\\n.*line 4\\n"\n.*\n.*\nservice.log "line 13\\n"/,
};

/** Those that serve until a signal comes: restart_programs.test.ts runs them, and outside Linux they are refused. */
const restarted = ["restart.ts", "restart_service.ts", "supervisor.ts"];

test("every example is known to the tests", () => {
  expect(fs.readdirSync(examples).sort()).toEqual([...Object.keys(expected), ...restarted].sort());
});

for (const [file, output] of Object.entries(expected)) {
  const words = refused[file];
  test(`examples/${file} ${words === undefined ? "prints" : "is refused with"} what it should`, () => {
    const { code, output: printed } = runProgram(path.join(examples, file), {
      mayFail: words !== undefined,
      prefix: file === "tail_many.ts" ? fewDescriptors : [],
      flags: isOldNode ? [loadInWorkers] : [],
    });
    expect(code === 0).toBe(words === undefined);
    expect(printed.replaceAll("\r", "")).toMatch(words ?? output);
  });
}

test.skipIf(process.platform === "linux").each(restarted)("examples/%s is for Linux", (file) => {
  const { output } = runProgram(path.join(examples, file));
  expect(output).toMatch(/^skipped: .*docs\/restarts\.md/m);
});

test.runIf(process.platform === "linux")(
  "examples/recover_deleted.ts recovers each regular file once, and writes over nothing",
  async () => {
    using folder = temporaryFolder();
    for (const name of ["a", "b", "out"]) fs.mkdirSync(path.join(folder.path, name));
    const out = path.join(folder.path, "out");
    fs.writeFileSync(path.join(out, "log.recovered"), "not to be lost");
    // Two files of one name, one of them twice; a pipe with a name that is deleted; one that is not deleted.
    const script = 'mkfifo pipe; exec 3<>pipe 4>a/log 5>b/log 6>&4 7>"kept (deleted)"; ' +
      "echo first >&4; echo second >&5; rm pipe a/log b/log; echo ready; read _";
    const child = spawn("sh", ["-c", script], {
      cwd: folder.path,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    try {
      runProgram(path.join(examples, "recover_deleted.ts"), { args: [`${child.pid}`, out] });
    } finally {
      child.stdin.end();
      await ended;
    }
    const contents = fs.readdirSync(out).sort()
      .map((name) => [name, fs.readFileSync(path.join(out, name), "utf8")]);
    expect(contents).toEqual([
      ["log.recovered", "not to be lost"],
      ["log.recovered.2", "first\n"],
      ["log.recovered.3", "second\n"],
    ]);
  },
);
