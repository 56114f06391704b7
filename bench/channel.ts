/**
 * Sends handles over a channel to a child in the same runtime: `channel.ts MESSAGES HANDLES` prints how
 * many handles a second the child receives, counts and closes. The child runs this file too.
 */
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { parentChannel, spawn } from "../mod.ts";

const WARM_UP = 0.2;

if (process.argv[2] === "child") await receive();
else await send(Number(process.argv[2]), Number(process.argv[3]));

async function send(messages: number, handles: number): Promise<void> {
  const { bun, deno, node } = process.versions;
  const before = deno === undefined ? process.execArgv : ["run", "-A", "--quiet"];
  const script = process.argv[1] as string;
  const child = spawn(process.execPath, [...before, script, "child"], {
    stdio: ["ignore", "inherit", "inherit"],
    channel: true,
  });
  const file = openSync("/dev/null", "r");
  const sources = Array<number>(handles).fill(file);
  const run = async (count: number) => {
    for (let at = 0; at < count; at++) await child.channel.send(at, sources);
    await child.channel.send("how many?");
    return (await child.channel.receive())?.message;
  };
  const warm = Math.ceil(messages * WARM_UP);
  await run(warm);
  const start = performance.now();
  const received = await run(messages);
  const seconds = (performance.now() - start) / 1000;
  if (received !== (warm + messages) * handles) throw new Error(`only ${received} arrived`);
  closeSync(file);
  await child.channel.close();
  const perSecond = Math.round(messages * handles / seconds);
  console.log(JSON.stringify({ version: deno ?? bun ?? node, perSecond }));
}

async function receive(): Promise<void> {
  const parent = parentChannel();
  if (parent === undefined) throw new Error("Cannot run as a child without a channel");
  let received = 0;
  for await (const { message, handles } of parent) {
    for (const handle of handles) handle.close();
    received += handles.length;
    if (message === "how many?") await parent.send(received);
  }
}
