/** Wrong uses of channels must not compile, and right ones give the right types. Never run. */
import type { FileHandle } from "node:fs/promises";
import {
  type ForeignHandle,
  HandleChannel,
  type HandleMessage,
  HandleServer,
  type JsonValue,
  type OwnedHandle,
  parentChannel,
} from "duphandle";
import { exactly } from "./exactly.ts";

declare const channel: HandleChannel;
declare const server: HandleServer;
declare const file: FileHandle;
declare const owned: OwnedHandle;
declare const foreign: ForeignHandle;

interface Order {
  readonly item: string;
}
type Shipped = { readonly item: string; readonly parts: readonly number[] };
declare const shipped: Shipped;

export async function messages(): Promise<void> {
  exactly<Promise<void>>()(channel.send("hello"));
  await channel.send(null);
  await channel.send(1);
  await channel.send([true, "a", [1, {}]]);
  await channel.send({ name: "a", bytes: new Uint8Array(3), list: [{ deep: null }] });
  await channel.send(Buffer.from("bytes"));
  await channel.send(shipped);
  await channel.send({ ...({ item: "a" } as Order) });
  // @ts-expect-error JSON has no functions
  await channel.send(() => {});
  // @ts-expect-error JSON has no functions, at any depth
  await channel.send({ list: [{ run() {} }] });
  // @ts-expect-error JSON has no maps
  await channel.send(new Map([["a", 1]]));
  // @ts-expect-error JSON has no sets
  await channel.send({ set: new Set([1]) });
  // @ts-expect-error JSON has no bigints
  await channel.send(1n);
  // @ts-expect-error JSON has no bigints, at any depth
  await channel.send({ size: 1n });
  // @ts-expect-error JSON has no dates: send toISOString()
  await channel.send(new Date());
  // @ts-expect-error JSON has no undefined
  await channel.send(undefined);
  // @ts-expect-error JSON has no symbols
  await channel.send(Symbol.iterator);
  // @ts-expect-error bytes are a Uint8Array
  await channel.send(new Float64Array(3));
  // @ts-expect-error bytes are a Uint8Array
  await channel.send(new ArrayBuffer(3));
  // @ts-expect-error an object of a class arrives without its methods
  await channel.send(new Error("no"));
  // @ts-expect-error handles are sent beside the message
  await channel.send({ handle: owned });
  // @ts-expect-error a promise is no message yet: await it
  await channel.send(Promise.resolve(1));
  // @ts-expect-error what?
  await channel.send();
}

export async function handles(): Promise<void> {
  await channel.send("", [1, file, owned, owned.borrow()]);
  await channel.send("", new Set([1, 2]));
  // @ts-expect-error handles are a list
  await channel.send("", 1);
  // @ts-expect-error handles are a list
  await channel.send("", owned);
  // @ts-expect-error handles have no names: the message says what they are
  await channel.send("", { log: 1 });
  // @ts-expect-error its number means nothing in this process
  await channel.send("", [foreign]);
  // @ts-expect-error a path is opened first
  await channel.send("", ["log.txt"]);
  // @ts-expect-error a promise is no file yet: await it
  await channel.send("", [Promise.resolve(file)]);
}

export async function receiving(): Promise<void> {
  exactly<Promise<HandleMessage | undefined>>()(channel.receive());
  using received = await channel.receive();
  exactly<JsonValue | undefined>()(received?.message);
  exactly<OwnedHandle[] | undefined>()(received?.handles);
  for await (const next of channel) exactly<HandleMessage>()(next);
  for await (const { message } of channel) {
    if (typeof message === "string") exactly<string>()(message);
    // @ts-expect-error what the other process sent is not known
    message.name;
    // @ts-expect-error what the other process sent is not known
    const _text: string = message;
  }
  // @ts-expect-error there is none when the channel is closed
  received.message;
  // @ts-expect-error a message comes in a promise: await it
  channel.receive().message;
  // @ts-expect-error a channel is read with for await
  for (const _ of channel);
  // @ts-expect-error a message comes in a promise: await it
  using _promise = channel.receive();
}

export async function ends(): Promise<void> {
  exactly<HandleChannel | undefined>()(parentChannel());
  exactly<HandleChannel | undefined>()(parentChannel({ maxHandles: 3, maxMessageBytes: 64 }));
  exactly<Promise<HandleChannel>>()(HandleChannel.connect("path"));
  exactly<Promise<HandleServer>>()(HandleChannel.listen("path", () => {}));
  await HandleChannel.listen("path", async (each) => {
    exactly<HandleChannel>()(each);
    await each.close();
  }, { maxHandles: 3 });
  exactly<HandleChannel>()(channel.ref().unref());
  exactly<number | undefined>()(channel.pid);
  exactly<boolean>()(channel.closed);
  exactly<Promise<void>>()(channel.close());
  exactly<Promise<void>>()(server.close());
  await using _channel = await HandleChannel.connect("path");
  await using _server = await HandleChannel.listen("path", () => {});
  // @ts-expect-error there may be no parent
  parentChannel().send("hello");
  // @ts-expect-error there may be no parent
  const _parent: HandleChannel = parentChannel();
  // @ts-expect-error there is no such limit
  parentChannel({ maxBytes: 3 });
  // @ts-expect-error a number
  parentChannel({ maxHandles: "3" });
  // @ts-expect-error a path
  HandleChannel.connect(4711);
  // @ts-expect-error what is to be done with a channel?
  HandleChannel.listen("path");
  // @ts-expect-error it is called with a channel
  HandleChannel.listen("path", (text: string) => text);
  // @ts-expect-error there is no such limit
  HandleChannel.connect("path", { maxMessages: 3 });
  // @ts-expect-error a channel comes in a promise: await it
  HandleChannel.connect("path").send("hello");
  // @ts-expect-error a channel is made by connect(), listen() or spawn()
  new HandleChannel();
  // @ts-expect-error there is no other way to make one
  HandleChannel.of;
  // @ts-expect-error a server is made by listen()
  new HandleServer(server);
  // @ts-expect-error the other process does not change
  channel.pid = 1;
  // @ts-expect-error close() closes
  channel.closed = true;
  // @ts-expect-error a channel is closed asynchronously
  using _sync = await HandleChannel.connect("path");
  // @ts-expect-error a server is closed asynchronously
  using _syncServer = server;
}
