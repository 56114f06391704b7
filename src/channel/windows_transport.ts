/**
 * The transport of handles on Windows: the receiver pulls them. The sender duplicates each handle in
 * its own process and announces the values; the receiver duplicates them out of the sender's process
 * and acknowledges; the sender then closes its duplicates. No process puts handles into another one,
 * so a process that ends leaves none behind there.
 *
 * A socket goes the same way, with a mark on its value, since Winsock has state of its own for each: the
 * sender's duplicate is one of Winsock, and Winsock of the receiver makes another one of what was taken.
 * The sender does not call WSADuplicateSocket for the receiver: that puts a handle into it, which would stay
 * there if the message were never received, and nobody could check the 628 bytes of a peer, which name a
 * handle of the receiver itself.
 *
 * Before that, each side verifies that the peer is the process that its hello names. It makes an
 * event and sends the value as a challenge. The peer takes the event and answers with the value of
 * the handle that it got, as a proof; this side takes that handle back. If it refers to the same
 * event, then the peer is the process that it was taken from, and may take handles of this process,
 * which only processes of this user may.
 */
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { CompareObjectHandles } from "../../ffi/win32/handle.ts";
import { CreateEventW } from "../../ffi/win32/event.ts";
import { kindOf } from "../../ffi/win32/object.ts";
import { frame, type Hello, int32s, Kind, protocolError, readInt32s } from "./frames.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { closeAll } from "../handle/raw.ts";
import type { BatchDescriptor, HandleTransport } from "./types.ts";
import { checkHandleValue, TransportHandles } from "./windows_handles.ts";
import { openPeer } from "./windows_peer.ts";
import type { PipeServer } from "./windows_pipe.ts";
import type { ProcessReference } from "../process/types.ts";
import { takeUnexamined } from "../process/windows.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A challenge that the peer has not answered. */
interface PendingChallenge {
  readonly event: RawHandle;
  readonly onVerified: () => void;
}

/** Carries handles that the receiver takes out of the sender's process. */
export class PullTransport implements HandleTransport {
  /** The sender's duplicates disappear with its process. */
  readonly needsLiveSender: boolean = true;
  #server: PipeServer | undefined;
  #isClient = false;
  #peer: ProcessReference | undefined;
  #challenge: PendingChallenge | undefined;
  /** Our handle of the peer's event; `null` after the peer has acknowledged the proof. */
  #proofEvent: RawHandle | null | undefined;
  #onProofAcked: (() => void) | undefined;
  /** The duplicates that the peer has not acknowledged, oldest first. */
  #inFlight: RawHandle[] = [];
  readonly #handles: TransportHandles = new TransportHandles();
  #isClosed = false;

