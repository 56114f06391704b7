/** `duphandle/posix` with arguments that lie, grow and call the library while they are used. */
import * as fs from "node:fs";
import { isSameObject } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { scratch } from "../../ffi/backend/scratch.ts";
import { Intruder, lyingBuffers } from "../support/hostile_values.ts";
import { isWindows, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const { O_CLOEXEC, O_RDONLY, POLLIN, POLLOUT } = posix;
const content = new TextEncoder().encode("what it has");
const secret = "what another call has left";

/** Leaves text in the memory that all calls share. */
function disturb(): void {
  expect(() => posix.open(`/${secret.repeat(100)}`, O_RDONLY)).toThrow("ENAMETOOLONG");
  const [one, other] = posix.pipe2(O_CLOEXEC);
  posix.write(other, new TextEncoder().encode(secret));
  posix.read(one, new Uint8Array(80));
  posix.poll([{ fd: one, events: POLLIN }, { fd: other, events: POLLOUT }], 0);
  isSameObject(one, other);
  for (const fd of [one, other]) posix.close(fd);
}

/** A pipe that is closed when the test ends. */
function pipe() {
  const [reader, writer] = posix.pipe2(O_CLOEXEC | posix.O_NONBLOCK);
  return {
    reader,
    writer,
    /** All that is in the pipe. */
    received(): Uint8Array {
      const buffer = new Uint8Array(65_536);
      return buffer.slice(0, posix.read(reader, buffer));
    },
    [Symbol.dispose]() {
      for (const fd of [reader, writer]) posix.close(fd);
    },
  };
}

describe.skipIf(isWindows)("duphandle/posix (Windows has other calls)", () => {
  const names = lyingBuffers(content, new Intruder()).map(({ name }) => name);

  test.each(names)("write() writes the bytes of %s", (name) => {
    using between = pipe();
    const intruder = new Intruder(disturb);
    const { view } = lyingBuffers(content, intruder).find((lie) => lie.name === name)!;
    expect(posix.write(between.writer, view)).toBe(content.length);
    expect(between.received()).toEqual(content);
    expect(posix.write(between.writer, view, 3)).toBe(3);
    expect(between.received()).toEqual(content.slice(0, 3));
    expect(() => posix.write(between.writer, view, content.length + 1)).toThrow(TypeError);
    expect(intruder.runs).toBe(0);
  });

  test.each(names)("read() reads into the memory of %s", (name) => {
    using between = pipe();
    const intruder = new Intruder(disturb);
    const { view, memory } = lyingBuffers(new Uint8Array(content.length), intruder)
      .find((lie) => lie.name === name)!;
    posix.write(between.writer, content);
    expect(posix.read(between.reader, view, 4)).toBe(4);
    expect([...memory.subarray(0, 5)]).toEqual([...content.subarray(0, 4), 0]);
    expect(posix.read(between.reader, view)).toBe(content.length - 4);
    expect([...memory.subarray(0, content.length - 4)]).toEqual([...content.subarray(4)]);
    expect(() => posix.read(between.reader, view, content.length + 1)).toThrow(TypeError);
    expect(intruder.runs).toBe(0);
  });

  test("a part of a large buffer is what is written, and no call passes on more than it has", () => {
    using between = pipe();
    const large = Uint8Array.from({ length: 3000 }, (_, at) => at);
    for (const count of [0, 1, 127, 128, 129, 2999, 3000]) {
      expect(posix.write(between.writer, large.subarray(0, 3000), count)).toBe(count);
      if (count > 0) expect(between.received()).toEqual(large.slice(0, count));
    }
    for (const count of [3001, 65_537, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      expect(() => posix.write(between.writer, large, count)).toThrow(TypeError);
      expect(() => posix.read(between.reader, large, count)).toThrow(TypeError);
    }
  });

  describe("poll()", () => {
    test("waits for the entries that the array has, whatever their getters add to it", () => {
      using between = pipe();
      const fds: posix.PollFd[] = [{
        events: POLLOUT,
        get fd() {
          if (fds.length < 100) {
            for (let more = 0; more < 19_000; more++) {
              fds.push({ fd: 0x4141_4141, events: 0x4141 });
            }
          }
          return between.writer;
        },
      }];
      expect(posix.poll(fds, 0)).toBe(1);
      expect(fds[0]!.revents).toBe(POLLOUT);
      expect(fds[1]!.revents).toBeUndefined();
    });

    test("reads each getter once, and its result is right when they call the library", () => {
      using between = pipe();
      const intruder = new Intruder(disturb);
      const results: number[] = [];
      const entry = (fd: number, events: number): posix.PollFd => ({
        get fd() {
          intruder.run();
          return fd;
        },
        get events() {
          intruder.run();
          return events;
        },
        set revents(value: number) {
          intruder.run();
          results.push(value);
        },
      });
      const fds = [entry(between.writer, POLLOUT), entry(between.reader, POLLIN), entry(4000, 0)];
      expect(posix.poll(fds, 0)).toBe(2);
      expect(results).toEqual([POLLOUT, 0, posix.POLLNVAL]);
      expect(intruder.runs).toBe(9);
    });

    test("refuses what is no entry, and arrays that lose entries, have holes or lie of their length", () => {
      using between = pipe();
      const good = { fd: between.writer, events: POLLOUT };
      const shrinking: unknown[] = [{
        events: 1,
        get fd() {
          shrinking.length = 1;
          return between.writer;
        },
      }, good];
      // deno-lint-ignore no-sparse-arrays -- the hole is the case
      const arrays: unknown[] = [
        [null],
        [4],
        [, good],
        [good, undefined],
        shrinking,
        Array(8193).fill(good),
      ];
      for (const length of [2, NaN, 8193, 2 ** 31, 2 ** 53 - 1, "1", { valueOf: () => 1 }]) {
        const get = (array: object, name: string) =>
          name === "length" ? length : Reflect.get(array, name);
        arrays.push(new Proxy([good], { get: get as never }));
      }
      for (const fds of arrays) expect(() => posix.poll(fds as never, 0)).toThrow(TypeError);
      expect(posix.poll(Array(1000).fill(good), 0)).toBe(1000);
    });
  });

  test("no address is passed on: prctl() and kcmp() refuse what would use one, by its name", () => {
    const { address, bytes } = scratch();
    bytes.fill(0x41, 0, 64);
    const takesAddress: Readonly<Record<number, string>> = {
      2: "PR_GET_PDEATHSIG",
      15: "PR_SET_NAME",
      16: "PR_GET_NAME",
      22: "PR_SET_SECCOMP",
      25: "PR_GET_TSC",
      35: "PR_SET_MM",
      37: "PR_GET_CHILD_SUBREAPER",
      40: "PR_GET_TID_ADDRESS",
      0x5356_4d41: "PR_SET_VMA",
    };
    const name = fs.readFileSync("/proc/thread-self/comm", "utf8");
    for (const [option, named] of Object.entries(takesAddress)) {
      const error = thrownBy(() => posix.prctl(Number(option), address, address, address, address));
      expect(error).toMatchObject({ code: "ENOTSUP", syscall: "prctl" });
      expect(error.message).toContain(`option ${option} (${named}): it takes an address`);
    }
    for (const option of [0, 6, 12, 26, 50, 54, 99, 4096, 0x7fff_ffff, -1, -0x8000_0000]) {
      expect(thrownBy(() => posix.prctl(option, address)).code).toBe("ENOTSUP");
    }
    const KCMP_EPOLL_TFD = 7;
    for (const type of [KCMP_EPOLL_TFD, 8, 0x7fff_ffff]) {
      expect(thrownBy(() => posix.kcmp(process.pid, process.pid, type, 1, 1)).code).toBe("ENOTSUP");
    }
    expect([...bytes.subarray(0, 64)]).toEqual(Array(64).fill(0x41));
    expect(fs.readFileSync("/proc/thread-self/comm", "utf8")).toBe(name);
  });

  test("prctl() passes on the options whose arguments are numbers", () => {
    const [PR_GET_KEEPCAPS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK] = [7, 29, 30];
    expect(posix.prctl(PR_GET_KEEPCAPS)).toBe(0);
    const before = posix.prctl(PR_GET_TIMERSLACK);
    posix.prctl(PR_SET_TIMERSLACK, 60_000);
    expect(posix.prctl(PR_GET_TIMERSLACK)).toBe(60_000);
    posix.prctl(PR_SET_TIMERSLACK, before);
    let code: unknown;
    try {
      code = posix.prctl(posix.PR_SET_PTRACER, 0);
    } catch (error) {
      code = (error as posix.HandleError).code;
    }
    expect([0, "EINVAL"]).toContain(code); // EINVAL without Yama
  });

  test("open() takes a name as it is: what has no UTF-8 is refused, what is too long is the kernel's error", () => {
    using file = temporaryFile("");
    const folder = file.path.slice(0, file.path.lastIndexOf("/"));
    fs.writeFileSync(`${folder}/\ufffd`, "");
    fs.writeFileSync(`${folder}/😀é`, "");
    for (const half of ["\ud83d", "\ude00", "\ude00\ud83d", "é\ud83d"]) {
      expect(() => posix.open(`${folder}/${half}`, O_RDONLY)).toThrow(
        /^Cannot use path: .* half of a/,
      );
    }
    for (const whole of ["\ufffd", "😀é"]) {
      posix.close(posix.open(`${folder}/${whole}`, O_RDONLY | O_CLOEXEC));
    }
    for (const length of [5000, 65_000]) {
      expect(thrownBy(() => posix.open("x".repeat(length), O_RDONLY)).code).toBe("ENAMETOOLONG");
    }
    expect(() => posix.open("x".repeat(65_600), O_RDONLY)).toThrow(TypeError);
  });
});
