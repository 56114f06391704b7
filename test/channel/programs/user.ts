/**
 * A process of another user: connects to a path, exchanges a handle there, listens there until its input ends, or goes
 * in without asking who is there.
 */
import { closeSync, openSync } from "node:fs";
import {
  AF_UNIX,
  close,
  poll,
  type PollFd,
  POLLHUP,
  read,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socketpair,
} from "duphandle/posix";
import { sendRights } from "../../../ffi/posix/rights.ts";
import { connectTo } from "../../../ffi/posix/unix_socket.ts";
import { HandleChannel, type HandleError } from "duphandle";

const [how, path, allowed] = process.argv.slice(2) as [
  "listen" | "connect" | "exchange" | "intrude",
  string,
  string?,
];
const users = JSON.parse(allowed ?? "{}") as { uids?: number[]; gids?: number[] };
if (how === "connect") {
  try {
    await using channel = await HandleChannel.connect(path, users);
    console.log(`connected to ${channel.pid}`);
  } catch (error) {
    console.log((error as HandleError).code);
  }
} else if (how === "exchange") {
  await using channel = await HandleChannel.connect(path, users);
  using received = await channel.receive();
  const file = openSync("/proc/self/status", "r");
  await channel.send("mine", [file]);
  closeSync(file);
  const bytes = new Uint8Array(64);
  const count = read(received!.handles[0]!.raw, bytes); // which is not Deno's to read by node:fs
  console.log(new TextDecoder().decode(bytes.subarray(0, count)));
} else if (how === "intrude") {
  const raw = connectTo(path);
  sendRights(raw, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0).slice(1));
  close(connectTo(`${path}.bell`)); // wakes the server up
  const hangUp: PollFd = { fd: raw, events: 0 };
  poll([hangUp], 10_000);
  console.log((hangUp.revents! & POLLHUP) !== 0 ? "turned away" : "let in");
  process.exit(0);
} else {
  const server = await HandleChannel.listen(path, () => console.log("somebody came"));
  console.log("ready");
  process.stdin.on("end", () => void server.close()).resume();
}
