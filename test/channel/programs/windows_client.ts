/**
 * A client of a server that the test is: `windows_client.ts path count`. It opens so many
 * channels at once, has an event signalled over each, and ends with exit code 0 when all were. With
 * the count 0 it opens one, receives what it is told to, and waits for the end.
 */
import { HandleChannel, OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";

const [path = "", count = "0"] = process.argv.slice(2);

async function signalledOver(channel: HandleChannel): Promise<boolean> {
  using event = OwnedHandle.fromRaw(win32.CreateEventW(null, true, false, null));
  await channel.send("signal it", [event]);
  await channel.receive();
  return win32.WaitForSingleObject(event.raw, 0) === win32.WAIT_OBJECT_0;
}

if (Number(count) === 0) {
  const channel = await HandleChannel.connect(path);
  await channel.send("here");
  await channel.receive();
  await channel.send("received"); // and does not close what it has
  await channel.receive();
} else {
  const connecting = Array.from({ length: Number(count) }, () => HandleChannel.connect(path));
  const channels = await Promise.all(connecting);
  // All of them are open at once, also those of the other clients.
  for (const channel of channels) await channel.send("here");
  for (const channel of channels) await channel.receive();
  const outcomes = await Promise.all(channels.map(signalledOver));
  for (const channel of channels) await channel.close();
  process.exitCode = outcomes.every(Boolean) ? 0 : 9;
}
