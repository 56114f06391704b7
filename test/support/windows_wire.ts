/** The wire format of channels over a named pipe, written by its description and without the library's code. */
import { once } from "node:events";
import * as net from "node:net";
import * as win32 from "duphandle/win32";

/** The kinds of frame. */
export const [HELLO, MESSAGE, HANDLES, ACK, BYE, CHALLENGE, PROOF, BUSY] = //
  [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** Numbers of 32 bits. */
export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeInt32LE(value | 0, 4 * at));
  return bytes;
}

/** A frame. */
export function wireFrame(kind: number, ...body: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([u32(bytes.length), Buffer.of(kind), bytes]);
}

/** A hello, with the fields that are not as they should be. */
export function wireHello(fields: { version?: number; pid?: number; magic?: string } = {}): Buffer {
  const { version = 2, pid = process.pid, magic = "DUPH" } = fields;
  return wireFrame(HELLO, Buffer.from(magic), u32(version, pid, 16 << 20, 10_000));
}

/** A message. */
export function wireMessage(json: string, parts: readonly Uint8Array[] = [], handles = 0): Buffer {
  const text = Buffer.from(json);
  const lengths = u32(...parts.map(({ length }) => length));
  return wireFrame(MESSAGE, u32(handles, text.length, parts.length), lengths, text, ...parts);
}

/** Announces a batch of handles by their values. */
export function wireHandles(number: number, ...values: readonly number[]): Buffer {
  return wireFrame(HANDLES, u32(number, values.length, ...values));
}

/** A client of a server of channels, which says what it likes. */
export class WireClient {
  readonly socket: net.Socket;
  readonly #frames: (readonly [kind: number, body: Buffer])[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #isGone = false;
  /** All that it has said. */
  readonly said: Buffer[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("close", () => {
      this.#isGone = true;
      this.#wake();
    });
  }

  /** Connects, as often as it takes. */
  static async open(path: string): Promise<WireClient> {
    for (;;) {
      const socket = net.connect(path).on("error", () => {});
      const connected = once(socket, "connect").then(() => true, () => false);
      const closed = new Promise<boolean>((resolve) => socket.once("close", () => resolve(false)));
      if (await Promise.race([connected, closed])) return new WireClient(socket);
    }
  }

  say(...frames: readonly Uint8Array[]): void {
    for (const bytes of frames) {
      this.said.push(Buffer.from(bytes));
      this.socket.write(bytes);
    }
  }

  /** The body of the next frame of this kind; `undefined` when the other side hangs up before it. */
  async hear(kind: number): Promise<Buffer | undefined> {
    for (;;) {
      const at = this.#frames.findIndex(([each]) => each === kind);
      if (at >= 0) return this.#frames.splice(at, 1)[0]![1];
      if (this.#isGone) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Says the proof of its pid, as it should; returns whether it was accepted. */
  async prove(listener: number): Promise<boolean> {
    const challenge = await this.hear(CHALLENGE);
    if (challenge === undefined) return false;
    const copy = win32.DuplicateHandle(listener, challenge.readInt32LE(), -1, [0], 0, false, 2);
    try {
      this.say(wireFrame(PROOF, u32(copy)));
      return await this.hear(PROOF) !== undefined;
    } finally {
      win32.CloseHandle(copy);
    }
  }

  /** Waits until the other side has hung up. */
  async gone(): Promise<void> {
    while (!this.#isGone) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  /** Waits until the other side has hung up, or has said a bye, after which this side hangs up. */
  async over(): Promise<void> {
    await this.hear(BYE);
    this.leave();
    await this.gone();
  }

  leave(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt32LE();
      if (this.#rest.length < end) break;
      this.#frames.push([this.#rest[4]!, this.#rest.subarray(5, end)]);
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }
}
