/** The other end of a pipe of a channel on Windows, which says what it likes. */
import { once } from "node:events";
import * as net from "node:net";
import * as win32 from "duphandle/win32";
import {
  type Frame,
  frame,
  helloFrame,
  int32s,
  Kind,
  readInt32s,
} from "../../src/channel/frames.ts";
import { FrameReader } from "../../src/channel/frame_reader.ts";
import { defaultLimits } from "../../src/channel/types.ts";

/** A process that says what it likes. It reads what it is told to. */
export class Liar implements Disposable {
  readonly socket: net.Socket;
  readonly #reader = new FrameReader(1 << 20);
  readonly #frames: Frame[] = [];
  #wake: () => void = () => {};
  /** Whether the other side has hung up. */
  isOver: boolean = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      for (const { kind, body } of this.#reader.push(new Uint8Array(bytes))) {
        this.#frames.push({ kind, body: body.slice() });
      }
      this.#wake();
    });
    socket.on("close", () => {
      this.isOver = true;
      this.#wake();
    });
  }

  /** Connects, and says that it is this process. */
  static async connect(name: string, pid: number): Promise<Liar> {
    const socket = net.connect(name);
    await once(socket, "connect");
    const liar = new Liar(socket);
    liar.say(helloFrame({ pid, limits: defaultLimits }));
    return liar;
  }

  /** Says something, whether the other side listens or not. */
  say(...frames: Uint8Array[]): void {
    for (const bytes of frames) this.socket.write(bytes);
  }

  /** The first number of the next frame of this kind. */
  async hear(kind: number): Promise<number | undefined> {
    for (;;) {
      const at = this.#frames.findIndex((frame) => frame.kind === kind);
      if (at >= 0) return readInt32s(this.#frames.splice(at, 1)[0]!.body)[0];
      if (this.isOver) throw new Error(`the other side hung up before frame ${kind}`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Waits until the other side hangs up. */
  async over(): Promise<void> {
    while (!this.isOver) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  /**
   * Proves that it is this process, as it should.
   *
   * @param listener the process at the other end
   */
  async prove(listener: number = -1): Promise<void> {
    const event = (await this.hear(Kind.Challenge))!;
    const copy = win32.DuplicateHandle(listener, event, -1, [0], 0, false, 2);
    try {
      this.say(frame(Kind.Proof, int32s(copy)));
      await this.hear(Kind.Proof);
    } finally {
      win32.CloseHandle(copy);
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
