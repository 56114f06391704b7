/** Writes frames to the stream of a channel with few calls, and acknowledges what was received. */
import { joinFrames, MIN_LARGE_FRAME, releaseFrame } from "./frame_memory.ts";
import { ackFrame } from "./frames.ts";
import type { ChannelStream } from "./types.ts";

/** Acks wait while the system has not taken so many bytes: a peer that does not read gets no more of them. */
const MAX_UNTAKEN_BYTES = 1 << 16;
/** A large frame is written in pieces of so many bytes: a runtime may move what the system has not taken. */
const PIECE_BYTES = 1 << 18;

/** Writes the frames of one side. */
export class FrameWriter {
  readonly #stream: ChannelStream;
  readonly #fail: (error: unknown) => void;
  /** The frames that wait. */
  #outgoing: Uint8Array[] = [];
  /** The large frame that is being written, and how much of it was. What comes after it waits. */
  #large: Uint8Array | undefined;
  #largeWritten = 0;
  /** What was received since the last ack. */
  #unackedMessages = 0;
  #unackedHandles = 0;
  #isFlushQueued = false;
  #isFlushScheduled = false;
  /** Whether a frame was written since bytes have arrived, or since the end of a turn. */
  #hasWritten = false;
  #isLastWritten = false;
  #hasEnded = false;

  /** @param fail is called with what the stream throws */
  constructor(stream: ChannelStream, fail: (error: unknown) => void) {
    this.#stream = stream;
    this.#fail = fail;
    stream.on("drain", () => this.#scheduleFlush());
  }

  /** Bytes have arrived. */
  onData(): void {
    this.#hasWritten = false;
  }

  /**
   * Writes a frame. The first one after bytes have arrived goes at once; those after it go together, at the end of
   * the turn.
   */
  write(frame: Uint8Array): void {
    if (this.#isLastWritten || this.#hasEnded) return;
    this.#outgoing.push(frame);
    if (this.#isFlushQueued) return;
    if (this.#hasWritten) return this.#scheduleFlush();
    this.#isFlushQueued = this.#hasWritten = true;
    queueMicrotask(this.#flushNow);
  }

  /** Writes the last frame: what comes after it is dropped. */
  writeLast(frame: Uint8Array): void {
    this.write(frame);
    this.#isLastWritten = true;
  }

  /** So much was received: acknowledges it with the next frame of this turn, or at its end. */
  acknowledge(messages: number, handles: number): void {
    this.#unackedMessages += messages;
    this.#unackedHandles += handles;
    this.#scheduleFlush();
  }

  /** Writes what waits, unless a large frame is being written. */
  flush(): void {
    this.#isFlushQueued = false;
    if (this.#hasEnded || this.#large !== undefined) return;
    this.#addAck();
    if (this.#outgoing.length === 0) return;
    const frames = joinFrames(this.#outgoing);
    this.#outgoing = [];
    try {
      for (let at = 0; at < frames.length; at++) {
        const bytes = frames[at]!;
        if (bytes.length >= MIN_LARGE_FRAME) {
          this.#outgoing = frames.slice(at + 1);
          return this.#writeLarge(bytes);
        }
        this.#stream.write(bytes);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #writeLarge(frame: Uint8Array): void {
    this.#large = frame;
    this.#largeWritten = 0;
    this.#writePiece(frame);
  }

  #writePiece(frame: Uint8Array): void {
    const start = this.#largeWritten;
    this.#largeWritten = Math.min(start + PIECE_BYTES, frame.length);
    this.#stream.write(frame.subarray(start, this.#largeWritten), this.#onPieceTaken);
  }

  /** The system has taken a piece. After an error, "close" follows. */
  readonly #onPieceTaken = (error?: Error | null): void => {
    const frame = this.#large;
    if (frame === undefined || error) return;
    if (this.#largeWritten < frame.length) {
      try {
        return this.#writePiece(frame);
      } catch (error) {
        return this.#fail(error);
      }
    }
    this.#large = undefined;
    releaseFrame(frame);
    this.flush();
  };

  /** Writes nothing more, and drops what waits. */
  end(): void {
    this.#hasEnded = true;
    this.#large = undefined;
    this.#outgoing = [];
  }

  readonly #flushNow = (): void => this.flush();

  /** Flushes at the end of this turn: a tick that a microtask asks for comes after all microtasks. */
  #scheduleFlush(): void {
    if (this.#isFlushScheduled || this.#hasEnded) return;
    this.#isFlushScheduled = true;
    queueMicrotask(this.#requestTick);
  }

  readonly #requestTick = (): void => process.nextTick(this.#flushAtEnd);

  readonly #flushAtEnd = (): void => {
    this.#isFlushScheduled = this.#hasWritten = false;
    this.flush();
  };

  /** Adds an ack for what was received, unless the peer does not read. */
  #addAck(): void {
    const [messages, handles] = [this.#unackedMessages, this.#unackedHandles];
    if (messages + handles === 0 || this.#isLastWritten) return;
    if (this.#stream.writableLength > MAX_UNTAKEN_BYTES) return; // "drain" comes, and flushes
    this.#unackedMessages = this.#unackedHandles = 0;
    this.#outgoing.push(ackFrame(messages, handles));
  }
}
