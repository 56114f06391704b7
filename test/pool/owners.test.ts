import * as fs from "node:fs";
import { DescriptorPool, duplicate, OwnedHandle, PooledDescriptor } from "duphandle";
import { describe, expect, test } from "vitest";
import { badKinds, badNumbers } from "../support/bad_values.ts";
import { expectedProblems } from "../support/expected_problems.ts";
import { filled, givesFds, isAlone, next, readFd, writeFd } from "../support/pool_files.ts";
import {
  closeRaw,
  openApart,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

describe("add()", () => {
  test("consumes the handle", () => {
    using file = temporaryFile("abc");
    using pool = new DescriptorPool({ limit: 1 });
    const handle = openRaw(file.path, "r");
    const added = pool.add(handle);
    expect(added).toBeInstanceOf(PooledDescriptor);
    expect([handle.closed, added.closed]).toEqual([true, false]);
    expectedProblems("use-after-close");
    expect(thrownBy(() => pool.add(handle)).code).toBe("EBADF");
    expect(added.use((fd) => readFd(fd, 3))).toBe("abc");
  });

  test("leaves the handle when it throws", () => {
    using file = temporaryFile("abc");
    using filling = filled(2, 3);
    using dead = openApart(file.path, "r");
    expectedProblems("foreign-close");
    closeRaw(dead.raw);
    expect(thrownBy(() => filling.pool.add(dead)).code).toBe("EBADF");
    expect(dead.closed).toBe(false);
    expect(thrownBy(() => dead.close()).code).toBe("EBADF");
    expect(filling.files.map(next)).toEqual(["a0", "b0", "c0"]);
    using owned = openRaw(file.path, "r");
    filling.pool.close();
    expect(thrownBy(() => filling.pool.add(owned)).code).toBe("EBADF");
    expect(readRaw(owned.raw, 3)).toBe("abc");
  });

  test("shares the object with its duplicates", () => {
    using file = temporaryFile("abcdef");
    using filling = filled(1, 3);
    using mine = openRaw(file.path, "r");
    const added = filling.pool.add(mine.duplicate());
    expect(readRaw(mine.raw, 2)).toBe("ab");
    filling.files.forEach(next);
    expect(added.use((fd) => readFd(fd, 2))).toBe("cd");
    filling.files.forEach(next);
    expect(positionOf(mine.raw)).toBe(4);
    if (givesFds) added.use((fd) => duplicate(fd).close());
  });

  test("refuses what is no owner", () => {
    using pool = new DescriptorPool({ limit: 1 });
    using mine = duplicate(1);
    const imitation = Object.create(OwnedHandle.prototype) as OwnedHandle;
    for (const bad of [...badKinds.map(([, value]) => value), mine.borrow(), mine.raw, imitation]) {
      expect(() => pool.add(bad as never)).toThrow(TypeError);
    }
    expect(mine.closed).toBe(false);
  });
});

test("a pool wants a limit from 1", () => {
  const limits = [...badNumbers, ...badKinds, ["0", 0] as const, ["-1", -1] as const];
  for (const [name, limit] of limits) {
    expect(() => new DescriptorPool({ limit } as never), name).toThrow(TypeError);
  }
  for (const options of [undefined, null, 3, "3", {}, { limit: 1, limits: 2 }]) {
    expect(() => new DescriptorPool(options as never)).toThrow(TypeError);
  }
});

describe("close()", () => {
  test("of a file ends it, at once and once", () => {
    using filling = filled(1, 2);
    const [a, b] = filling.files as [PooledDescriptor, PooledDescriptor];
    for (const file of [a, b]) {
      file.close();
      file.close();
      expect(file.closed).toBe(true);
      expect(thrownBy(() => next(file)).code).toBe("EBADF");
      expect(thrownBy(() => file.pin()).code).toBe("EBADF");
    }
    expect(filling.pool.stats).toMatchObject({ resident: 0, parked: 0 });
  });

  test("of a file does not wait: EBUSY while it is pinned", () => {
    using filling = filled(1, 1);
    const [file] = filling.files as [PooledDescriptor];
    const pin = file.pin();
    expect(thrownBy(() => file.close())).toMatchObject({ code: "EBUSY", status: "ERROR_BUSY" });
    expect(readFd(pin.fd, 2)).toBe("a0");
    pin[Symbol.dispose]();
    file[Symbol.dispose]();
    expect(file.closed).toBe(true);
  });

  test("of the writing end of a pipe is seen at the other end at once, wherever it was", () => {
    using filling = filled(2, 60);
    for (const isParked of [true, false]) {
      const { reader, writer } = pipeRaw();
      const pooled = filling.pool.add(writer);
      pooled.use((fd) => writeFd(fd, "x"));
      if (isParked) filling.files.forEach(next);
      expect(readRaw(reader.raw, 1)).toBe("x");
      pooled.close();
      expect(isAlone(reader)).toBe(true);
      reader.close();
    }
  });

  test.runIf(givesFds)(
    "throws EBADF when other code has closed its descriptor (Deno on Windows has handles instead)",
    () => {
      using filling = filled(2, 3);
      const [, file, last] = filling.files as [unknown, PooledDescriptor, PooledDescriptor];
      for (const [each, end] of [[file, file], [last, filling.pool]] as const) {
        const fd = each.use((number) => {
          fs.closeSync(number);
          return number;
        });
        const error = thrownBy(() => end.close());
        expect(error).toMatchObject({ code: "EBADF", syscall: "close", handle: fd });
        expect(error.cause).toBeInstanceOf(Error);
        expect(each.closed).toBe(true);
      }
    },
  );

  test("of the pool releases everything, also what is pinned, and is needed once", async () => {
    const filling = filled(3, 50);
    const pipes = Array.from({ length: 20 }, pipeRaw);
    const pooled = pipes.map(({ writer }) => filling.pool.add(writer));
    const pin = pooled[19]!.pin();
    await filling.pool[Symbol.asyncDispose]();
    filling.pool.close();
    expect(filling.pool.stats).toMatchObject({ resident: 0, parked: 0 });
    for (const { reader } of pipes) {
      expect(isAlone(reader)).toBe(true);
      reader.close();
    }
    pin[Symbol.dispose]();
    expect(pooled.every(({ closed }) => closed)).toBe(true);
    pooled[0]!.close();
    expect(thrownBy(() => next(filling.files[0]!)).code).toBe("EBADF");
    filling[Symbol.dispose]();
  });
});

describe("at the end of its block", () => {
  test("a pool declared with using closes all its files, with a descriptor, parked or pinned", () => {
    const pipes = Array.from({ length: 5 }, pipeRaw);
    const files: PooledDescriptor[] = [];
    let pool: DescriptorPool;
    {
      using inner = new DescriptorPool({ limit: 2 });
      pool = inner;
      files.push(...pipes.map(({ writer }) => inner.add(writer)));
      files[0]!.pin();
      expect(inner.stats).toMatchObject({ resident: 2, parked: 3 });
      expect(files.some(({ closed }) => closed)).toBe(false);
    }
    expect(files.every(({ closed }) => closed)).toBe(true);
    expect(pool.stats).toMatchObject({ resident: 0, parked: 0 });
    for (const { reader } of pipes) {
      expect(isAlone(reader)).toBe(true);
      reader.close();
    }
  });

  test("a pool declared with await using closes all its files", async () => {
    const { reader, writer } = pipeRaw();
    {
      await using pool = new DescriptorPool({ limit: 1 });
      pool.add(writer);
    }
    expect(isAlone(reader)).toBe(true);
    reader.close();
  });

  test("a file declared with using is closed, and its pool stays open", () => {
    using pool = new DescriptorPool({ limit: 1 });
    const { reader, writer } = pipeRaw();
    {
      using file = pool.add(writer);
      expect(file.closed).toBe(false);
    }
    expect(isAlone(reader)).toBe(true);
    expect(pool.stats).toMatchObject({ resident: 0, parked: 0 });
    reader.close();
  });
});
