/** What `serveOn` passes to the function that starts a server. */

/**
 * Where a server, a connection or a UDP socket starts, until a socket of ours takes its place: options to be
 * spread into those of the runtime, `{ ...placeholder }`.
 *
 * The options differ by runtime and by the family of the socket. For TCP and UDP they are those below. For a
 * Unix socket they are `transport` and `path` in Deno, `unix` in Bun, and `path` in Node; and where the runtime
 * takes a descriptor, `fd`. The properties below then are empty, and spreading leaves them out.
 */
export interface PlaceholderOptions {
  /** `"127.0.0.1"` or `"::1"`; for a connection, the address to connect to. */
  readonly hostname: string;
  /** `0`: any free port; for a connection, the port to connect to. */
  readonly port: number;
}
