/** A server that is replaced while it serves: this runtime first, and then every runtime. */
import { describe, expect, test } from "vitest";
import { Generations, serverScript } from "../support/generations.ts";
import { ask } from "../support/listeners.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";

describe.skipIf(process.platform !== "linux")("an upgrade", () => {
  test.each(runtimeCommands())("to $name", async ({ command }) => {
    await using server = new Generations();
    const { pid } = await server.until("ready", 0);
    expect(await ask(server.address)).toBe(`${pid} 0`);
    const [executable, ...flags] = command;
    server.replace(pid, { command: executable, args: [...flags, serverScript, ...server.args] });
    const { newer } = await server.until("upgraded", 0);
    await server.until("drained", 0);
    expect(await ask(server.address)).toBe(`${newer} 1`);
  });
});
