/**
 * Runs a command as a child that has a handle and a channel, beside a server of channels that answers:
 * `visited.mjs path command …`.
 */
import { HandleChannel, spawn } from "duphandle";
import { once } from "node:events";

const [, , path, command, ...args] = process.argv;
const server = await HandleChannel.listen(path, async (channel) => {
  const received = await channel.receive();
  await channel.send(received.message, received.handles);
  received[Symbol.dispose]();
  await channel.close();
});
const child = spawn(command, args, {
  stdio: "inherit",
  handles: { text: 1 },
  channel: true,
});
[process.exitCode] = await once(child, "exit");
await child.channel.close();
await server.close();
