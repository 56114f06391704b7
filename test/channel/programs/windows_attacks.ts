/** What a hostile client says over a named pipe. */
import * as win32 from "duphandle/win32";
import {
  ACK,
  BUSY,
  BYE,
  CHALLENGE,
  HANDLES,
  HELLO,
  MESSAGE,
  PROOF,
  u32,
  wireFrame,
  wireHandles,
  wireHello,
  wireMessage,
} from "../../support/windows_wire.ts";

/** One attack. */
export interface Attack {
  readonly name: string;
  /** What the client has done before: it has connected, said hello, or proved its pid as well. */
  readonly stage: "connected" | "greeted" | "proved";
  readonly said: readonly Uint8Array[];
  /** Whether it waits for the other side to hang up, or hangs up itself at once. */
  readonly ending: "waits" | "leaves";
}

/** No open handle of any process. */
const CLOSED = 0x7ff0;

/**
 * All attacks.
 *
 * @param event an event of this process
 * @param server the pid of the server
 */
export function attacks(event: number, server: number): Attack[] {
  const all: Attack[] = [];
  const add = (stage: Attack["stage"]) => (name: string, ...said: readonly Uint8Array[]) =>
    all.push(
      { name: `${stage}: ${name}`, stage, said, ending: "waits" },
      { name: `${stage}: ${name}, and leaves`, stage, said, ending: "leaves" },
    );
  addStrangers(add("connected"), server);
  addUnproved(add("greeted"), event);
  addFrames(add("proved"), event);
  addHandles(add("proved"), event);
  addFloods(add("proved"));
  return all;
}

type Add = (name: string, ...said: readonly Uint8Array[]) => void;

