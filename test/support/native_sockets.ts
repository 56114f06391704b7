/** The servers and connections that only Deno and Bun have, as far as the tests use them. */

/** A server of HTTP that the runtime started. */
export interface NativeServer {
  /** The runtime's own object. */
  readonly source: object;
  readonly port: number;
  stop(): Promise<unknown>;
}

/** Gets what comes in a connection. */
export type OnBytes = (bytes: Uint8Array) => void;

interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}

/** A connection of Deno's own. */
export interface DenoConnection {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

interface DenoListener {
  readonly addr: { readonly port: number };
  accept(): Promise<object>;
  close(): void;
}

interface BunServer {
  readonly port: number;
  stop(closeActive?: boolean): Promise<void> | undefined;
}

interface BunSocket {
  write(bytes: Uint8Array): number;
  end(): void;
}

interface BunListener {
  readonly port: number;
  stop(): void;
}

interface Runtimes {
  readonly Deno?: {
    serve(options: object, handler: (request: Request) => Promise<Response>): DenoServer;
    listen(options: object): DenoListener;
    connect(options: object): Promise<DenoConnection>;
  };
  readonly Bun?: {
    serve(options: object): BunServer;
    listen(options: object): BunListener;
    connect(options: object): Promise<BunSocket>;
  };
}

const { Deno, Bun } = globalThis as Runtimes;

/** Whether this runtime has servers of its own. */
export const hasNativeSockets: boolean = Deno !== undefined || Bun !== undefined;

/** Starts the runtime's own server of HTTP. */
export function serveNatively(
  options: object,
  handler: (request: Request) => Promise<Response>,
): NativeServer {
  if (Deno !== undefined) {
    const server = Deno.serve({ onListen() {}, ...options }, handler);
    return { source: server, port: server.addr.port, stop: () => server.shutdown() };
  }
  const server = Bun!.serve({ ...options, fetch: handler });
  return { source: server, port: server.port, stop: async () => await server.stop(true) };
}

/** Connects in the runtime's own way, and echoes what comes until the other side ends. */
export async function echoNatively(
  options: object,
  onBytes: OnBytes,
  onEnd: () => void,
): Promise<object> {
  if (Deno !== undefined) {
    const connection = await Deno.connect(options);
    // The splice comes when the placeholder has connected: nothing is read before.
    setTimeout(() => void echoInDeno(connection, onBytes).then(onEnd));
    return connection;
  }
  let unsent = new Uint8Array();
  let isOver = false;
  const flush = (socket: BunSocket) => {
    const count = socket.write(unsent);
    if (count > 0) unsent = unsent.slice(count);
    if (unsent.length === 0 && isOver) socket.end();
  };
  return await Bun!.connect({
    ...options,
    allowHalfOpen: true,
    socket: {
      data(socket: BunSocket, bytes: Uint8Array) {
        onBytes(bytes);
        unsent = new Uint8Array([...unsent, ...bytes]);
        flush(socket);
      },
      drain: flush,
      end(socket: BunSocket) {
        isOver = true;
        flush(socket);
      },
      close: onEnd,
    },
  });
}

/** Echoes what comes in a connection of Deno's own, until the other side ends. */
export async function echoInDeno(connection: DenoConnection, onBytes: OnBytes): Promise<void> {
  const buffer = new Uint8Array(60_000);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    const bytes = buffer.slice(0, count);
    onBytes(bytes);
    for (let sent = 0; sent < count;) sent += await connection.write(bytes.subarray(sent));
  }
  connection.close();
}

/** Accepts in the runtime's own way. The runtime has read nothing of what it gives. */
export function acceptNatively(
  options: object,
  onConnection: (connection: object) => void,
): { readonly port: number; stop(): void } {
  if (Deno !== undefined) {
    const listener = Deno.listen(options);
    const accept = async (): Promise<void> => {
      try {
        for (;;) onConnection(await listener.accept());
      } catch {
        // The listener was closed.
      }
    };
    void accept();
    return { port: listener.addr.port, stop: () => listener.close() };
  }
  const listener = Bun!.listen({ ...options, socket: { open: onConnection, data() {} } });
  return { port: listener.port, stop: () => listener.stop() };
}
