/** Both ends of a channel in one process, for tests of what one end says and the other hears. */
import * as path from "node:path";
import { type ChannelOptions, HandleChannel, type HandleMessage, type JsonValue } from "duphandle";
import { isWindows, temporaryFolder } from "./system.ts";

/** A path to listen at, which nobody else uses. */
export interface Place extends Disposable {
  readonly path: string;
}

let places = 0;

/** A path of its own: in a folder that is removed in the end, or the name of a pipe. */
export function place(): Place {
  if (isWindows) {
    const name = `\\\\.\\pipe\\duphandle-test-${process.pid}-${++places}`;
    return { path: name, [Symbol.dispose]: () => {} };
  }
  const folder = temporaryFolder();
  return { path: path.join(folder.path, "s"), [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** Nobody is given up on a busy machine, where a test starts hundreds at once. */
export const patient = { handshakeTimeout: 300_000 };

/** The two ends of a channel. Both are closed in the end. */
export interface Ends extends AsyncDisposable {
  /** The end that connected. */
  readonly near: HandleChannel;
  /** The end that listened. */
  readonly far: HandleChannel;
}

/** Connects this process to itself. */
export async function connected(near?: ChannelOptions, far?: ChannelOptions): Promise<Ends> {
  using where = place();
  let accept: (channel: HandleChannel) => void = () => {};
  const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
  await using _ = await HandleChannel.listen(where.path, (channel) => accept(channel), far);
  const ends = { near: await HandleChannel.connect(where.path, near), far: await accepted };
  return {
    ...ends,
    async [Symbol.asyncDispose]() {
      await Promise.all([ends.near.close(), ends.far.close()]);
    },
  };
}

/** What comes next, which must be a message. */
export async function next(channel: HandleChannel): Promise<HandleMessage> {
  const received = await channel.receive();
  if (received === undefined) throw new Error("the channel has ended");
  return received;
}

/** Lets everything happen that is under way in this process: turns of the event loop, not a time. */
export async function turns(count: number = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A message with this many levels, and bytes in the deepest one. */
export function nested(depth: number): JsonValue {
  let value: JsonValue = new Uint8Array([1]);
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}
