/** The child of channel.ts: it answers on the channel, and on a socket of its runtime at the path of its argument. */
import { connect } from "node:net";
import process from "node:process";
import { parentChannel } from "../mod.ts";
import { ARRAY_BYTES } from "./channel_cost.ts";

const bytes = new Uint8Array(ARRAY_BYTES);
const parent = parentChannel();
if (parent === undefined) throw new Error("Cannot run as a child without a channel");

/** What the socket does with what it receives: it sends it back, counts an array, or sends one. */
let mode = "echo";
let received = 0;
const socket = connect(process.argv[2] as string);
socket.on("data", (data) => {
  if (mode === "echo") socket.write(data);
  else if (mode === "source") socket.write(bytes);
  else if ((received += data.length) === ARRAY_BYTES) {
    received = 0;
    socket.write("x");
  }
});

let handlesReceived = 0;
for await (const { message, handles } of parent) {
  for (const handle of handles) handle.close();
  handlesReceived += handles.length;
  if (message === "trip") await parent.send("back");
  else if (message === "count") await parent.send(handlesReceived);
  else if (message === "give") await parent.send({ bytes });
  else if (message === "cpu") await parent.send(cpuTime());
  else if (message !== "stream") {
    if (typeof message === "string") mode = message; // the rest is an array
    await parent.send("got");
  }
}

/** The processor time of this process, in microseconds. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
