/** What a service manager learns of the generations, and what they have of its environment. */
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { Generations, isAlive, serverScript } from "../support/generations.ts";
import { ask } from "../support/listeners.ts";
import { commandFor } from "../support/program.ts";
import { hasManager, type Received, ServiceManager } from "../support/service_manager.ts";

/** Where no manager is. */
const NOWHERE = "/nonexistent/notify";

/** A server that tells the manager about itself. */
function startService(
  address: string,
  env: Readonly<Record<string, string>> = {},
): Generations {
  return new Generations({ start: { notify: true }, env: { NOTIFY_SOCKET: address, ...env } });
}

/** Who has said what. */
function said(messages: readonly Received[]): [pid: number, state: string][] {
  return messages.map(({ pid, state }) => [pid, state.replace(/(?<=USEC=)\d+/, "…")]);
}

const reloading = "RELOADING=1\nMONOTONIC_USEC=…";
const isReady = (pid: number) => `READY=1\nMAINPID=${pid}`;

describe.runIf(hasManager)("with notify, the service manager", () => {
  test("hears from the process that is the service which one is it next", async () => {
    await using manager = await ServiceManager.start();
    await using server = startService(manager.address);
    const first = await server.until("ready", 0);
    expect(said(await manager.receive(1))).toEqual([[first.pid, isReady(first.pid)]]);
    server.replace(first.pid);
    const second = await server.until("ready", 1);
    // The newer one says nothing: the manager would not listen to it.
    expect(said(await manager.receive(2))).toEqual([
      [first.pid, reloading],
      [first.pid, isReady(second.pid)],
    ]);
    await server.until("drained", 0);
    server.replace(second.pid);
    const third = await server.until("ready", 2);
    expect(said(await manager.receive(2))).toEqual([
      [second.pid, reloading],
      [second.pid, isReady(third.pid)],
    ]);
    await server.until("drained", 1);
    expect(await ask(server.address)).toBe(`${third.pid} 2`);
  });

  test("hears that the old process serves on after an upgrade that failed", async () => {
    await using manager = await ServiceManager.start(true);
    await using server = startService(manager.address);
    const { pid } = await server.until("ready", 0);
    await manager.receive(1);
    for (const options of [{ command: "/no/such/program" }, { command: "false" }]) {
      server.replace(pid, options);
      expect(said(await manager.receive(2))).toEqual([[pid, reloading], [pid, isReady(pid)]]);
    }
    expect(await ask(server.address)).toBe(`${pid} 0`);
  });

  test("is gone when the newer process is ready: that one ends, and the old one serves on", async () => {
    const manager = await ServiceManager.start();
    await using _ = manager;
    await using server = startService(manager.address);
    const { pid } = await server.until("ready", 0);
    server.replace(pid, {
      env: { ...process.env, NOTIFY_SOCKET: manager.address, BEHAVIOUR: "wait" },
    });
    await manager.receive(2);
    const newer = await server.until("start", 1);
    await manager[Symbol.asyncDispose]();
    fs.writeFileSync(server.goFile, "");
    expect(await server.until("failed", 0)).toMatchObject({ code: "ENOENT" });
    expect(isAlive(newer.pid)).toBe(false);
    expect(await ask(server.address)).toBe(`${pid} 0`);
  });

  test("does not get through before: no process is started", async () => {
    await using manager = await ServiceManager.start();
    await using server = startService(manager.address);
    const { pid } = await server.until("ready", 0);
    await manager[Symbol.asyncDispose]();
    server.replace(pid);
    expect(await server.until("failed", 0)).toMatchObject({ code: "ENOENT" });
    expect(server.events.some(({ generation }) => generation === 1)).toBe(false);
    expect(await ask(server.address)).toBe(`${pid} 0`);
  });
});

describe.runIf(process.platform === "linux")("a newer process", () => {
  test("is the one that is watched, and does not expect what was passed to the old one", async () => {
    // As a service manager has them: the pid is that of the process.
    const variables = "WATCHDOG_PID=$$ WATCHDOG_USEC=4000000 LISTEN_PID=$$ LISTEN_FDS=1";
    const command = ["sh", "-c", `${variables} exec "$@"`, "sh", ...commandFor(serverScript)];
    await using server = new Generations({ command });
    const { pid } = await server.until("ready", 0);
    expect(await server.until("environment", 0)).toMatchObject({ watchdog: 4000, passed: "1" });
    server.replace(pid);
    const newer = await server.until("environment", 1);
    expect(newer["watchdog"]).toBe(4000);
    expect(newer["passed"]).toBeUndefined();
    await server.until("drained", 0);
  });

  test("keeps what was set for another process", async () => {
    const env = { WATCHDOG_PID: "1", WATCHDOG_USEC: "4000000", LISTEN_PID: "1", LISTEN_FDS: "1" };
    await using server = new Generations({ env });
    const { pid } = await server.until("ready", 0);
    server.replace(pid);
    const newer = await server.until("environment", 1);
    expect(newer["watchdog"]).toBeUndefined();
    expect(newer["passed"]).toBe("1");
    await server.until("drained", 0);
  });
});

test.runIf(process.platform === "linux")(
  "a manager that is not there: ready() says so",
  async () => {
    await using server = startService(NOWHERE);
    await expect(server.until("ready", 0)).rejects.toThrow(/Cannot notify \/nonexistent\/notify/);
  },
);
