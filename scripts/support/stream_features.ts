/** Rows of the support table: handles as streams and servers of the runtime. */
import { type Claim, type Feature, refused, yes } from "./claims.ts";

const streams = "socket/windows_streams.test.ts";
const messages = "socket/handle_messages.test.ts";
const listenOn = "socket/listen_on.test.ts";
/** What is refused on Windows, with what serves instead. */
const refusedThere = "what the runtime cannot own is ENOTSUP with the way on, and open";

function refusedBy(note: string, on: string): Claim {
  return { ...refused(note, [streams, refusedThere]), on };
}

/** The rows, in their order. */
export const streamFeatures: readonly Feature[] = [
  {
    name: "`toSocket`",
    claims: [
      yes(["socket/table.test.ts", "both ways through toSocket() of a connection"]),
      refusedBy(
        "Bun for Windows cannot take over a connection: use `send()` and `recv()` of `duphandle/win32`, or " +
          "`toServer()` of the listener.",
        "windows-bun",
      ),
      yes(
        [streams, "toSocket carries a megabyte both ways, and closes the socket once"],
        [streams, "toSocket takes the owner of a duplicate"],
        [streams, "toSocket as a stream that only reads, or only writes"],
      ),
    ],
  },
  {
    name: "`toServer`",
    claims: [
      {
        answer: "TCP",
        note:
          "Its `node:net` closes Unix sockets twice: `serveOn` with `Deno.serve` or `Deno.listen`.",
        on: "deno",
        tests: [
          ["socket/server.test.ts", "serves HTTP, with keep-alive and pipelining"],
          ["socket/server.test.ts", "in Deno a Unix listener is refused"],
        ],
      },
      yes(["socket/server.test.ts", "serves HTTP, with keep-alive and pipelining"]),
      refusedBy(
        "Deno for Windows accepts no connection of a listener that it did not make: use `accept()` of " +
          "`duphandle/win32` and `toSocket()`.",
        "windows-deno",
      ),
      {
        answer: "yes, but `https`",
        note: "A `tls.Server` can be had, which gives its sockets to an `http.Server`.",
        on: "windows-bun",
        tests: [
          [streams, "toServer a new net.Server gets"],
          [streams, "toServer an http.Server"],
          [streams, "toServer a tls.Server, also before an http.Server"],
          [streams, "an https.Server is ENOTSUP in Bun"],
        ],
      },
      yes(
        [streams, "toServer a new net.Server gets"],
        [streams, "toServer an http.Server"],
        [streams, "toServer an https.Server"],
      ),
    ],
  },
  {
    name: "`listenOn`",
    claims: [
      yes(
        [listenOn, "of a TCP4 address gives a server and its successor their clients"],
        [listenOn, "of a TCP6 address gives a server and its successor their clients"],
        [listenOn, "of a Unix address gives a server and its successor their clients"],
        [listenOn, "whose process has ended is taken over"],
      ),
      {
        answer: "TCP",
        note: "No runtime for Windows serves Unix sockets.",
        tests: [
          [listenOn, "is listened at, and closed"],
          [listenOn, "a path is ENOTSUP, with what to use"],
        ],
      },
    ],
  },
  {
    name: "`toReadable`, `toWritable` of a pipe",
    claims: [
      yes(
        ["socket/table.test.ts", "into toReadable()"],
        ["socket/table.test.ts", "out of toWritable()"],
      ),
      refusedBy(
        "Use `toFileHandle()` in Deno for Windows, `toFd()` and `node:fs` in Bun for Windows.",
        "windows-deno",
      ),
      refusedBy(
        "Use `toFileHandle()` in Deno for Windows, `toFd()` and `node:fs` in Bun for Windows.",
        "windows-bun",
      ),
      yes(
        [streams, "pipes carry a megabyte from toWritable to toReadable, and are closed once"],
        [streams, "pipes eight that are idle, and eight that are full, leave node:fs at work"],
      ),
    ],
  },
  {
    name: "`toDatagram`",
    claims: [
      yes(["socket/datagram.test.ts", "1 MB goes both ways"]),
      refusedBy("Use `Bun.udpSocket({ fd: handle.release() })` in Bun for Windows.", "windows-bun"),
      refusedBy("Pass the socket to a process of Node.", "windows-deno"),
      yes([streams, "toDatagram receives and sends"]),
    ],
  },
  {
    name: "`serveOn`",
    claims: [
      yes(
        ["socket/serve_on.test.ts", "serves HTTP, with keep-alive and pipelining"],
        ["socket/serve_on.test.ts", "serves WebSockets"],
      ),
      {
        answer: "servers",
        note: "Node has no native ones: `toServer`, `toSocket` and `toDatagram`.",
        tests: [
          [
            "socket/serve_on_refused.test.ts",
            "a server of node:net takes its place once it listens",
          ],
        ],
      },
      refused("It relies on epoll and /proc.", [
        "socket/serve_on_refused.test.ts",
        "every handle outside Linux",
      ]),
    ],
  },
  {
    name: "`stopAccepting`, `drain`",
    claims: [
      yes(
        ["socket/stop_accepting.test.ts", "stops a server in the same turn in which it listens"],
        ["socket/drain_load.test.ts", "on a TCP4 socket"],
      ),
      refused("`close()` of the server, which may drop what it has just accepted.", [
        "socket/stop_accepting.test.ts",
        "every server outside Linux, which accepts as before",
      ]),
    ],
  },
  {
    name: "`duplicate` of a server or socket of the runtime",
    claims: [
      yes(
        ["socket/sources.test.ts", "a duplicate refers to the same connection"],
        ["socket/sources.test.ts", "a duplicate keeps the port open"],
      ),
      refused("Make it with `duphandle/win32`, and give that to the runtime.", [
        "socket/sources_refused.test.ts",
        "a server and a socket of node:net are refused, with what to use",
      ]),
    ],
  },
  {
    name: "`sendHandles`, `receiveHandles`",
    claims: [
      yes(
        [messages, "a stream carries bytes, handles, and who sends them"],
        [messages, "a datagram carries bytes, handles, and who sends them"],
        [messages, "a packet carries bytes, handles, and who sends them"],
      ),
      refused("Use `HandleChannel`.", [
        messages,
        "sendHandles and receiveHandles are ENOTSUP on Windows, with what to use",
      ]),
    ],
  },
  {
    name: "`listenFds`, `notify`",
    claims: [
      yes(
        ["systemd/listen_fds.test.ts", "takes a TCP and a Unix socket by their names"],
        ["systemd/notify.test.ts", "stores handles by name, and removes them"],
        ["systemd/notify.test.ts", "goes on where the one before was killed"],
      ),
      refused(
        "Without a service manager they do nothing; `spawn` and `inherited` pass handles on.",
        ["systemd/listen_fds.test.ts", "outside Linux when the variables are set"],
        ["systemd/notify.test.ts", "outside Linux when there is an address"],
      ),
    ],
  },
];
