/** Upgrades that fail: the old process serves on, and the next upgrade succeeds. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { Generations, isAlive, type LoggedEvent, serverScript } from "../support/generations.ts";
import { ask } from "../support/listeners.ts";
import { commandFor } from "../support/program.ts";

/** Options of an upgrade whose process behaves so. */
function behaving(name: string, options: object = {}): object {
  return { env: { ...process.env, BEHAVIOUR: name }, ...options };
}

/** Expects that generation 0 serves, and can be replaced. */
async function expectServing(server: Generations, pid: number): Promise<LoggedEvent> {
  expect(await ask(server.address)).toBe(`${pid} 0`);
  server.replace(pid);
  const done = await server.until("upgraded", 0);
  await server.until("drained", 0);
  expect(await ask(server.address)).toBe(`${done["newer"]} 1`);
  return done;
}

describe.skipIf(process.platform !== "linux")("the new process", () => {
  test("ends before it is ready", async () => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    server.replace(pid, behaving("crash"));
    const failed = await server.until("failed", 0);
    expect(failed).toMatchObject({ code: "EPIPE" });
    expect(failed["message"]).toMatch(/ended before it was ready \(exit code 3\)/);
    await expectServing(server, pid);
  });

  test("ends soon after it was ready: the pid file is the old one's again", async () => {
    await using server = new Generations({ start: { minReadyTime: 30_000, pidFile: "pid" } });
    const pidFile = `${server.folder}/pid`;
    const { pid } = await server.until("ready", 0);
    expect(fs.readFileSync(pidFile, "utf8")).toBe(`${pid}\n`);
    server.replace(pid, behaving("die"));
    const failed = await server.until("failed", 0);
    expect(failed).toMatchObject({ code: "EPIPE" });
    expect(failed["message"]).toMatch(/soon after it was ready \(exit code 4\)/);
    expect(server.events.some(({ event, generation }) => event === "ready" && generation === 1))
      .toBe(true);
    expect(fs.readFileSync(pidFile, "utf8")).toBe(`${pid}\n`);
    expect(await ask(server.address)).toBe(`${pid} 0`);
    server.replace(pid, { minReadyTime: 0 });
    const { newer } = await server.until("upgraded", 0);
    expect(fs.readFileSync(pidFile, "utf8")).toBe(`${newer}\n`);
    expect(fs.readdirSync(server.folder).filter((name) => name.startsWith("pid"))).toEqual(["pid"]);
  });

  test("ends soon after it was ready, and what was started with it does not", async () => {
    await using server = new Generations({ start: { minReadyTime: 30_000 } });
    const { pid } = await server.until("ready", 0);
    const script = 'for _ in $(seq 300); do [ -e "$0" ] && exit; sleep 0.1; done & exec "$@"';
    const command = [...commandFor(serverScript), ...server.args];
    const args = ["-c", script, server.goFile, ...command];
    server.replace(pid, behaving("die", { command: "bash", args }));
    const failed = await server.until("failed", 0);
    fs.writeFileSync(server.goFile, "");
    expect(failed["message"]).toMatch(/soon after it was ready \(exit code 4\)/);
    expect(await ask(server.address)).toBe(`${pid} 0`);
    server.replace(pid, { minReadyTime: 0 });
    await server.until("upgraded", 0);
  });

  test.each(["hang", "stubborn"])("is never ready, and is ended: %s", async (behaviour) => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    server.replace(pid, behaving(behaviour, { timeout: 1000 }));
    expect(await server.until("failed", 0)).toMatchObject({ code: "ETIMEDOUT" });
    for (const { generation, ...each } of server.events) {
      if (generation > 0) expect(isAlive(each.pid), JSON.stringify(each)).toBe(false);
    }
    await expectServing(server, pid);
  });

  test("is never ready in a shell, which is ended in its place: it must not serve later", async () => {
    await using server = new Generations({ start: { pidFile: "pid" } });
    const { pid } = await server.until("ready", 0);
    const command = [...commandFor(serverScript), ...server.args];
    const args = ["-c", '"$@"; exit', "bash", ...command];
    // On a busy machine it hears of it at its start already.
    server.replace(pid, behaving("wait", { command: "bash", args, timeout: 3000 }));
    expect(await server.until("failed", 0)).toMatchObject({ code: "ETIMEDOUT" });
    fs.writeFileSync(server.goFile, "");
    await expect(server.until("ready", 1)).rejects.toThrow(/has given this one up/);
    expect(fs.readFileSync(`${server.folder}/pid`, "utf8")).toBe(`${pid}\n`);
    await expectServing(server, pid);
  });

  test.each([["/no/such/program", "ENOENT"], ["/dev/null", "EACCES"]])(
    "cannot be started: %s",
    async (command, code) => {
      await using server = new Generations();
      const { pid } = await server.until("ready", 0);
      server.replace(pid, { command });
      expect(await server.until("failed", 0)).toMatchObject({ code });
      await expectServing(server, pid);
    },
  );

  test("cannot be started since the folder is gone: the error names that, and not the program", async () => {
    await using server = new Generations((folder) => {
      const cwd = path.join(folder, "release");
      fs.mkdirSync(cwd);
      return { cwd };
    });
    const { pid } = await server.until("ready", 0);
    fs.rmdirSync(path.join(server.folder, "release"));
    server.replace(pid);
    const failed = await server.until("failed", 0);
    expect(failed).toMatchObject({ code: "ENOENT" });
    expect(failed["message"]).toContain(`${server.folder}/release: there is no such folder`);
    expect(await ask(server.address)).toBe(`${pid} 0`);
    fs.mkdirSync(path.join(server.folder, "release"));
    await expectServing(server, pid);
  });

  test("says something else than that it is ready", async () => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    const number = '$(echo "&$DUPHANDLE_HANDLES" | sed "s/.*&duphandle%3Aupgrade=//; s/&.*//")';
    server.replace(pid, { command: "bash", args: ["-c", `echo hello >&${number}; sleep 600`] });
    expect(await server.until("failed", 0)).toMatchObject({ code: "EPROTO" });
    await expectServing(server, pid);
  });

  test("does not get the handles, since a program in between keeps them", async () => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    const script = 'eval "exec $(seq -s " " -f "%g>&-" 3 40)"; "$@" || exit 5';
    const command = [...commandFor(serverScript), ...server.args];
    server.replace(pid, { command: "bash", args: ["-c", script, "bash", ...command] });
    const failed = await server.until("failed", 0);
    expect(failed).toMatchObject({ code: "EPIPE" });
    await expectServing(server, pid);
    const { message } = await server.until("uncaught", -1);
    expect(message).toContain("did not pass its handles on");
  });
});

