/** The reading of frames from a stream. */
import { HEADER_SIZE, readInt32 } from "./frame_memory.ts";
import { type Frame, Kind, protocolError } from "./frames.ts";

/** The largest body of a frame that is not a message, in bytes. */
const MAX_CONTROL_BYTES = 4096;
/** The first buffer for a body whose end has not arrived, in bytes. */
const FIRST_BUFFER_BYTES = 64 << 10;
/** How many times as large the next buffer is. All of them together copy little more than a byte in 15. */
const BUFFER_GROWTH = 16;
/** Where fewer bytes of a body are missing, they are not read straight into it. */
const MIN_TARGET_BYTES = 32 << 10;

const nothing: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0);

/**
 * Assembles frames from the chunks of a stream. It keeps at most one unfinished frame, in memory of at
 * most 16 × what has arrived of it. Before the first hello, no message is accepted.
 */
export class FrameReader implements IterableIterator<Frame, undefined> {
  readonly #maxMessage: number;
  readonly #header: Uint8Array<ArrayBuffer> = new Uint8Array(HEADER_SIZE);
  /** How many bytes of the header have arrived. */
  #headerLength = 0;
  /** The length of the body that the header announces, once it has arrived. */
  #bodyLength = 0;
  /** Its first `#filled` bytes are the unfinished body. */
  #buffer: Uint8Array<ArrayBuffer> = nothing;
  #filled = 0;
  #hasHello = false;
  /** What is being read, and how far. */
  #chunk: Uint8Array = nothing;
  #at = 0;

  /** @param maxMessage the longest body of a message that is accepted, in bytes */
  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
  }

  /**
   * Reads a chunk. The reader is then an iterator over each frame that it completes.
   *
   * @param chunk no `Buffer`, whose slices are views; it may be used again when all frames were read
   */
  push(chunk: Uint8Array): this {
    this.#chunk = chunk;
    this.#at = 0;
    return this;
  }

  /** The reader: a generator of its own for each chunk would cost more than a small frame. */
  [Symbol.iterator](): this {
    return this;
  }

  /** The next frame that the chunk completes. */
  next(): IteratorResult<Frame, undefined> {
    const body = this.#nextBody();
    if (body !== undefined) return { done: false, value: { kind: this.#header[4]!, body } };
    this.#chunk = nothing;
    return { done: true, value: undefined };
  }

  /**
   * Where the next bytes may be read to: the rest of a large body that is being read. The chunk that is pushed
   * next may be the start of it.
   */
  target(): Uint8Array | undefined {
    if (this.#headerLength < HEADER_SIZE) return undefined;
    if (this.#bodyLength - this.#filled < MIN_TARGET_BYTES) return undefined;
    this.#reserve(this.#filled + MIN_TARGET_BYTES);
    return this.#buffer.subarray(this.#filled);
  }

  #nextBody(): Uint8Array | undefined {
    const chunk = this.#chunk;
    const { length } = chunk;
    while (this.#headerLength < HEADER_SIZE) {
      if (this.#at === length) return undefined;
      this.#header[this.#headerLength++] = chunk[this.#at++]!;
      if (this.#headerLength === HEADER_SIZE) this.#bodyLength = this.#checkHeader();
    }
    const start = this.#at;
    const missing = this.#bodyLength - this.#filled;
    // A body that is the start of a chunk is copied: what has all of its buffer is not.
    const isWhole = start > 0 && this.#filled === 0 && length - start >= missing;
    this.#at = Math.min(length, start + missing);
    if (!isWhole) {
      this.#append(chunk, start, this.#at);
      if (this.#filled < this.#bodyLength) return undefined;
    }
    this.#headerLength = 0;
    return isWhole ? chunk.subarray(start, this.#at) : this.#takeBuffer();
  }

  /** The length of the body that the header announces, if such a frame may come now. */
  #checkHeader(): number {
    const length = readInt32(this.#header, 0) >>> 0;
    const kind = this.#header[4];
    this.#hasHello ||= kind === Kind.Hello || kind === Kind.Busy;
    if (!this.#hasHello) throw protocolError("a frame before its hello");
    if (kind !== Kind.Message && length > MAX_CONTROL_BYTES) {
      throw protocolError("a frame that is too large");
    }
    if (kind === Kind.Message && length > this.#maxMessage) {
      throw protocolError(`a frame of ${length} bytes, beyond the limit`);
    }
    return length;
  }

  /** Appends bytes of a chunk to the unfinished body, unless they were read to their place. */
  #append(chunk: Uint8Array, start: number, end: number): void {
    const filled = this.#filled + end - start;
    const isInPlace = chunk.buffer === this.#buffer.buffer &&
      chunk.byteOffset + start === this.#filled;
    if (!isInPlace) {
      this.#reserve(filled);
      this.#buffer.set(chunk.subarray(start, end), this.#filled);
    }
    this.#filled = filled;
  }

  /** Makes room for so many bytes. The buffer grows with what has arrived, up to the length of the body. */
  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const wanted = Math.max(FIRST_BUFFER_BYTES, BUFFER_GROWTH * this.#buffer.length, size);
    const grown = new Uint8Array(Math.min(this.#bodyLength, wanted));
    grown.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = grown;
  }

  #takeBuffer(): Uint8Array {
    const buffer = this.#buffer;
    this.#buffer = nothing;
    this.#filled = 0;
    return buffer;
  }
}
