/** Opens and closes listening sockets until it is told to stop, and looks whether each stays its own. */
import { parentPort, workerData } from "node:worker_threads";
import { close } from "duphandle/posix";
import { listenLocally } from "../../../ffi/posix/bind.ts";
import { localName, type SocketName } from "../../../ffi/posix/socket_name.ts";

const { shared } = workerData.data as { shared: Int32Array };
const portOf = (fd: number) => (localName(fd) as SocketName & { port?: number } | undefined)?.port;
parentPort?.postMessage("ready");
while (Atomics.load(shared, 0) === 0) {
  const made = Array.from({ length: 4 }, () => listenLocally("IPv4"));
  const ports = made.map(portOf);
  Atomics.wait(shared, 0, 0, Math.random());
  made.forEach((fd, at) => {
    if (portOf(fd) !== ports[at]) Atomics.add(shared, 2, 1);
    close(fd);
  });
  Atomics.add(shared, 1, 1);
}
