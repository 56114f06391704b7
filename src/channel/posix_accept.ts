/**
 * Accepts the clients of a server on Linux. A client makes two connections and says by a preamble what each
 * is for; when both are there, they become the end of a channel. What goes wrong with one client ends that
 * client, and no other one.
 */
import { pid as ownPid } from "../../ffi/host.ts";
import { POLLHUP, POLLIN } from "../../ffi/posix/constants.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { MAX_DATA } from "../../ffi/posix/message_memory.ts";
import { closeReceived, receiveRights, sendBytes } from "../../ffi/posix/rights.ts";
import { poll, type PollFd } from "../../ffi/posix/socket.ts";
import { acceptFrom, peerOf } from "../../ffi/posix/unix_socket.ts";
import { closeAll } from "../handle/raw.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { frame, helloFrame, Kind, VERSION } from "./frames.ts";
import { type Drop, PendingClients } from "./pending.ts";
import { type Preamble, PREAMBLE_SIZE, readPreamble, Role } from "./posix_preamble.ts";
import { createEnd } from "./posix_transport.ts";
import { isAllowed } from "./posix_users.ts";
import {
  type ChannelEnd,
  defaultLimits,
  type ListenerEvents,
  type PeerUsers,
  type PendingLimits,
} from "./types.ts";

/** The pause before a server tries again to accept what it could not, in milliseconds. */
const RETRY_MS = 100;
/** The most connections to accept in one turn of the event loop. */
const MAX_PER_TURN = 64;
/** How long the connection of a client of another version stays, so that it reads which version this is, in milliseconds. */
const VERSION_LINGER_MS = 50;
/** How many times to read from a client that is sent away: it has written a preamble and a hello. */
const MAX_UNREAD = 4;

/** A connection that is not a part of a channel yet. */
interface Waiting {
  readonly fd: number;
  /** The process that connected, and its user, by the kernel. */
  readonly pid: number;
  readonly uid: number;
  /** The bytes of the preamble, and how many of them have arrived. */
  readonly bytes: Uint8Array;
  length: number;
  /** The preamble, once all of it has arrived. */
  preamble: Preamble | undefined;
  /** Descriptors that came from it and are closed with it. */
  received: readonly number[];
  readonly drop: Drop;
}

/** The clients of a server. */
export class Acceptor {
  readonly #listener: number;
  readonly #events: ListenerEvents;
  readonly #users: PeerUsers;
  readonly #pending: PendingClients;
  readonly #waiting = new Set<Waiting>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Whether the last attempt to accept has failed, so that the owner is told once. */
  #isFailing = false;
  /** Whether this turn of the event loop has accepted, and whether the next one shall. */
  #hasTurn = false;
  #isWanted = false;
  #isStopped = false;

  /** @param listener the socket that listens, which the acceptor owns from now on */
  constructor(
    listener: number,
    events: ListenerEvents,
    { maxPendingClients, handshakeTimeout }: PendingLimits,
    users: PeerUsers,
  ) {
    this.#listener = listener;
    this.#events = events;
    this.#users = users;
    this.#pending = new PendingClients(2 * maxPendingClients, handshakeTimeout);
  }

