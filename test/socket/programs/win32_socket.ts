/**
 * Makes a socket from the information that its parent sent, and uses it after the parent closed its
 * own socket. Its argument is the folder for messages.
 */
import { socketFromInfo } from "duphandle";
import { recv, send } from "duphandle/win32";
import { hear, tell } from "../../support/windows_objects.ts";

const folder = process.argv.at(-1) as string;
using socket = socketFromInfo(Uint8Array.from(await hear(folder, "info") as number[]));
tell(folder, "made", { inheritable: socket.inheritable });
await hear(folder, "closed");
const buffer = new Uint8Array(64);
const count = recv(socket.raw, buffer, 0);
send(socket.raw, new TextEncoder().encode("from the child"), 0);
tell(folder, "received", new TextDecoder().decode(buffer.subarray(0, count)));
