/**
 * A client of a server that silent clients flood: `windows_patient.ts path count`. It opens so many channels
 * at once and says something over each; it ends with exit code 0 when each was heard.
 */
import { HandleChannel } from "duphandle";

const [path = "", count = "0"] = process.argv.slice(2);

async function isHeard(): Promise<boolean> {
  await using channel = await HandleChannel.connect(path, { handshakeTimeout: 60_000 });
  await channel.send("hello");
  using received = await channel.receive();
  return received?.message === "heard";
}

const heard = await Promise.all(Array.from({ length: Number(count) }, isHeard));
process.exitCode = heard.every(Boolean) ? 0 : 9;