  /** Sets the server of the pipe: the hello must name this process. Takes over the probe. */
  expectServer(server: PipeServer): void {
    this.#server = server;
    this.#isClient = true;
    if (this.#isClosed) closeAll([server.probe]);
  }

  /** The number of a batch needs no check here: each batch has its values with it. */
  send(handles: readonly RawHandle[]): BatchDescriptor {
    const duplicates = this.#handles.duplicate(handles);
    this.#inFlight.push(...duplicates);
    return int32s(...duplicates.map((raw) => this.#handles.announced(raw)));
  }

  receive(count: number, descriptor: BatchDescriptor): RawHandle[] {
    if (descriptor.length !== 4 * count) throw protocolError("other handles than it announced");
    const peer = this.#requirePeer();
    return this.#handles.take(readInt32s(descriptor), peer);
  }

  discard(handles: readonly RawHandle[]): void {
    this.#handles.close(handles);
  }

  ownersOf(handles: readonly RawHandle[]): OwnedHandle[] {
    return this.#handles.ownersOf(handles);
  }

  duplicate(handles: readonly RawHandle[]): RawHandle[] {
    return this.#handles.duplicate(handles);
  }

  closeDuplicates(handles: readonly RawHandle[]): void {
    this.#handles.close(handles);
  }

  onAck(count: number): void {
    this.discard(this.#inFlight.splice(0, count));
  }

  /**
   * A client waits for the ack of its proof as well: until then its server may still send it away, because
   * there are too many clients.
   */
  verifyPeer({ pid }: Hello, write: (frame: Uint8Array) => void): Promise<void> {
    if (this.#isClosed || this.#peer !== undefined) throw protocolError("an unexpected hello");
    if (this.#server !== undefined) this.#checkServer(pid, this.#server);
    this.#peer = openPeer(pid); // whatever follows, close() closes it
    const event = CreateEventW(null, true, false, null);
    const verified = new Promise<void>((onVerified) => this.#challenge = { event, onVerified });
    write(frame(Kind.Challenge, int32s(event)));
    if (!this.#isClient) return verified;
    const acked = new Promise<void>((onAcked) => this.#onProofAcked = onAcked);
    return verified.then(() => acked);
  }

  onFrame(kind: number, body: Uint8Array, write: (frame: Uint8Array) => void): boolean {
    if (kind === Kind.Challenge) this.#onChallenge(body, write);
    else if (kind === Kind.Proof && body.length > 0) this.#onProof(body, write);
    else if (kind === Kind.Proof) this.#onProofAck();
    else return false;
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { probe } = this.#server ?? {};
    const ours = [probe, this.#peer?.raw, this.#challenge?.event, this.#proofEvent];
    this.#challenge = undefined;
    this.discard(this.#inFlight.splice(0));
    closeAll(ours.filter((raw) => typeof raw === "number"));
  }

  /** The process that the hello names must be the one that made the pipe. */
  #checkServer(pid: number, server: PipeServer): void {
    this.#server = undefined;
    closeAll([server.probe]);
    if (pid !== server.pid) throw identityError(pid);
  }

  /** Takes the event of the peer, and answers with the value of the handle here. */
  #onChallenge(body: Uint8Array, write: (frame: Uint8Array) => void): void {
    if (this.#proofEvent !== undefined) throw protocolError("a second challenge");
    const value = readHandleValue(body);
    const event = takeEvent(this.#requirePeer(), value);
    if (event === undefined) throw this.#isClient ? givenUpError() : noEventError();
    this.#proofEvent = event;
    write(frame(Kind.Proof, int32s(this.#proofEvent)));
  }

  /** Checks that what the peer took is our event. */
  #onProof(body: Uint8Array, write: (frame: Uint8Array) => void): void {
    const peer = this.#requirePeer();
    const value = readHandleValue(body);
    const { event, onVerified } = this.#challenge ?? {};
    if (event === undefined) throw protocolError("a proof without a challenge");
    if (!isSameObject(event, peer, value)) throw identityError(peer.pid);
    this.#challenge = undefined;
    closeAll([event]);
    write(frame(Kind.Proof));
    onVerified?.();
  }

  /** The peer has checked our proof, so its event is not needed any more. */
  #onProofAck(): void {
    if (typeof this.#proofEvent !== "number") throw protocolError("an unexpected proof ack");
    closeAll([this.#proofEvent]);
    this.#proofEvent = null;
    this.#onProofAcked?.();
  }

  #requirePeer(): ProcessReference {
    if (this.#peer === undefined || this.#isClosed) {
      throw protocolError("handles before its hello or after the end of the channel");
    }
    return this.#peer;
  }
}

/**
 * Takes a handle of any kind, without a look at its object: Windows answers some questions about an end of
 * a pipe only after a read for which another thread waits, so a peer could stop this one for ever. I/O
 * completion ports, of which a duplicate is of no use, are refused by the sender.
 */
function takeFrom(peer: ProcessReference, value: number): RawHandle {
  return takeUnexamined(value, peer);
}

/**
 * Takes the event of a challenge; `undefined` when the value is not an event's. The peer is not verified
 * yet, and may have named a process that has nothing to do with it: of that one no file, pipe or process is
 * held.
 */
function takeEvent(peer: ProcessReference, value: number): RawHandle | undefined {
  let taken: RawHandle;
  try {
    taken = takeFrom(peer, value);
  } catch (error) {
    if (hasCode(error, "EBADF")) return undefined;
    throw error;
  }
  if (kindOf(taken) === "Event") return taken;
  closeAll([taken]);
  return undefined;
}

/** Whether a handle of the peer refers to the same object as one of ours. */
function isSameObject(ours: RawHandle, peer: ProcessReference, value: number): boolean {
  let taken: RawHandle;
  try {
    taken = takeFrom(peer, value);
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

/** Decodes the body of a challenge or a proof: one value. */
function readHandleValue(body: Uint8Array): number {
  if (body.length !== 4) throw protocolError("a challenge or proof of the wrong size");
  const [value] = readInt32s(body) as [number];
  checkHandleValue(value);
  return value;
}

function noEventError(): Error {
  return protocolError("a challenge that is no event");
}

/** For a client: a server with too many clients sends the oldest away, and closes its event first. */
function givenUpError(): HandleError {
  return failure("EAGAIN", "connect", {
    message: "Cannot open a channel: the process at the other end has given it up; try again",
  });
}

function identityError(pid: number | undefined): HandleError {
  return failure("EACCES", "connect", {
    message:
      `Cannot open a channel: the process at the other end claims that it is ${pid} and is ` +
      "not, or may not take handles of this one; connect to a process of this user only",
  });
}
