/** Native servers and connections of Deno and Bun on sockets of ours. */
import { type OwnedHandle, serveOn } from "duphandle";
import { bun, deno, type DenoConnection, type DenoListener, type NativeServer } from "./natives.ts";
import { isBun, isDeno } from "./system.ts";
import { ECHO } from "./web_clients.ts";

/** Whether the runtime has native servers. */
export const isNative: boolean = isDeno || isBun;

export const answer = (request: Request): Response => new Response(request.headers.get(ECHO) ?? "");

/** A web server of the runtime: Deno.serve or Bun.serve. */
export function serve(handle: OwnedHandle, options: object = {}): NativeServer {
  return serveOn(
    handle,
    (placeholder) =>
      isDeno
        ? deno.serve({ ...placeholder, onListen() {}, ...options }, answer)
        : bun.serve({ ...placeholder, fetch: answer, ...options }),
  );
}

/** A server of the runtime that sends back what it gets: Deno.listen or Bun.listen. */
export function echo(handle: OwnedHandle, tls?: { key: string; cert: string }): NativeServer {
  if (isBun) {
    const socket = {
      data: (peer: { write(bytes: Uint8Array): void }, bytes: Uint8Array) => peer.write(bytes),
    };
    return serveOn(
      handle,
      (placeholder) => bun.listen({ ...placeholder, socket, ...tls ? { tls } : {} }),
    );
  }
  const listener = serveOn(
    handle,
    (placeholder) =>
      tls ? deno.listenTls({ ...placeholder, ...tls }) : deno.listen({ ...placeholder }),
  );
  void echoAll(listener);
  return listener;
}

async function echoAll(listener: DenoListener): Promise<void> {
  for await (const connection of listener) void echoOne(connection).catch(() => {});
}

async function echoOne(connection: DenoConnection): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    for (let count; (count = await connection.read(buffer)) !== null;) {
      for (let sent = 0; sent < count;) {
        sent += await connection.write(buffer.subarray(sent, count));
      }
    }
  } finally {
    connection.close();
  }
}

/** Serves WebSockets that send back what they get. */
export function serveWebSockets(handle: OwnedHandle): NativeServer {
  if (isDeno) {
    return serveOn(
      handle,
      (placeholder) =>
        deno.serve({ ...placeholder, onListen() {} }, (request) => {
          const { socket, response } = deno.upgradeWebSocket(request);
          socket.onmessage = ({ data }) => socket.send(data as string);
          return response;
        }),
    );
  }
  const websocket = {
    message: (peer: { send(text: string): void }, text: string) => peer.send(text),
  };
  const fetch = (request: Request, server: { upgrade(request: Request): boolean }) =>
    server.upgrade(request) ? undefined : new Response("no");
  return serveOn(handle, (placeholder) => bun.serve({ ...placeholder, websocket, fetch }));
}

/** A connection of the runtime: Deno.connect or Bun.connect. */
export interface Connected {
  /** Sends bytes, and returns as many that came, or the number that is wanted. */
  exchange(bytes: Uint8Array, wanted?: number): Promise<Uint8Array>;
  close(): void;
}

export async function connected(handle: OwnedHandle): Promise<Connected> {
  if (isDeno) {
    const connection = await serveOn(handle, (placeholder) => deno.connect({ ...placeholder }));
    return {
      async exchange(bytes, wanted = bytes.length) {
        const [received] = await Promise.all([
          readAll(connection, wanted),
          writeAll(connection, bytes),
        ]);
        return received;
      },
      close: () => connection.close(),
    };
  }
  const chunks: Uint8Array[] = [];
  let sending = new Uint8Array(0);
  let [count, wake] = [0, () => {}];
  const send = (peer: { write(bytes: Uint8Array): number }) => {
    sending = sending.subarray(peer.write(sending));
  };
  const socket = {
    data(_: unknown, bytes: Uint8Array) {
      chunks.push(Uint8Array.from(bytes));
      count += bytes.length;
      wake();
    },
    drain: send,
  };
  const connection = await serveOn(
    handle,
    (placeholder) => bun.connect({ ...placeholder, socket }),
  );
  return {
    async exchange(bytes, wanted = bytes.length) {
      sending = bytes as Uint8Array<ArrayBuffer>;
      if (bytes.length > 0) send(connection);
      while (count < wanted) await new Promise<void>((resolve) => wake = resolve);
      return Uint8Array.from(Buffer.concat(chunks));
    },
    close: () => connection.end(),
  };
}

async function readAll(connection: DenoConnection, wanted: number): Promise<Uint8Array> {
  const all = new Uint8Array(wanted);
  for (let at = 0; at < wanted;) {
    const count = await connection.read(all.subarray(at));
    if (count === null) throw new Error(`the end after ${at} bytes`);
    at += count;
  }
  return all;
}

async function writeAll(connection: DenoConnection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
