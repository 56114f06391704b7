/**
 * Makes mistakes with handles, one after the other, each under a tracker of its own, and tells what the
 * trackers reported. Behind each line that a report is to name there is a mark: the name of the mistake
 * and which of the report's places it is.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import {
  closeMany,
  duplicate,
  duplicateMany,
  type HandleReport,
  openProcess,
  OwnedHandle,
  trackHandles,
} from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { connected } from "../../support/channel_ends.ts";
import { closeRaw, isWindows, openRaw, readRaw, temporaryFolder } from "../../support/system.ts";
import { report, thrownBy } from "../../support/report.ts";

using folder = temporaryFolder();
const mine = path.join(folder.path, "mine.txt");
const others = path.join(folder.path, "others.txt");
fs.writeFileSync(mine, "mine");
fs.writeFileSync(others, "others");

/** What a mistake tells of itself, beside what is reported of it. */
type Told = Record<string, unknown> | undefined | void;

const mistakes: Record<string, () => Told | Promise<Told>> = {
  forgotten() {
    duplicate(1); // forgotten: created
  },
  forgottenProcess() {
    openProcess(process.ppid); // forgottenProcess: created
  },
  forgottenOfMany() {
    const copies = duplicateMany([0, 1, 2]); // forgottenOfMany: created
    closeMany(copies.slice(1));
  },
  forgottenByError() {
    try {
      const copy = openRaw(mine, "r"); // forgottenByError: created
      JSON.parse("{");
      copy.close();
    } catch {
      // and goes on
    }
  },
  forgottenCopyOfConsumed() {
    const source = openRaw(mine, "r");
    source.duplicate({ closeSource: true }); // forgottenCopyOfConsumed: created
  },
  forgottenInherited() {
    const raw = openRaw(mine, "r").release();
    OwnedHandle.fromRaw(raw); // forgottenInherited: created
  },
  async forgottenInMessage() {
    await using ends = await connected();
    using source = openRaw(mine, "r");
    await ends.near.send("a handle", [source]);
    await ends.far.receive();
  },
  closedTwice() {
    const copy = duplicate(1); // closedTwice: created
    copy.close(); // closedTwice: closed
    copy.close(); // closedTwice: now
  },
  closedAfterUsing() {
    let kept: OwnedHandle;
    {
      using copy = duplicate(1); // closedAfterUsing: created
      kept = copy;
    }
    kept.close(); // closedAfterUsing: now
  },
  closedAfterConsumed() {
    const copy = duplicate(1); // closedAfterConsumed: created
    copy.duplicate({ closeSource: true }).close(); // closedAfterConsumed: closed
    copy.close(); // closedAfterConsumed: now
  },
  closedAfterMany() {
    const copies = duplicateMany([1, 1]); // closedAfterMany: created
    closeMany(copies); // closedAfterMany: closed
    copies[0]!.close(); // closedAfterMany: now
  },
  closedProcessTwice() {
    const parent = openProcess(process.ppid); // closedProcessTwice: created
    parent.close(); // closedProcessTwice: closed
    parent.close(); // closedProcessTwice: now
  },
  closedByOther() {
    const copy = openRaw(mine, "r"); // closedByOther: created
    closeRaw(copy.raw);
    const thrown = thrownBy(() => {
      copy.close(); // closedByOther: now
    });
    return { code: thrown?.["code"] };
  },
  closedByOtherThenUsed() {
    const copy = openRaw(mine, "r"); // closedByOtherThenUsed: created
    closeRaw(copy.raw);
    const thrown = thrownBy(() => {
      copy.duplicate(); // closedByOtherThenUsed: now
    });
    thrownBy(() => copy.close());
    return { code: thrown?.["code"] };
  },
  closedByOtherThenForgotten() {
    const copy = openRaw(mine, "r"); // closedByOtherThenForgotten: created
    closeRaw(copy.raw);
  },
  closedByOtherThenReleased() {
    const copy = openRaw(mine, "r"); // closedByOtherThenReleased: created
    closeRaw(copy.raw);
    copy.release(); // closedByOtherThenReleased: now
  },
  closedByOtherOfMany() {
    const copies = duplicateMany([1, 1, 1]); // closedByOtherOfMany: created
    closeRaw(copies[1]!.raw);
    const thrown = thrownBy(() => {
      closeMany(copies); // closedByOtherOfMany: now
    });
    return { code: thrown?.["code"] };
  },
  ownedTwice() {
    const first = openRaw(mine, "r"); // ownedTwice: created
    const second = OwnedHandle.fromRaw(first.raw); // ownedTwice: now
    second.release();
    first.close();
  },
  ownedTwiceAndClosed() {
    const raw = openRaw(mine, "r").release();
    const first = OwnedHandle.fromRaw(raw);
    const second = OwnedHandle.fromRaw(raw); // ownedTwiceAndClosed: created
    first.close(); // ownedTwiceAndClosed: closed
    const thrown = thrownBy(() => {
      second.close(); // ownedTwiceAndClosed: now
    });
    return { code: thrown?.["code"] };
  },
  recycledAndClosed() {
    const copy = openRaw(mine, "r"); // recycledAndClosed: created
    const other = takePlace(copy.raw);
    const thrown = thrownBy(() => {
      copy.close(); // recycledAndClosed: now
    });
    return { code: thrown?.["code"], others: leave(other) };
  },
  recycledAndUsed() {
    const copy = openRaw(mine, "r"); // recycledAndUsed: created
    const other = takePlace(copy.raw);
    const thrown = thrownBy(() => {
      copy.duplicate(); // recycledAndUsed: now
    });
    return { code: thrown?.["code"], others: leave(other) };
  },
  recycledAndReleased() {
    const copy = openRaw(mine, "r"); // recycledAndReleased: created
    const other = takePlace(copy.raw);
    const thrown = thrownBy(() => {
      copy.release(); // recycledAndReleased: now
    });
    return { code: thrown?.["code"], others: leave(other) };
  },
  recycledAndClosedOfMany() {
    const copies = duplicateMany([1, 1, 1]); // recycledAndClosedOfMany: created
    const other = takePlace(copies[1]!.raw);
    closeMany(copies); // recycledAndClosedOfMany: now
    return { others: leave(other) };
  },
  recycledAndLent() {
    const copy = openRaw(mine, "r"); // recycledAndLent: created
    const other = takePlace(copy.raw);
    const thrown = thrownBy(() => {
      copy.borrow(); // recycledAndLent: now
    });
    return { code: thrown?.["code"], others: leave(other) };
  },
  recycledAndForgotten() {
    const copy = openRaw(mine, "r"); // recycledAndForgotten: created
    return { others: leave(takePlace(copy.raw), () => copy.closed) };
  },
  recycledBySameFile() {
    using source = openRaw(mine, "r");
    const copy = source.duplicate(); // recycledBySameFile: created
    const { raw } = copy;
    closeRaw(raw);
    const made: OwnedHandle[] = [];
    do {
      made.push(source.duplicate()); // recycledBySameFile: now
    } while (made.at(-1)?.raw !== raw);
    const thrown = thrownBy(() => copy.close());
    const open = readRaw(raw, 4);
    closeMany(made);
    return { code: thrown?.["code"], others: open };
  },
  recycledByMany() {
    using source = openRaw(mine, "r");
    const lower = duplicateMany([source, source]); // where a batch has the sockets that it goes through
    const copy = source.duplicate(); // recycledByMany: created
    const { raw } = copy;
    closeRaw(raw);
    closeMany(lower);
    const made: OwnedHandle[] = [];
    do {
      made.push(...duplicateMany(Array<OwnedHandle>(200).fill(source))); // recycledByMany: now
    } while (!made.some((each) => each.raw === raw));
    const thrown = thrownBy(() => copy.close());
    const open = readRaw(raw, 4);
    closeMany(made);
    return { code: thrown?.["code"], others: open };
  },
  recycledByProcess() {
    const parent = openProcess(process.ppid); // recycledByProcess: created
    const { raw } = parent;
    closeRaw(raw);
    const made: OwnedHandle[] = [];
    do {
      made.push(openProcess(process.ppid)); // recycledByProcess: now
    } while (made.at(-1)?.raw !== raw);
    const thrown = thrownBy(() => parent.close());
    for (const each of made) each.close();
    return { code: thrown?.["code"] };
  },
  recycledByOwner() {
    const copy = openRaw(mine, "r"); // recycledByOwner: created
    const other = takePlace(copy.raw);
    using owner = OwnedHandle.fromRaw(other); // recycledByOwner: now
    const thrown = thrownBy(() => copy.close());
    return { code: thrown?.["code"], others: readRaw(owner.raw, 6) };
  },
  usedAfterClose() {
    const copy = duplicate(1); // usedAfterClose: created
    copy.close(); // usedAfterClose: closed
    thrownBy(() => {
      copy.inheritable = true; // usedAfterClose: now
    });
  },
  usedAfterRelease() {
    const copy = duplicate(1); // usedAfterRelease: created
    closeRaw(copy.release()); // usedAfterRelease: closed
    thrownBy(() => {
      copy.duplicate(); // usedAfterRelease: now
    });
  },
  releasedTwice() {
    const copy = duplicate(1); // releasedTwice: created
    closeRaw(copy.release()); // releasedTwice: closed
    thrownBy(() => {
      copy.release(); // releasedTwice: now
    });
  },
  borrowedTooLong() {
    const copy = duplicate(1); // borrowedTooLong: created
    const borrowed = copy.borrow();
    copy.close(); // borrowedTooLong: closed
    thrownBy(() => {
      duplicate(borrowed); // borrowedTooLong: now
    });
  },
  usedAfterMany() {
    const copies = duplicateMany([1, 1]); // usedAfterMany: created
    closeMany(copies); // usedAfterMany: closed
    thrownBy(() => {
      copies[1]!.borrow(); // usedAfterMany: now
    });
  },
  async sentAfterClose() {
    await using ends = await connected();
    const copy = duplicate(1); // sentAfterClose: created
    copy.close(); // sentAfterClose: closed
    const sent = ends.near.send("a handle", [copy]); // sentAfterClose: now
    await sent.catch(() => {});
  },
};

