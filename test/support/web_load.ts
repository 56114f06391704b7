/** A load on a web server that never pauses, by clients of each kind, which miss no answer. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Listener } from "./listeners.ts";
import { type Answer, request, WebConnection } from "./web_connection.ts";

/** How long a client of the slow kinds waits between the parts of a request, in milliseconds. */
const SLOW_MS = 20;

/** How each kind of client sends a request. */
const kinds: Readonly<Record<string, (connection: WebConnection) => Promise<Answer>>> = {
  "keep-alive": (connection) => connection.ask("body"),
  "closing": async (connection) => {
    connection.send(request("body").replace("\r\n", "\r\nConnection: close\r\n"));
    const answer = await connection.answer();
    return { ...answer, closes: true };
  },
  "slow body": (connection) => inParts(connection, request("a slow body"), -6),
  "half head": (connection) => inParts(connection, request("body"), 10),
  "nothing at first": async (connection) => {
    await connection.connected();
    await sleep(SLOW_MS);
    const answer = await connection.ask("body");
    return { ...answer, closes: true };
  },
};

async function inParts(connection: WebConnection, text: string, at: number): Promise<Answer> {
  connection.send(text.slice(0, at));
  await sleep(SLOW_MS);
  connection.send(text.slice(at));
  return await connection.answer();
}

/** Clients of each kind, which send requests one after the other until they are stopped. */
export class WebLoad {
  /** What went wrong, by the kind of the client. */
  readonly lost: string[] = [];
  /** How many answers each server has given, by the first word of its answers. */
  readonly answers: Map<string, number> = new Map();
  readonly #clients: readonly Promise<void>[];
  #goesOn = true;

  /** Starts as many clients of each kind. */
  constructor(address: Listener["address"], ofEachKind: number) {
    this.#clients = Object.keys(kinds).flatMap((kind) =>
      Array.from({ length: ofEachKind }, () => this.#run(kind, address))
    );
  }

  /** How many answers came. */
  get count(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Ends the clients, each after its answer. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#clients);
  }

  async #run(kind: string, address: Listener["address"]): Promise<void> {
    let connection: WebConnection | undefined;
    while (this.#goesOn) {
      connection ??= new WebConnection(address);
      try {
        const { body, closes } = await kinds[kind]!(connection);
        const server = body.split(" ")[0]!;
        this.answers.set(server, (this.answers.get(server) ?? 0) + 1);
        if (!closes) continue;
      } catch (error) {
        const { message, cause } = error as Error;
        this.lost.push(`${kind}: ${message} (${cause})`);
        await sleep(SLOW_MS); // so that a server which is gone does not fill the memory
      }
      await connection.close();
      connection = undefined;
    }
    await connection?.close();
  }
}