describe.skipIf(process.platform !== "linux")("the old process", () => {
  test("has no descriptors left", async () => {
    await using server = new Generations({
      command: ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh", ...commandFor(serverScript)],
      env: { BEHAVIOUR: "exhaust" },
    });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    expect(await server.until("failed", 0)).toMatchObject({ code: "EMFILE" });
    fs.writeFileSync(server.goFile, "");
    await expectServing(server, pid);
  });

  test("dies before the new one is ready: that one serves, and can be replaced", async () => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    server.replace(pid, behaving("wait"));
    const { pid: newer } = await server.until("start", 1);
    process.kill(pid, "SIGKILL");
    await server.ended;
    const answer = ask(server.address); // in the queue of the socket, and of no process yet
    fs.writeFileSync(server.goFile, "");
    expect(await answer).toBe(`${newer} 1`);
    await server.until("ready", 1);
    server.replace(newer);
    expect(await server.until("upgraded", 1)).toMatchObject({ event: "upgraded" });
  });

  test("dies when the new one is ready and has not lived long enough", async () => {
    await using server = new Generations({ start: { minReadyTime: 30_000 } });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    const { pid: newer } = await server.until("ready", 1);
    process.kill(pid, "SIGKILL");
    await server.ended;
    expect(await ask(server.address)).toBe(`${newer} 1`);
    server.replace(newer, { minReadyTime: 0 });
    expect(await server.until("upgraded", 1)).toMatchObject({ event: "upgraded" });
  });

  test("is told to upgrade twice at once: the second is refused", async () => {
    await using server = new Generations({ start: { minReadyTime: 2000 } });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    await server.until("ready", 1);
    server.replace(pid);
    expect(await server.until("failed", 0)).toMatchObject({ code: "EBUSY" });
    expect(await server.until("upgraded", 0)).toMatchObject({ event: "upgraded" });
    expect(server.events.some(({ generation }) => generation > 1)).toBe(false);
  });
});