/** Descriptors are the runtime's own there, so that the runtime can close ours, and dup3 replaces. */
const onPosix: Record<string, () => Told> = {
  ownedByRuntime() {
    const fd = fs.openSync(mine, "r");
    const copy = OwnedHandle.fromRaw(fd); // ownedByRuntime: created
    fs.closeSync(fd);
    const thrown = thrownBy(() => {
      copy.close(); // ownedByRuntime: now
    });
    return { code: thrown?.["code"] };
  },
  replaced() {
    const copy = openRaw(mine, "r"); // replaced: created
    using other = openRaw(others, "r");
    const { raw } = copy;
    posix.dup3(other.raw, raw, posix.O_CLOEXEC);
    const thrown = thrownBy(() => {
      copy.close(); // replaced: now
    });
    return { code: thrown?.["code"], others: leave(raw) };
  },
  usedAfterToFd() {
    const copy = openRaw(mine, "r"); // usedAfterToFd: created
    fs.closeSync(copy.toFd()); // usedAfterToFd: closed
    thrownBy(() => {
      copy.duplicate(); // usedAfterToFd: now
    });
  },
};

/** Closes a handle behind its owner's back, and lets somebody else's file have the number. */
function takePlace(raw: number): number {
  closeRaw(raw);
  const opened: number[] = [];
  do opened.push(openUnseen()); while (opened.at(-1) !== raw && opened.length < 1000);
  for (const each of opened) if (each !== raw) closeRaw(each);
  return raw;
}

function openUnseen(): number {
  if (!isWindows) return posix.open(others, posix.O_RDONLY | posix.O_CLOEXEC);
  const { GENERIC_READ, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL } = win32;
  return win32.CreateFileW(others, GENERIC_READ, 7, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0);
}

/** What somebody else's file can still be read to be; then it is closed. */
function leave(raw: number, before: () => unknown = () => {}): string {
  before();
  const text = readRaw(raw, 6);
  closeRaw(raw);
  return text;
}

const results: Record<string, { told: Told; reports: readonly HandleReport[] }> = {};
for (const [name, make] of Object.entries({ ...mistakes, ...(isWindows ? {} : onPosix) })) {
  const tracker = trackHandles({ stackDepth: 40 });
  const told = await make();
  tracker.stop();
  const { reports } = tracker;
  for (const { problem, raw } of reports) if (problem === "leak") closeRaw(raw);
  results[name] = { told, reports };
}
report(results);