function addStrangers(says: Add, server: number): void {
  says("nothing");
  says("half a hello", wireHello().subarray(0, 13));
  says("text", Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  says("a hello of 19 bytes", wireFrame(HELLO, wireHello().subarray(5, 24)));
  says("a hello of 21 bytes", wireFrame(HELLO, wireHello().subarray(5), Buffer.of(0)));
  says("an empty hello", wireFrame(HELLO));
  says("another magic", wireHello({ magic: "DUPX" }));
  for (const version of [0, 1, 3, -1]) says(`version ${version}`, wireHello({ version }));
  for (const pid of [0, -1, 4, 0x7fff_fff0, server]) says(`pid ${pid}`, wireHello({ pid }));
  says("a hello whose body never ends", u32(0x7fff_ffff), Buffer.of(HELLO));
  for (const kind of [0, MESSAGE, HANDLES, ACK, BYE, CHALLENGE, PROOF, BUSY, 9, 255]) {
    says(`a frame of kind ${kind}`, wireFrame(kind, u32(4)), wireHello());
  }
}

function addUnproved(says: Add, event: number): void {
  says("nothing more");
  says("another hello", wireHello());
  const process = win32.OpenProcess(win32.PROCESS_QUERY_LIMITED_INFORMATION, false, self());
  const thread = win32.DuplicateHandle(-1, win32.GetCurrentThread(), -1, [0], 0, false, 2);
  const values = { event, process, thread, closed: CLOSED, none: 0, all: -1, odd: 6 };
  for (const [name, value] of Object.entries(values)) {
    says(`a proof by ${name}`, wireFrame(PROOF, u32(value)));
    says(
      `two challenges by ${name}`,
      ...[value, value].map((each) => wireFrame(CHALLENGE, u32(each))),
    );
    if (value !== event) says(`a challenge by ${name}`, wireFrame(CHALLENGE, u32(value)));
  }
  for (const kind of [PROOF, CHALLENGE]) {
    for (const length of [0, 3, 5, 8, 5000]) {
      says(`a frame of kind ${kind} of ${length} bytes`, wireFrame(kind, new Uint8Array(length)));
    }
  }
  says("an ack of its proof before it", wireFrame(PROOF), wireFrame(PROOF));
  says(
    "a message, handles and a bye",
    wireMessage("1", [], 1),
    wireHandles(0, event),
    wireFrame(BYE),
  );
  const megabyte = wireMessage("1", [new Uint8Array(1 << 20)]);
  says("more than may wait", megabyte, megabyte, megabyte, megabyte);
  says("many small frames", Buffer.concat(Array.from({ length: 3000 }, () => wireFrame(ACK))));
}

function addFrames(says: Add, event: number): void {
  for (const kind of [0, HELLO, BUSY, 9, 77, 255]) says(`kind ${kind}`, wireFrame(kind, u32(1, 1)));
  for (const length of [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, (16 << 20) + 1]) {
    says(`a frame of ${length} bytes`, u32(length), Buffer.of(MESSAGE));
  }
  says("a proof again", wireFrame(PROOF, u32(event)));
  says("an ack of no proof", wireFrame(PROOF));
  says("two challenges", ...[event, event].map((each) => wireFrame(CHALLENGE, u32(each))));
  for (const length of [0, 1, 4, 7, 11]) {
    says(`a message of ${length} bytes`, wireFrame(MESSAGE, new Uint8Array(length)));
  }
  const lies = [[0, 2, 0], [0, 0, 0], [0, -1, 0], [0, 1, 1], [0, 1, -1], [0, 1, 1 << 30]];
  for (const numbers of [...lies, [10_001, 1, 0], [-1, 1, 0]]) {
    says(`a message with ${numbers}`, wireFrame(MESSAGE, u32(...numbers), Buffer.from("1")));
  }
  for (const lengths of [[2], [0], [-1], [-1, 2]]) {
    const head = u32(0, 1, lengths.length, ...lengths);
    says(`a message with parts of ${lengths}`, wireFrame(MESSAGE, head, Buffer.from("1x")));
  }
  for (const [messages, handles] of [[0, 0], [9, 0], [0, 9], [-1, 0], [0, -1]] as const) {
    says(`an ack of ${messages} and ${handles}`, wireFrame(ACK, u32(messages, handles)));
  }
  for (const length of [0, 4, 7, 9, 5000]) {
    says(`an ack of ${length} bytes`, wireFrame(ACK, new Uint8Array(length)));
  }
  for (const text of ["{", "", '{"\u007f":0}', '{"\u007f":"length"}', "\xff", "[".repeat(5000)]) {
    says(`a message that is ${JSON.stringify(text.slice(0, 12))}`, wireMessage(text));
  }
  says("a message after the bye", wireFrame(BYE), wireMessage("1"));
}

function addHandles(says: Add, event: number): void {
  const [one, two] = [wireMessage("[]", [], 1), wireMessage("[]", [], 2)];
  says("handles of no message", wireHandles(0, event));
  says("handles before their message", wireHandles(0, event), one);
  says("too many handles", one, wireHandles(0, event), wireHandles(1, event));
  says("a message before all handles", two, wireHandles(0, event), wireMessage("2"));
  says("a bye before all handles", two, wireHandles(0, event), wireFrame(BYE));
  for (const count of [0, -1, 254, 2]) {
    says(`a count of ${count}`, one, wireFrame(HANDLES, u32(0, count, event)));
  }
  for (const number of [1, 2, -1]) says(`batch ${number} first`, one, wireHandles(number, event));
  says("batch 0 twice", two, wireHandles(0, event), wireHandles(0, event));
  for (const length of [0, 4, 7, 8, 11, 13, 16]) {
    const body = u32(0, 1, event, event).subarray(0, length);
    says(`handles in ${length} bytes`, one, wireFrame(HANDLES, body));
  }
  for (const value of [0, -1, -2, -6, 6, 1, 0x8000_0000]) {
    says(`a handle of value ${value}`, one, wireHandles(0, value));
  }
  for (const mark of [1, 2, 3]) {
    const name = mark === 1 ? "a socket that is an event" : `an event with the mark ${mark}`;
    says(name, two, wireHandles(0, event, event | mark));
  }
  says("a socket that is closed", one, wireHandles(0, CLOSED | 1), wireFrame(BYE));
  // These are lost with their message, and no more.
  says("a handle that is closed", one, wireHandles(0, CLOSED), wireFrame(BYE));
  says("an event and what is closed", two, wireHandles(0, event, CLOSED), wireFrame(BYE));
}

function addFloods(says: Add): void {
  const small = Buffer.concat(Array.from({ length: 5000 }, () => wireMessage("1")));
  says("thousands of messages", small, wireFrame(BYE), Buffer.alloc(40_000, 255));
  says(
    "a frame byte by byte",
    ...Array.from(wireMessage("12345"), (byte) => Buffer.of(byte)),
    wireFrame(BYE),
  );
  const parts = Array.from({ length: 20_000 }, () => new Uint8Array(0));
  says("thousands of parts", wireMessage("1", parts), Buffer.alloc(40_000, 255));
  says(
    "16 MiB of [",
    wireFrame(MESSAGE, u32(0, (16 << 20) - 12, 0), Buffer.alloc((16 << 20) - 12, "[")),
  );
}

/** The pid of this process. */
function self(): number {
  return process.pid;
}
