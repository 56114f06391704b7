/** Listens and connects with few descriptors left, and none: what each of it says, and what stays open. */
import * as path from "node:path";
import { duplicate, HandleChannel, type HandleError, type OwnedHandle } from "duphandle";
import { fcntl_getfd } from "duphandle/posix";
import { settled } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const [server, folder, limit] = process.argv.slice(2) as [string, string, string];
/** The most descriptors that are left. */
const MOST = 8;

async function listen(at: string): Promise<void> {
  const server = await HandleChannel.listen(at, () => {});
  await server.close();
}

async function connect(): Promise<void> {
  const channel = await HandleChannel.connect(server, { handshakeTimeout: 5000 });
  await channel.close();
}

/** How many descriptors are open, without opening one. */
const open = () =>
  Array.from({ length: Number(limit) }, (_, fd) => thrownBy(() => fcntl_getfd(fd)))
    .filter((error) => error === undefined).length;

async function outcome(action: () => Promise<void>, room: number): Promise<string> {
  const fillers: OwnedHandle[] = [];
  while (thrownBy(() => fillers.push(duplicate(1))) === undefined);
  for (let freed = 0; freed < room; freed++) fillers.pop()?.close();
  const before = open();
  try {
    await action();
    return "done";
  } catch (error) {
    const { name, code, message } = error as HandleError;
    return `${name} ${code} ${/close what is not needed/.test(message)}`;
  } finally {
    // A runtime closes some things only after the promise that told of their end.
    for (let wait = 1; wait < 2000 && open() > before; wait *= 2) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    const left = open() - before;
    for (const filler of fillers) filler.close();
    if (left !== 0) report(`${action.name} with ${room} left ${left} open`);
    if (left !== 0) process.exit(1);
  }
}

await settled();
await listen(path.join(folder, "first")); // the first use opens what then stays
await connect();
const outcomes: Record<string, string[]> = { listen: [], connect: [] };
for (let room = 0; room <= MOST; room++) {
  outcomes["listen"]!.push(await outcome(() => listen(path.join(folder, "s")), room));
  outcomes["connect"]!.push(await outcome(connect, room));
}
report(outcomes);
process.exit(0);
