/** What the tests use of the native servers and sockets of Deno and Bun. */

/** A server of Deno or Bun. */
export interface NativeServer {
  readonly addr?: { readonly port?: number };
  readonly port?: number;
  shutdown?(): Promise<void>;
  stop?(now?: boolean): Promise<void>;
  close?(): void;
}

/** A connection of Deno. */
export interface DenoConnection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** A listener of Deno. */
export interface DenoListener extends AsyncIterable<DenoConnection> {
  accept(): Promise<DenoConnection>;
  close(): void;
}

/** A UDP socket of Deno. */
export interface DenoDatagrams {
  receive(): Promise<[Uint8Array, object]>;
  send(bytes: Uint8Array, to: object): Promise<number>;
  close(): void;
}

/** The functions of Deno. */
export interface DenoNatives {
  serve(options: object, handler: (request: Request) => Response | Promise<Response>): NativeServer;
  listen(options: object): DenoListener;
  listenTls(options: object): DenoListener;
  connect(options: object): Promise<DenoConnection>;
  listenDatagram(options: object): DenoDatagrams;
  upgradeWebSocket(request: Request): { socket: WebSocket; response: Response };
}

/** A connection of Bun. */
export interface BunSocket {
  write(bytes: Uint8Array | string): number;
  end(): void;
}

/** The functions of Bun. */
export interface BunNatives {
  serve(options: object): NativeServer;
  listen(options: object): NativeServer;
  connect(options: object): Promise<BunSocket>;
  udpSocket(
    options: object,
  ): Promise<{ send(bytes: string, port: number, host: string): boolean; close(): void }>;
}

const { Deno, Bun } = globalThis as unknown as { Deno: DenoNatives; Bun: BunNatives };
export const deno: DenoNatives = Deno;
export const bun: BunNatives = Bun;

/** Ends a server, and waits until it has ended. */
export async function stopNative(server: NativeServer): Promise<void> {
  if (server.shutdown) await server.shutdown();
  else if (server.stop) await server.stop(true);
  else server.close?.();
}