  /**
   * Accepts who has connected: at once, but at most once in a turn of the event loop, since a turn may bring
   * hundreds of wake-ups. It does not throw.
   */
  readonly wakeUp = (): void => {
    this.#isWanted = true;
    if (!this.#hasTurn) this.#accept();
  };

  #accept(): void {
    if (this.#isStopped) return;
    this.#isWanted = false;
    this.#hasTurn = true;
    setImmediate(() => {
      this.#hasTurn = false;
      if (this.#isWanted) this.#accept();
    });
    clearTimeout(this.#retry);
    try {
      this.#readWaiting();
      this.#acceptSome();
    } catch (error) {
      this.#retryLater();
      this.#events.onError(error);
    }
  }

  /** Accepts no more. Who connects waits in the kernel until the socket is closed. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  /** Drops all clients that are pending, and closes the socket. */
  close(): void {
    this.stop();
    closeAll([this.#listener]);
    this.#pending.close();
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    if (!this.#isStopped) this.#retry = setTimeout(this.wakeUp, RETRY_MS);
  }

  #acceptSome(): void {
    for (let count = 0; count < MAX_PER_TURN; count++) {
      const accepted = acceptFrom(this.#listener);
      if (accepted === undefined) {
        this.#isFailing = false;
        return;
      }
      if ("errno" in accepted) return this.#acceptFailed(accepted.errno);
      this.#add(accepted.fd);
    }
    this.#isWanted = true; // the others in the next turn, after the other work of this process
  }

  /** Without a free descriptor, for instance. The connections wait in the kernel meanwhile. */
  #acceptFailed(errno: number): void {
    this.#retryLater();
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#events.onError(posixError(errno, "accept4", this.#listener));
  }

  #add(fd: number): void {
    const peer = tryOrUndefined(() => {
      const peer = peerOf(fd);
      return isAllowed(fd, peer, this.#users) ? peer : undefined;
    });
    if (peer === undefined) return closeAll([fd]);
    const waiting: Waiting = {
      fd,
      pid: peer.pid,
      uid: peer.uid,
      bytes: new Uint8Array(PREAMBLE_SIZE),
      length: 0,
      preamble: undefined,
      received: [],
      drop: (reason) => {
        this.#waiting.delete(waiting);
        if (reason === "busy") tryOrUndefined(() => sayBusy(fd));
        closeReceived(waiting.received);
        closeAll([fd]);
      },
    };
    this.#waiting.add(waiting);
    this.#pending.add(waiting.drop);
    if (this.#waiting.has(waiting)) this.#read(waiting);
  }

  /** Reads what has arrived since the last time, and ends who has gone. One call asks for all. */
  #readWaiting(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    const states: PollFd[] = waiting.map(({ fd, preamble }) => {
      return { fd, events: preamble === undefined ? POLLIN : 0 };
    });
    poll(states, 0);
    waiting.forEach((each, at) => {
      const { revents = 0 } = states[at]!;
      if (revents === 0 || !this.#waiting.has(each)) return;
      if ((revents & POLLIN) !== 0) this.#read(each);
      else if ((revents & POLLHUP) !== 0) this.#end(each);
    });
  }

  #end(waiting: Waiting): void {
    if (this.#pending.delete(waiting.drop)) waiting.drop(undefined);
  }

  /** Reads as much of the preamble as has arrived, and not a byte more. */
  #read(waiting: Waiting): void {
    const { fd, bytes, length } = waiting;
    const received = tryOrUndefined(() => receiveRights(fd, PREAMBLE_SIZE - length) ?? "later");
    if (received === "later") return; // the client wakes the server up again
    if (received === undefined || received === "end") return this.#end(waiting);
    if (received.fds.length > 0 || received.isTruncated) {
      waiting.received = received.fds;
      // Version 1 sends one byte with the end of a stream, and listens there.
      const isVersion1 = length === 0 && received.data.length === 1 && received.fds.length === 1;
      return isVersion1 ? this.#sayVersion(waiting, received.fds[0]!) : this.#end(waiting);
    }
    bytes.set(received.data, length);
    waiting.length += received.data.length;
    if (waiting.length === PREAMBLE_SIZE) this.#identify(waiting);
  }

  /** All of the preamble is there. */
  #identify(waiting: Waiting): void {
    const preamble = readPreamble(waiting.bytes);
    if (preamble === undefined) return this.#end(waiting);
    if (preamble.version !== VERSION) return this.#sayVersion(waiting, waiting.fd);
    waiting.preamble = preamble;
    const { role } = preamble;
    if (role !== Role.Stream && role !== Role.Handles) return this.#end(waiting);
    const partner = this.#partnerOf(waiting, preamble);
    if (partner === undefined) return;
    if (partner.preamble!.role === role) return this.#end(waiting);
    const [stream, handles] = role === Role.Stream ? [waiting, partner] : [partner, waiting];
    this.#open(stream, handles);
  }

  /**
   * Tells a client of another version which one this is. It reads that before it hears that the connection is
   * closed: it may be about to write its own hello.
   */
  #sayVersion(waiting: Waiting, stream: number): void {
    this.#waiting.delete(waiting); // nothing more is read; it is pending until its end
    tryOrUndefined(() => sendBytes(stream, helloFrame({ pid: ownPid(), limits: defaultLimits })));
    setTimeout(() => {
      if (!this.#pending.delete(waiting.drop)) return; // it was dropped before
      drain(stream);
      waiting.drop(undefined);
    }, VERSION_LINGER_MS);
  }

  /** The other connection of the same client. */
  #partnerOf(waiting: Waiting, { token }: Preamble): Waiting | undefined {
    for (const other of this.#waiting) {
      if (other === waiting || other.pid !== waiting.pid || other.uid !== waiting.uid) continue;
      if (other.preamble?.token === token) return other;
    }
    return undefined;
  }

  /** Both connections are there: opens the end of a channel, which is pending until its hello. */
  #open(stream: Waiting, handles: Waiting): void {
    for (const each of [stream, handles]) this.#waiting.delete(each);
    this.#pending.delete(handles.drop);
    let isSettled = false;
    let drop: Drop | undefined;
    const settled = () => {
      isSettled = true;
      if (drop !== undefined) this.#pending.delete(drop);
    };
    let end: ChannelEnd | undefined;
    try {
      end = createEnd(stream.fd, handles.fd, stream.pid);
      drop = this.#events.onEnd(end, settled);
    } catch (error) {
      end?.stream.destroy();
      end?.transport.close();
      this.#pending.delete(stream.drop);
      return this.#events.onError(error);
    }
    if (isSettled) this.#pending.delete(stream.drop);
    else this.#pending.replace(stream.drop, drop);
  }
}

/** Sends a client away. */
function sayBusy(fd: number): void {
  sendBytes(fd, frame(Kind.Busy));
  drain(fd);
}

/** Reads what a client has written: a socket that is closed with unread bytes is reset. */
function drain(fd: number): void {
  for (let count = 0; count < MAX_UNREAD; count++) {
    const received = tryOrUndefined(() => receiveRights(fd, MAX_DATA));
    if (received === undefined || received === "end") return;
    closeReceived(received.fds);
  }
}
