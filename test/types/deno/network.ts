/** What Deno's own servers and sockets are for this library. Checked by Deno; never run. */
import { duplicate, duplicateMany, type OwnedHandle } from "duphandle";
import { exactly } from "../exactly.ts";

declare const listener: Deno.Listener;
declare const secure: Deno.TlsListener;
declare const connection: Deno.Conn;
declare const unix: Deno.UnixConn;
declare const server: Deno.HttpServer<Deno.NetAddr>;

export function sources(): void {
  exactly<OwnedHandle>()(duplicate(listener));
  exactly<OwnedHandle>()(duplicate(secure));
  exactly<OwnedHandle>()(duplicate(connection, { closeSource: true }));
  exactly<OwnedHandle>()(duplicate(unix));
  exactly<OwnedHandle>()(duplicate(server));
  exactly<OwnedHandle[]>()(duplicateMany([listener, connection, 1]));
  // @ts-expect-error a web stream is no source
  duplicate(connection.readable);
}
