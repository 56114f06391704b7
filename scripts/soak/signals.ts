/** Signals to all threads of this process. */
import { readdirSync } from "node:fs";

/** Ignored by default, so that one which comes before or after its handler does no harm. */
export const SIGNAL = "SIGWINCH";

/** Threads come and go: after this many rounds the list is read anew. */
const LIST_EVERY = 100;

/** A function that sends two signals, one to the main thread and one to any thread. */
export function signaller(): () => number {
  let threads: number[] = [];
  let rounds = 0;
  return () => {
    if (rounds++ % LIST_EVERY === 0) threads = listThreads();
    const any = threads[Math.floor(Math.random() * threads.length)];
    return send(process.pid) + send(any ?? process.pid);
  };
}

/**
 * Gives how many were sent: none when the thread has ended.
 *
 * On Linux the number may be a thread's. The whole process gets the signal, but that thread is the
 * first to handle it: so all threads are interrupted, and not the main thread alone.
 */
function send(id: number): number {
  try {
    process.kill(id, SIGNAL);
    return 1;
  } catch {
    return 0;
  }
}

function listThreads(): number[] {
  return process.platform === "linux" ? readdirSync("/proc/self/task").map(Number) : [];
}
