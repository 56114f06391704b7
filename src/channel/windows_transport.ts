/**
 * How handles go over a channel on Windows: nothing is put into another process. The sender makes
 * duplicates of its own and tells their numbers; the receiver takes duplicates of those from the
 * sender's process and says that it has them. So a process that dies leaves nothing behind in the
 * other.
 *
 * First each side makes sure that the other is the process that it says it is: it makes an event and
 * tells its number. The other takes it, tells the number of what it took, and that is taken back:
 * when it is the same event, then the other is the process that it was taken back from, and may take
 * handles of this one, as only this user's processes may.
 */
import { failure, HandleError } from "../../ffi/error.ts";
import { CompareObjectHandles } from "../../ffi/win32/compare.ts";
import { CreateEventW } from "../../ffi/win32/event.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { frame, type Hello, Kind, malformed, readWords, words } from "./frames.ts";
import { closeAll } from "../handle/close_all.ts";
import type { HandleTransport } from "./types.ts";
import { allOrNone, duplicateAll } from "../batch/duplicate_all.ts";
import { openPeer } from "./windows_peer.ts";
import type { PipeServer } from "./windows_pipe.ts";
import type { ProcessReference } from "../process/types.ts";
import { windowsProcesses } from "../process/windows.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A proof that the other side still owes. */
interface Proof {
  readonly event: RawHandle;
  readonly proven: () => void;
}

/** Handles that the receiver takes. */
export class TakingTransport implements HandleTransport {
  /** What was offered is in this process until it is taken. */
  readonly needsSender: boolean = true;
  #server: PipeServer | undefined;
  #peer: ProcessReference | undefined;
  #proof: Proof | undefined;
  /** The event of the other side, until it has seen that we have it; `null` when it has. */
  #shown: RawHandle | null | undefined;
  /** What is on its way, in the order in which it was offered. */
  #copies: RawHandle[] = [];
  #isClosed = false;

  /** The system says whose pipe it is. What was asked for it is closed when it is not needed. */
  expect(server: PipeServer): void {
    this.#server = server;
    if (this.#isClosed) CloseHandle(server.asked);
  }

  offer(handles: readonly RawHandle[]): Uint8Array {
    const copies = duplicateAll(handles);
    this.#copies.push(...copies);
    return words(...copies);
  }

  accept(count: number, ticket: Uint8Array): RawHandle[] {
    if (ticket.length !== 4 * count) throw malformed("other handles than it said");
    const peer = this.#requirePeer();
    const numbers = readWords(ticket);
    numbers.forEach(checkNumber);
    return allOrNone(numbers, (number) => takeFrom(peer, number));
  }

  settle(count: number): void {
    closeAll(this.#copies.splice(0, count));
  }

  meet({ pid }: Hello, write: (frame: Uint8Array) => void): Promise<void> {
    if (this.#server !== undefined) this.#compare(pid, this.#server);
    this.#peer = openPeer(pid);
    const event = CreateEventW(null, true, false, null);
    return new Promise((proven) => {
      this.#proof = { event, proven };
      write(frame(Kind.Prove, words(event)));
    });
  }

  frame(kind: number, body: Uint8Array, write: (frame: Uint8Array) => void): boolean {
    if (kind === Kind.Prove) this.#show(body, write);
    else if (kind === Kind.Proved && body.length > 0) this.#check(body, write);
    else if (kind === Kind.Proved) this.#seen();
    else return false;
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ours = [this.#server?.asked, this.#peer?.raw, this.#proof?.event, this.#shown];
    ours.push(...this.#copies.splice(0));
    this.#proof = undefined;
    closeAll(ours.filter((raw) => typeof raw === "number"));
  }

  /** The process that says hello must be the one whose pipe it is. */
  #compare(pid: number, server: PipeServer): void {
    this.#server = undefined;
    CloseHandle(server.asked);
    if (pid !== server.pid) throw impostor(pid);
  }

  /** Takes the event of the other side, and tells the number that it has here. */
  #show(body: Uint8Array, write: (frame: Uint8Array) => void): void {
    if (this.#shown !== undefined) throw malformed("a second event");
    this.#shown = takeFrom(this.#requirePeer(), onlyNumber(body));
    write(frame(Kind.Proved, words(this.#shown)));
  }

  /** Looks whether what the other side took is our event. */
  #check(body: Uint8Array, write: (frame: Uint8Array) => void): void {
    const peer = this.#requirePeer();
    const number = onlyNumber(body);
    const { event, proven } = this.#proof ?? {};
    if (event === undefined) throw malformed("a proof that nobody asked for");
    if (!isSame(event, peer, number)) throw impostor(peer.pid);
    this.#proof = undefined;
    closeAll([event]);
    write(frame(Kind.Proved));
    proven?.();
  }

  /** The other side has seen that we have its event. */
  #seen(): void {
    if (typeof this.#shown !== "number") throw malformed("thanks for nothing");
    closeAll([this.#shown]);
    this.#shown = null;
  }

  #requirePeer(): ProcessReference {
    if (this.#peer === undefined || this.#isClosed) throw malformed("handles out of turn");
    return this.#peer;
  }
}

function takeFrom(peer: ProcessReference, number: number): RawHandle {
  return windowsProcesses.take(number, peer, false, false);
}

/** Whether a handle of another process refers to the object of one of ours. */
function isSame(ours: RawHandle, peer: ProcessReference, number: number): boolean {
  let taken: RawHandle;
  try {
    taken = takeFrom(peer, number);
  } catch (error) {
    if (error instanceof HandleError && error.code !== "ESRCH") return false;
    throw error;
  }
  try {
    return CompareObjectHandles(ours, taken);
  } finally {
    closeAll([taken]);
  }
}

/** The one number of a frame. */
function onlyNumber(body: Uint8Array): number {
  if (body.length !== 4) throw malformed("a proof of another size");
  const [number] = readWords(body) as [number];
  checkNumber(number);
  return number;
}

/** Throws for what no handle is. Negative numbers stand for the process that uses them. */
function checkNumber(number: number): void {
  if (number <= 0 || (number & 3) !== 0) throw malformed(`${number}, which is no handle`);
}

function impostor(pid: number | undefined): HandleError {
  return failure("EACCES", "connect", {
    message: `Cannot open a channel: the process at the other end says that it is ${pid} and is ` +
      "not, or may not take handles of this one; connect to a process of this user only",
  });
}
