/**
 * Accept here, serve there: the parent accepts each connection and sends it over a channel to the child
 * whose turn it is. The bytes go between client and child, and never through the parent.
 * `deno run -A examples/accept_and_pass.ts`, or the same with `bun` or `node`.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { duplicate, type HandleChannel, parentChannel, spawn } from "duphandle";

const connectionCount = 4;
const parent = parentChannel();
if (process.platform === "win32") console.log("skipped: this is for Linux; see docs/sockets.md");
else await (parent === undefined ? accept() : serve(parent));

async function accept(): Promise<void> {
  const me = fileURLToPath(import.meta.url);
  const args = "Deno" in globalThis ? ["run", "-A", me] : [...process.execArgv, me];
  const children = ["first", "second"].map((name) =>
    spawn(process.execPath, [...args, name], { stdio: "inherit", channel: true })
  );
  const sent: Promise<void>[] = [];
  // What a paused connection gets stays in the kernel, where the child finds it.
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const { channel } = children[sent.length % children.length]!;
    try {
      const connection = duplicate(socket, { closeSource: true }); // the runtime lets go of it
      sent.push(
        channel.send("serve this", [connection]).finally(() => connection.close()),
      );
    } catch (error) {
      socket.destroy();
      console.log("a client went away:", error);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  for (let at = 0; at < connectionCount; at++) {
    console.log(await ask(server.address(), `hello ${at}`));
  }
  server.close();
  await Promise.all(sent);
  for (const child of children) {
    const ended = once(child, "exit");
    await child.channel.close();
    await ended;
  }
}

async function serve(channel: HandleChannel): Promise<void> {
  for await (const { handles } of channel) {
    const connection = handles[0]!;
    try {
      const socket = connection.toSocket();
      socket.on("data", (text) => socket.end(`the ${process.argv[2]} child answers "${text}"`));
      socket.on("error", (error) => console.log("a client went away:", error.message));
    } catch (error) {
      connection.close(); // which does nothing once the socket has it
      console.log("a client went away:", error);
    }
  }
}

/** What a client gets who sends this. */
async function ask(address: unknown, text: string): Promise<string> {
  const client = connect((address as AddressInfo).port, "127.0.0.1");
  client.write(text);
  let answer = "";
  for await (const part of client) answer += part;
  return answer;
}
