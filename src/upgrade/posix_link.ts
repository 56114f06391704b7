/**
 * What two generations say to each other. The older process makes a pair of sockets for each attempt, writes its
 * hello to one end, and gives the other one to the new process by inheritance. So the hello is there when that
 * process starts, whatever has become of the older one; and the end of the new process ends the link.
 */
import { show } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_PEEK,
  POLLHUP,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../../ffi/posix/constants.ts";
import { read, write } from "../../ffi/posix/file.ts";
import { recvmsg } from "../../ffi/posix/message.ts";
import { sendBytes } from "../../ffi/posix/rights.ts";
import { poll, socketpair } from "../../ffi/posix/socket.ts";
import { RESERVED } from "../channel/types.ts";
import { hasReserved, takeReserved } from "../child/inherited.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { closeMany } from "../batch/batch.ts";
import { tryOrUndefined } from "../util/platform.ts";

/** The name of the new process's end of the link. */
export const LINK = `${RESERVED}upgrade`;
/** The names of the handles by which it knows whether older processes live: with a number from 0. */
export const OLDER = `${RESERVED}older`;

/** What the messages of this version mean. A change that an older process would not understand needs a new one. */
const PROTOCOL = 1;
/** The end of each message. */
export const END = "\n";
/** The new process serves: its pid follows. */
const READY = "ready ";
/** The new process has been replaced in turn. */
export const REPLACED = "replaced";
/** The older process does not wait for the new one any more, and serves on. */
export const GIVEN_UP = "given up";
/** The most characters that a new process says. */
export const MAX_SAID = 64;

/** What the new process has to know. */
export interface Hello {
  readonly generation: number;
  /** The address of each listener, as the program has requested it. */
  readonly addresses: readonly (readonly [name: string, address: string])[];
}

/** What this process got from the one that it replaces. */
export interface Predecessor extends Hello {
  /** It stays open as long as this process lives. */
  readonly link: OwnedHandle;
  /** One for each process that was older when this one started. */
  readonly older: readonly OwnedHandle[];
}

/** Two sockets that are connected to each other: not inheritable, and non-blocking. */
export function createPair(): [one: OwnedHandle, other: OwnedHandle] {
  const [one, other] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return [OwnedHandle.fromRaw(one), OwnedHandle.fromRaw(other)];
}

/** Those of pairs whose other process lives. The others are closed. */
export function livingOf(lives: readonly OwnedHandle[]): OwnedHandle[] {
  const ended = lives.filter(hasEnded);
  tryOrUndefined(() => closeMany(ended)); // they are closed, whatever it says
  return lives.filter((life) => !ended.includes(life));
}

/** Whether the process with the other end of a pair has ended. */
function hasEnded(life: OwnedHandle): boolean {
  if (life.closed) return true; // an earlier Upgrade of this process has seen it
  const entry = { fd: life.raw, events: POLLIN, revents: 0 };
  poll([entry], 0);
  return (entry.revents & POLLHUP) !== 0;
}

/**
 * Writes the hello to a link that is new.
 *
 * @throws {HandleError} `EMSGSIZE` when there are too many addresses
 */
export function sendHello(link: OwnedHandle, hello: Hello): void {
  const bytes = new TextEncoder().encode(JSON.stringify({ protocol: PROTOCOL, ...hello }) + END);
  if (write(link.raw, bytes) === bytes.length) return;
  throw failure("EMSGSIZE", "write", {
    message: "Cannot start the next generation: the names and addresses of the listeners are too " +
      "long together; use fewer or shorter ones",
  });
}

/** Says that this process serves. Does nothing when the older one has ended. */
export function sendReady(link: OwnedHandle): void {
  say(link, `${READY}${pid()}`);
}

/** Says that a newer process has taken the place of this one: it serves, whether the older one hears of it or not. */
export function sendReplaced(link: OwnedHandle): void {
  tryOrUndefined(() => say(link, REPLACED));
}

function say(link: OwnedHandle, text: string): void {
  try {
    sendBytes(link.raw, new TextEncoder().encode(`${text}${END}`));
  } catch (error) {
    if (!hasCode(error, "EPIPE", "ECONNRESET")) throw error;
  }
}

/**
 * Whether the older process has given this one up. The signal that was to end this process may have ended a shell
 * around it instead.
 */
export function isGivenUp(link: OwnedHandle): boolean {
  const buffer = new Uint8Array(GIVEN_UP.length);
  const flags = MSG_PEEK | MSG_DONTWAIT; // it stays there for the next call
  tryOrUndefined(() => recvmsg(link.raw, { iov: [buffer] }, flags)); // EAGAIN: nothing was said
  return new TextDecoder().decode(buffer) === GIVEN_UP;
}

/** The pid of a ready; `undefined` when the text is another one. */
export function pidOfReady(text: string): number | undefined {
  const digits = text.startsWith(READY) ? text.slice(READY.length) : "";
  return /^[1-9]\d{0,9}$/.test(digits) ? Number(digits) : undefined;
}

/**
 * Takes what an older process gave to this one; `undefined` when this is the first generation.
 *
 * @throws {HandleError} `EBADF` when a process in between has kept the handles; `EPROTO` when the older one has a
 * version of this library that says something else
 */
export function takePredecessor(): Predecessor | undefined {
  const raw = takeReserved(LINK);
  if (raw === undefined) {
    if (hasReserved(LINK)) throw lostError();
    return undefined;
  }
  const link = OwnedHandle.fromRaw(raw);
  const older: OwnedHandle[] = [];
  for (let at = 0; hasReserved(`${OLDER}${at}`); at++) {
    const life = takeReserved(`${OLDER}${at}`);
    if (life !== undefined) older.push(OwnedHandle.fromRaw(life));
  }
  try {
    return { ...receiveHello(link), link, older };
  } catch (error) {
    closeMany([link, ...older]);
    throw error;
  }
}

function receiveHello(link: OwnedHandle): Hello {
  const buffer = new Uint8Array(1 << 16);
  const decoder = new TextDecoder();
  let text = "";
  while (!text.endsWith(END)) {
    const count = read(link.raw, buffer);
    if (count === 0) throw protocolError("an end before its hello");
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  if (text.endsWith(`${END}${GIVEN_UP}${END}`)) throw givenUpError(); // before this process came so far
  try {
    const { protocol, generation, addresses } = JSON.parse(text) as Hello & { protocol: unknown };
    if (protocol === PROTOCOL) return { generation, addresses };
    throw protocolError(`protocol ${show(protocol)}`);
  } catch (error) {
    if (error instanceof SyntaxError) throw protocolError("a hello that is no JSON");
    throw error;
  }
}

/** What `ready` throws in a process that was given up. */
export function givenUpError(): Error {
  return failure("ECANCELED", "spawn", {
    message:
      "Cannot take the place of the older process: it has given this one up, and serves on; end this one. " +
      "It should have been ended already: let the command of the upgrade be the runtime, or exec it in a shell",
  });
}

function protocolError(what: string): Error {
  return failure("EPROTO", "read", {
    message:
      `Cannot take the place of the older process: it sent ${what}; use the same version of ` +
      "duphandle in both",
  });
}

function lostError(): Error {
  return failure("EBADF", "spawn", {
    message: "Cannot take the place of the older process: a process in between, such as npm run, " +
      "bun run or deno task, did not pass its handles on, or they were closed here; let the command " +
      "of the upgrade start the runtime itself",
  });
}
