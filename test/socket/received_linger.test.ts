/** A socket that a peer has sent does not block its receiver as it is closed at the end of a block (Linux). */
import { OwnedHandle, receiveHandles, sendHandles } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { connected, next } from "../support/channel_ends.ts";
import { unixPair } from "../support/unix_pairs.ts";

/** A socket that waits for so many seconds when it is closed. */
function lingering(seconds: number): OwnedHandle {
  const fd = posix.socket(posix.AF_INET, posix.SOCK_STREAM | posix.SOCK_CLOEXEC, 0);
  setLinger(fd, 1, seconds);
  return OwnedHandle.fromRaw(fd);
}

function setLinger(fd: number, ...linger: [isOn: number, seconds: number]): void {
  const value = new Uint8Array(Int32Array.from(linger).buffer);
  posix.setsockopt(fd, posix.SOL_SOCKET, posix.SO_LINGER, value);
}

function isLingering({ raw }: OwnedHandle): boolean {
  return posix.getsockopt(raw, posix.SOL_SOCKET, posix.SO_LINGER, 8)[0] === 1;
}

const ways: readonly [string, (sources: OwnedHandle[], use: () => void) => Promise<void>][] = [
  ["receiveHandles", async (sources, use) => {
    using pair = unixPair();
    await sendHandles(pair.one, new Uint8Array(1), sources);
    using _ = (await receiveHandles(pair.other))!;
    use();
  }],
  ["a channel", async (sources, use) => {
    await using ends = await connected();
    await ends.near.send("sockets", sources);
    using _ = await next(ends.far);
    use();
  }],
];

describe.runIf(process.platform === "linux")("a socket that lingers (Linux)", () => {
  test.each(ways)("does so no more at the end of the block of %s", async (_, exchange) => {
    using waiting = lingering(5);
    using longest = lingering(-1);
    using resetting = lingering(0); // it does not wait, and resets its connection
    const sources = [waiting, longest, resetting];
    await exchange(sources, () => expect(sources.map(isLingering)).toEqual([true, true, true]));
    expect(sources.map(isLingering)).toEqual([false, false, true]);
  });
});
