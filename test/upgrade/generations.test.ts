/** Several generations that live at a time, and what each passes on to the next. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { Generations, isAlive, type LoggedEvent, serverScript } from "../support/generations.ts";
import { ask, type Listener } from "../support/listeners.ts";
import { commandFor } from "../support/program.ts";
import { isDeno } from "../support/system.ts";

/** Where a generation listens, as it has logged it. */
function addressOf(event: LoggedEvent): Listener["address"] {
  return { host: "127.0.0.1", port: (event["local"] as { port: number }).port };
}

/** Waits until no process has a listening socket: while one ends, its connections are reset. */
async function refused(address: Listener["address"]): Promise<void> {
  for (;;) {
    const code = await ask(address).then((text) => `answered: ${text}`, ({ code }) => code);
    if (code === "ECONNREFUSED") return;
    expect(code).toBe("ECONNRESET");
  }
}

/** The process group of a process: the third field after its name. */
function groupOf(pid: number): string {
  return fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[2]!;
}

describe.skipIf(process.platform !== "linux")("generations", () => {
  test("an old one that has not ended does not keep the newer one from an upgrade", async () => {
    await using server = new Generations({
      start: { maxGenerations: 3 },
      env: { LINGER: "1" },
    });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    const { newer } = await server.until("upgraded", 0);
    await server.until("replaced", 0);
    server.replace(pid);
    const refused = await server.until("failed", 0);
    expect(refused).toMatchObject({ code: "EBUSY" });
    expect(refused["message"]).toContain("a newer process serves");
    server.replace(newer as number);
    const { newer: newest } = await server.until("upgraded", 1);
    server.replace(newest as number);
    const tooMany = await server.until("failed", 2);
    expect(tooMany).toMatchObject({ code: "EBUSY" });
    expect(tooMany["message"]).toContain("3 processes live");
    process.kill(pid, "SIGTERM");
    await server.ended;
    server.replace(newest as number);
    expect(await server.until("upgraded", 2)).toMatchObject({ generation: 2 });
  });

  test("an old one can start another when the newer one has ended", async () => {
    await using server = new Generations({ env: { LINGER: "1" } });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    const { newer } = await server.until("upgraded", 0);
    process.kill(newer as number, "SIGKILL");
    const count = () => server.events.filter(({ event }) => event === "upgraded").length;
    while (count() < 2) {
      server.replace(pid); // EBUSY until it has noticed
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { newer: newest } = await server.until("upgraded", 0);
    expect(newest).not.toBe(newer);
    expect((await server.until("ready", 1)).pid).toBe(newest);
  });

  test("an old one cannot when the newer one was replaced in turn", async () => {
    await using server = new Generations({ env: { LINGER: "1" } });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    const { newer } = await server.until("upgraded", 0);
    server.replace(newer as number, { env: { ...process.env, LINGER: "1" } });
    const { newer: newest } = await server.until("upgraded", 1);
    process.kill(newer as number, "SIGTERM");
    await server.until("drained", 1);
    while (isAlive(newer as number)) await new Promise((resolve) => setTimeout(resolve, 10));
    server.replace(pid);
    expect(await server.until("failed", 0)).toMatchObject({ code: "EBUSY" });
    expect(newest).toBe((await server.until("ready", 2)).pid);
  });

  test.each(["", "title"])("start in the same way, in the same process group (%s)", async (how) => {
    await using server = new Generations({ env: { BEHAVIOUR: how } });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    const { pid: newer } = await server.until("ready", 1);
    expect(groupOf(newer)).toBe(groupOf(pid));
    const [first, second] = server.events.filter(({ event }) => event === "start");
    const { flags, args, cwd } = first!;
    expect(second).toMatchObject({ flags, args, cwd, generation: 1 });
  });

  test.runIf(isDeno)("start in the same way without the word run", async () => {
    const [executable, , ...others] = commandFor(serverScript);
    // By another path, since Deno would translate the arguments of its own for Node's.
    const command = [path.join("/proc/self/root/", executable!), ...others];
    await using server = new Generations({ command });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    expect((await server.until("upgraded", 0))["newer"]).toBe((await server.until("ready", 1)).pid);
  });

  test("follow a symbolic link to a newer release", async () => {
    await using server = new Generations((folder) => {
      for (const each of ["one", "two"]) fs.mkdirSync(path.join(folder, each));
      const current = path.join(folder, "current");
      fs.symlinkSync("one", current);
      return { cwd: current, env: { PWD: current } };
    });
    const { pid } = await server.until("ready", 0);
    fs.rmSync(path.join(server.folder, "current"));
    fs.symlinkSync("two", path.join(server.folder, "current"));
    server.replace(pid);
    await server.until("ready", 1);
    const folders = server.events.filter(({ event }) => event === "start").map(({ cwd }) => cwd);
    expect(folders).toEqual(["one", "two"].map((name) => path.join(server.folder, name)));
  });

  test.each(['exec "$@"', '"$@" &'])("start by a shell: %s", async (script) => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    const command = [...commandFor(serverScript), ...server.args];
    server.replace(pid, { command: "sh", args: ["-c", script, "sh", ...command] });
    const { newer } = await server.until("upgraded", 0);
    await server.until("drained", 0);
    expect(await ask(server.address)).toBe(`${newer} 1`);
  });
});

describe.skipIf(process.platform !== "linux")("a listener", () => {
  test("of another address is bound anew, and the old one ends with the old process", async () => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    const changed = JSON.stringify({ port: 0, host: "127.0.0.1" });
    const args = server.args.map((arg) => arg === '{"port":0}' ? changed : arg);
    const [command, ...before] = [...commandFor(serverScript), ...args];
    server.replace(pid, { command, args: before });
    const ready = await server.until("ready", 1);
    await server.ended;
    expect(addressOf(ready)).not.toEqual(server.address);
    expect(await ask(addressOf(ready))).toBe(`${ready.pid} 1`);
    await refused(server.address);
  });

  test("that the newer program does not request ends with the old process", async () => {
    await using server = new Generations({ env: { OTHER: "1" } });
    const { pid } = await server.until("ready", 0);
    const other = await server.until("other", 0);
    server.replace(pid);
    const inherited = await server.until("other", 1);
    expect(inherited["local"]).toEqual(other["local"]);
    const { newer } = await server.until("upgraded", 0);
    const { OTHER: _, ...env } = process.env;
    server.replace(newer as number, { env });
    await server.until("upgraded", 1);
    await server.until("drained", 1);
    await refused(addressOf(other));
  });
});
