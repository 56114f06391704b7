/** Sources in another thread and in another process, and a replaced descriptor that an event loop watches. */
import { spawnSync } from "node:child_process";
import * as net from "node:net";
import {
  duplicate,
  duplicateOnto,
  HandleChannel,
  inspectHandle,
  isSameObject,
  OwnedHandle,
  spawn,
} from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { connections, connects, event, Peer, servers, until } from "../support/network_sources.ts";
import { commandFor, hasCommand, programPath, runProgram } from "../support/program.ts";
import { isDeno, temporaryFolder, writeRaw } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

/** Connects, and ends the connection by a reset. */
const RESETTING_CLIENT = `
import socket, struct, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.close()
`;

describe.runIf(process.platform === "linux")("sources elsewhere", () => {
  test("a connection that one thread accepts is used in another, by its number", () => {
    const { result, output } = runProgram("socket/threads.ts");
    expect(result, output).toMatchObject({ wrong: [], leaked: 0 });
  });

  test.runIf(isDeno && hasCommand("python3"))(
    "the error says that a client has reset its connection",
    async () => {
      const server = net.createServer({ pauseOnConnect: true });
      await event(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as net.AddressInfo;
      const accepted = event<net.Socket>(server, "connection");
      // The client has come and gone before this thread accepts it.
      spawnSync("python3", ["-c", RESETTING_CLIENT, String(port)], { stdio: "inherit" });
      const socket = await accepted;
      server.close();
      const error = thrownBy(() => duplicate(socket, { closeSource: true }));
      socket.destroy();
      expect(error).toMatchObject({
        code: "EBADF",
        message: expect.stringContaining("its peer has reset the connection"),
      });
    },
  );

  test.runIf(isDeno)("UDP sockets of Deno, which are unstable", () => {
    const { result, output } = runProgram("socket/datagrams.ts", { flags: ["--unstable-net"] });
    expect(result, output).toEqual(["dgram.Socket", "Deno.DatagramConn"]);
  });

  // In Deno no net.Server is made of a Unix socket, as the child would.
  const inheritable = Object.entries(servers).filter(([name]) =>
    !isDeno || !name.includes("abstract")
  );
  test.each(inheritable)("a child inherits a %s", async (_name, make) => {
    const { source, place, close } = await make();
    const [command, ...args] = commandFor(programPath("socket/accept_one.ts"));
    const child = spawn(command!, args, {
      handles: { listener: source },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = event(child, "exit");
    let output = "";
    child.stdout!.on("data", (bytes) => output += String(bytes));
    await until(() => output.includes("ready"), "the child is ready");
    await close();
    const client = new Peer(net.connect(place));
    await client.expect("served by the child");
    client.socket.destroy();
    await exited;
  });

  test("a channel takes a connection and a server", async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/channel`;
    const channels: HandleChannel[] = [];
    const listening = await HandleChannel.listen(path, (channel) => void channels.push(channel));
    await using sender = await HandleChannel.connect(path);
    await until(() => channels.length === 1, "the channel is connected");
    await using receiver = channels[0]!;
    const connection = await connections["net.Socket, accepted, tcp4"]!();
    const server = await servers["http.Server"]!();
    await sender.send("take", [connection.source, server.source]);
    const { handles: [first, second] = [] } = (await receiver.receive())!;
    expect(isSameObject(first!, connection.source)).toBe(true);
    expect(isSameObject(second!, server.source)).toBe(true);
    await server.close();
    expect(await connects(server.place)).toBe(true);
    writeRaw(first!.raw, "over the channel");
    await connection.peer.expect("over the channel");
    for (const handle of [first!, second!]) handle.close();
    connection.close();
    await listening.close();
  });

  test("duplicateOnto() over a descriptor that the event loop watches: it writes, and reads nothing", async () => {
    const { source, peer, close } = await connections["net.Socket, accepted, tcp4"]!();
    const socket = source as net.Socket;
    let received = "";
    socket.on("data", (bytes) => received += String(bytes)).resume();
    peer.socket.write("before");
    await until(() => received === "before", "the runtime reads");
    const fd = descriptorOf(socket);
    const [one, other] = posix.socketpair(posix.AF_UNIX, posix.SOCK_STREAM | posix.SOCK_CLOEXEC, 0)
      .map((each) => OwnedHandle.fromRaw(each));
    posix.fcntl_setfl(one!.raw, posix.fcntl_getfl(one!.raw) | posix.O_NONBLOCK);
    duplicateOnto(one!, fd);
    const adopted = new Peer(other!.toSocket());
    socket.write("written");
    await adopted.expect("written");
    adopted.socket.write("not read");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(received).toBe("before");
    // What to use instead: the event loop learns of it.
    const instead = new Peer(one!.toSocket());
    await instead.expect("not read");
    for (const each of [instead, adopted]) each.socket.destroy();
    close();
  });
});

/** The lowest descriptor of the socket that is not the one of the duplicate. */
function descriptorOf(socket: net.Socket): number {
  using copy = duplicate(socket);
  expect(inspectHandle(copy).kind).toBe("socket");
  for (let fd = 3;; fd++) {
    try {
      if (fd !== copy.raw && isSameObject(fd, copy)) return fd;
    } catch {
      // not open
    }
  }
}
