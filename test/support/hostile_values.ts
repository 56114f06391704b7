/** Values that run code when they are used, that lie about themselves, or that have no memory any more. */
import * as vm from "node:vm";
import type { Named } from "./bad_values.ts";

/** Counts how often code of a hostile value runs, and runs what a test wants to run then. */
export class Intruder {
  runs = 0;
  readonly #intrude: () => void;

  constructor(intrude: () => void = () => {}) {
    this.#intrude = intrude;
  }

  /** Is what the getters and methods of hostile values call. */
  readonly run = (): void => {
    this.runs++;
    this.#intrude();
  };
}

/** Objects that become a number or text by code of theirs. */
export function imitations({ run }: Intruder): Named[] {
  const become = (value: unknown) => () => {
    run();
    return value;
  };
  class Imitation extends Number {
    override valueOf = become(4) as () => number;
    override toString = become("4") as () => string;
  }
  const list = Object.assign([4], { toString: become("4"), valueOf: become(4) });
  return [
    ["an object with valueOf", { valueOf: become(4) }],
    ["an object with toString", { toString: become("/dev/null") }],
    ["an object with Symbol.toPrimitive", { [Symbol.toPrimitive]: become(4) }],
    ["a Number with a valueOf of its own", new Imitation(4)],
    ["an array with a toString of its own", list],
    ["a function with valueOf", Object.assign(() => 4, { valueOf: become(4) })],
    [
      "a proxy",
      new Proxy({}, { get: become(4), has: become(true) as never, ownKeys: become([]) as never }),
    ],
  ];
}

/** Objects that look like a `Uint8Array` and are none, or whose memory is gone. */
export function noBuffers(intruder: Intruder): Named[] {
  const lie = () => {
    intruder.run();
    return 8;
  };
  const imitation = {
    get length() {
      return lie();
    },
    get byteLength() {
      return lie();
    },
    buffer: new ArrayBuffer(8),
  };
  const buffers: Named[] = [
    ["an ArrayBuffer", new ArrayBuffer(8)],
    ["a DataView", new DataView(new ArrayBuffer(8))],
    ["a Uint16Array", new Uint16Array(8)],
    ["a Uint8ClampedArray", new Uint8ClampedArray(8)],
    [
      "a proxy of a Uint8Array",
      new Proxy(new Uint8Array(8), {
        get: lie,
        getPrototypeOf: () => (intruder.run(), Uint8Array.prototype),
      }),
    ],
    ["an object with the prototype of a Uint8Array", Object.create(Uint8Array.prototype)],
    ["an object with the names of a Uint8Array", imitation],
    [
      "a Uint16Array with the tag of a Uint8Array",
      Object.defineProperty(new Uint16Array(8), Symbol.toStringTag, { value: "Uint8Array" }),
    ],
    ["a Uint8Array whose memory was transferred", transferred()],
  ];
  const shrunk = outOfBounds();
  return shrunk === undefined
    ? buffers
    : [...buffers, ["a Uint8Array whose buffer has shrunk", shrunk]];
}

function transferred(): Uint8Array {
  const view = new Uint8Array(8);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

function outOfBounds(): Uint8Array | undefined {
  const buffer = resizable(8);
  if (buffer === undefined) return undefined;
  const view = new Uint8Array(buffer, 4, 4);
  buffer.resize(4);
  return view;
}

/** A buffer that can be resized; `undefined` in an engine without them. */
export function resizable(size: number): ArrayBuffer & { resize(size: number): void } | undefined {
  const Resizable = ArrayBuffer as unknown as new (
    size: number,
    options: object,
  ) => ArrayBuffer & { resize(size: number): void };
  const buffer = new Resizable(size, { maxByteLength: size + 64 });
  return "resize" in buffer ? buffer : undefined;
}

/** A buffer with this content that lies about itself, and an honest view of the same memory. */
export interface Lie {
  readonly name: string;
  readonly view: Uint8Array;
  readonly memory: Uint8Array;
}

/** Buffers with this content. Whatever their getters and methods say or do, they have these bytes. */
export function lyingBuffers(content: Uint8Array, intruder: Intruder): Lie[] {
  const make = (
    name: string,
    memory: Uint8Array,
    change: (view: Uint8Array) => Uint8Array,
  ): Lie => {
    memory.set(content);
    const honest = new Uint8Array(memory.buffer, memory.byteOffset, memory.length);
    return { name, view: change(memory), memory: honest };
  };
  const fresh = () => new Uint8Array(content.length);
  const realm = vm.runInNewContext("new Uint8Array(length)", {
    length: content.length,
  }) as Uint8Array;
  const lies = [
    ...[0, 2, 2 ** 31, NaN, undefined].map((length) =>
      make(
        `a subclass whose length is ${length}`,
        fresh(),
        (view) => new (lyingClass(length, intruder))(view.buffer),
      )
    ),
    make(
      "an array with properties of its own",
      fresh(),
      (view) => withOwnProperties(view, intruder),
    ),
    make(
      "an array without a prototype",
      fresh(),
      (view) => Object.setPrototypeOf(view, null) as Uint8Array,
    ),
    make("an array of another realm", realm, (view) => view),
    make("a Buffer", fresh(), (view) => Buffer.from(view.buffer)),
    make(
      "an array of shared memory",
      new Uint8Array(new SharedArrayBuffer(content.length)),
      (view) => view,
    ),
    make(
      "a part of a larger array",
      new Uint8Array(content.length + 8).subarray(4, -4),
      (view) => new (lyingClass(1, intruder))(view.buffer, 4, content.length),
    ),
  ];
  const buffer = resizable(content.length);
  if (buffer !== undefined) {
    lies.push(
      make("an array of memory that can be resized", new Uint8Array(buffer), (view) => view),
    );
  }
  return lies;
}

/** A class of arrays with a length, and with methods, of its own. */
function lyingClass(
  length: unknown,
  { run }: Intruder,
): new (buffer: ArrayBufferLike, at?: number, length?: number) => Uint8Array {
  const lie = (value: unknown) => ({ get: () => (run(), value), configurable: true });
  class Lying extends Uint8Array {}
  Object.defineProperties(Lying.prototype, {
    length: lie(length),
    byteLength: lie(length),
    byteOffset: lie(2 ** 20),
    buffer: lie(new ArrayBuffer(2)),
    constructor: lie(Array),
    subarray: lie(() => new Uint8Array(70_000)),
    slice: lie(() => new Uint8Array(70_000)),
    set: lie(() => {}),
    at: lie(() => 1),
    [Symbol.iterator]: lie(function* () {}),
    [Symbol.toStringTag]: lie("Uint16Array"),
  });
  return Lying;
}

function withOwnProperties(view: Uint8Array, { run }: Intruder): Uint8Array {
  for (
    const name of ["length", "byteLength", "byteOffset", "buffer", "constructor", "subarray", "set"]
  ) {
    Object.defineProperty(view, name, { get: () => (run(), 1) });
  }
  return view;
}
