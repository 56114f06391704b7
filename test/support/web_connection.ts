/** A client of HTTP that sees each byte: one connection, and one answer for each request. */
import * as net from "node:net";
import type { Listener } from "./listeners.ts";

/** An answer. */
export interface Answer {
  readonly body: string;
  /** Whether it announces that the server closes the connection. */
  readonly closes: boolean;
}

/** A connection to a web server. */
export class WebConnection {
  /** The bytes of no answer yet. */
  received = "";
  /** Whether the server has ended the connection. */
  hasEnded = false;
  /** Fulfilled when the connection is closed, whoever did it. */
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  readonly #connected: Promise<void>;
  #wakeUp = () => {};
  #error: Error | undefined;

  constructor(address: Listener["address"]) {
    this.#socket = net.connect(address as net.NetConnectOpts);
    this.#socket.setEncoding("latin1").on("data", (text) => {
      this.received += text;
      this.#wakeUp();
    });
    this.#socket.on("end", () => {
      this.hasEnded = true;
      this.#wakeUp();
    });
    this.#socket.on("error", (error) => this.#error = error);
    this.closed = new Promise((resolve) =>
      this.#socket.on("close", () => {
        this.hasEnded = true;
        this.#wakeUp();
        resolve();
      })
    );
    this.#connected = new Promise((resolve) =>
      this.#socket.once("connect", resolve).once("close", resolve)
    );
  }

  /** Waits until the kernel has connected it. */
  async connected(): Promise<this> {
    await this.#connected;
    if (this.#error !== undefined) throw this.#error;
    return this;
  }

  /** Sends text, which need not be a whole request. */
  send(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** The next answer. */
  async answer(): Promise<Answer> {
    for (;;) {
      const [head, length] = this.#head();
      if (head !== undefined && this.received.length >= head.length + 4 + length) {
        const end = head.length + 4 + length;
        const body = this.received.slice(head.length + 4, end);
        this.received = this.received.slice(end);
        return { body, closes: /^connection: close$/im.test(head) };
      }
      if (this.hasEnded) {
        throw new Error(`the end instead of an answer, after ${JSON.stringify(this.received)}`, {
          cause: this.#error,
        });
      }
      await new Promise<void>((resolve) => this.#wakeUp = resolve);
    }
  }

  /** Sends a request, and returns its answer. */
  ask(body?: string): Promise<Answer> {
    this.send(request(body));
    return this.answer();
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #head(): [head: string | undefined, length: number] {
    const end = this.received.indexOf("\r\n\r\n");
    if (end === -1) return [undefined, 0];
    const head = this.received.slice(0, end);
    const [, length] = /^content-length: (\d+)$/im.exec(head) ?? [];
    if (length === undefined) throw new Error(`an answer without a length: ${head}`);
    return [head, Number(length)];
  }
}

/** The text of a request. */
export function request(body?: string): string {
  return body === undefined
    ? "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    : `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
