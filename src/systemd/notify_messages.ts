/** What `notify` sends: its text, checked and divided into datagrams. sd_notify(3) has the protocol. */
import { show } from "../../ffi/check.ts";

/** A datagram, and the name of the handle that goes with it. */
export interface NotifyMessage {
  readonly data: Uint8Array;
  readonly name?: string;
}

/** The most bytes of a datagram that systemd reads: it ignores longer ones. */
const MAX_BYTES = 4096;

/** What systemd takes as a name: printable ASCII but the colon, at most 255 characters. */
const NAME = /^[\x20-\x39\x3b-\x7e]{1,255}$/;

/** What goes with each handle, and not with the rest. */
const WITH_HANDLES: readonly string[] = ["FDSTORE", "FDPOLL"];

/**
 * Checks the text and the names, and makes the messages: one for each handle, and then one with the rest.
 *
 * @param now the time of CLOCK_MONOTONIC in microseconds
 * @throws {TypeError} when the text or a name is not one
 */
export function notifyMessages(
  state: unknown,
  names: readonly string[],
  now: () => number,
): NotifyMessage[] {
  const lines = linesOf(state);
  const keys = lines.map((line) => line.slice(0, line.indexOf("=")));
  const valueOf = (key: string) => {
    const at = keys.indexOf(key);
    return at === -1 ? undefined : lines[at]!.slice(key.length + 1);
  };
  if (lines.length === 0 && names.length === 0) {
    throw new TypeError(
      'Cannot notify of nothing: pass a state such as "READY=1", or handles to store',
    );
  }
  if (names.length === 0) checkWithoutHandles(valueOf);
  else checkWithHandles(names, valueOf);
  const isOfHandles = (_: string, at: number) =>
    names.length > 0 && WITH_HANDLES.includes(keys[at]!);
  const rest = lines.filter((line, at) => !isOfHandles(line, at));
  const options = lines.filter(isOfHandles).filter((line) => line !== "FDSTORE=1");
  if (valueOf("RELOADING") === "1" && !keys.includes("MONOTONIC_USEC")) {
    rest.push(`MONOTONIC_USEC=${now()}`);
  }
  return [
    ...names.map((name): NotifyMessage => ({
      name,
      data: encode(["FDSTORE=1", `FDNAME=${name}`, ...options]),
    })),
    ...rest.length > 0 ? [{ data: encode(rest) }] : [],
  ];
}

/** The assignments of a text, each of which is a line. */
function linesOf(state: unknown): string[] {
  if (typeof state !== "string" || !state.isWellFormed() || state.includes("\0")) {
    throw new TypeError(
      `Cannot use ${
        show(state)
      } as a state: it must be a text of lines such as "READY=1", without NUL ` +
        "and without half of a surrogate pair",
    );
  }
  const lines = state.split("\n").filter((line) => line !== "");
  const wrong = lines.find((line) => !/^[^=\s]+=/.test(line));
  if (wrong === undefined) return lines;
  throw new TypeError(
    `Cannot use ${show(wrong)} as a line of a state: it must be NAME=VALUE, such as "READY=1"`,
  );
}

function checkWithoutHandles(valueOf: (key: string) => string | undefined): void {
  if (valueOf("FDSTORE") !== undefined) {
    throw new TypeError("Cannot store without handles: pass them by name after the state");
  }
  const name = valueOf("FDNAME");
  if (name !== undefined) checkName(name);
  if (valueOf("FDSTOREREMOVE") === undefined || name !== undefined) return;
  throw new TypeError(
    'Cannot remove from the store without a name: use "FDSTOREREMOVE=1\\nFDNAME=…"',
  );
}

function checkWithHandles(
  names: readonly string[],
  valueOf: (key: string) => string | undefined,
): void {
  names.forEach(checkName);
  const extra = ["FDNAME", "FDSTOREREMOVE"].find((key) => valueOf(key) !== undefined);
  if (extra !== undefined) {
    throw new TypeError(
      `Cannot use ${extra} together with handles, which are stored under their own names; use a call of ` +
        "its own",
    );
  }
  const store = valueOf("FDSTORE");
  if (store === undefined || store === "1") return;
  throw new TypeError(`Cannot use "FDSTORE=${store}" with handles: it must be "FDSTORE=1"`);
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new TypeError(
    `Cannot use ${
      show(name)
    } as the name of a stored handle: it must be 1 to 255 printable characters of ` +
      "ASCII, without a colon",
  );
}

function encode(lines: readonly string[]): Uint8Array {
  const data = new TextEncoder().encode(lines.join("\n"));
  if (data.length <= MAX_BYTES) return data;
  throw new TypeError(
    `Cannot notify with ${data.length} bytes: the service manager reads at most ${MAX_BYTES}`,
  );
}
