/** Reports what listenFds() gives or throws, and what comes out of what is no listening socket. */
import { inspectHandle, listenFds } from "duphandle";
import { read } from "duphandle/posix";
import { report, thrownBy } from "../../support/report.ts";

const found: unknown[] = [];
const error = thrownBy(() => {
  for (const { name, handle } of listenFds()) {
    const { kind, socket } = inspectHandle(handle);
    const buffer = new Uint8Array(100);
    const text = new TextDecoder().decode(buffer.subarray(0, read(handle.raw, buffer)));
    found.push({ name, kind, type: socket?.type, text });
    handle.close();
  }
});
report({ found, error });
