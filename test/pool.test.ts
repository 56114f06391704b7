import * as fs from "node:fs";
import { DescriptorPool, duplicate, OwnedHandle, PooledDescriptor } from "duphandle";
import { describe, expect, test } from "vitest";
import { givesFds, isAlone, readFd, writeFd } from "./support/pool_files.ts";
import { badKinds, badNumbers } from "./support/bad_values.ts";
import {
  closeRaw,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
} from "./support/system.ts";
import { thrownBy } from "./support/thrown.ts";

/** A pool of files that hold "a0 a1 a2 …", "b0 b1 b2 …", …, and are removed in the end. */
function filled(limit: number, count: number) {
  const folder = temporaryFolder();
  const pool = new DescriptorPool({ limit });
  const files = Array.from({ length: count }, (_, at) => {
    const letter = String.fromCharCode(97 + at % 26);
    const path = `${folder.path}/${at}`;
    fs.writeFileSync(path, Array.from({ length: 10 }, (_, digit) => letter + digit).join(""));
    return pool.add(openRaw(path, "r+"));
  });
  return {
    pool,
    files,
    [Symbol.dispose]() {
      pool.close();
      folder[Symbol.dispose]();
    },
  };
}

const next = (file: PooledDescriptor) => file.use((fd) => readFd(fd, 2));

describe("use()", () => {
  test("finds every file where it was left, however often it was paged out", () => {
    using filling = filled(3, 40);
    for (let digit = 0; digit < 10; digit++) {
      const read = filling.files.map(next);
      const letters = Array.from({ length: 40 }, (_, at) => String.fromCharCode(97 + at % 26));
      expect(read).toEqual(letters.map((letter) => letter + digit));
    }
    expect(filling.pool.stats).toEqual({ resident: 3, parked: 37, hits: 0, faults: 400 });
  });

  test("pages out what was used least recently", () => {
    using filling = filled(2, 3);
    const [a, b, c] = filling.files as [PooledDescriptor, PooledDescriptor, PooledDescriptor];
    const faults = (file: PooledDescriptor) => {
      const before = filling.pool.stats;
      next(file);
      const { faults, hits } = filling.pool.stats;
      expect(faults + hits).toBe(before.faults + before.hits + 1);
      return faults > before.faults;
    };
    expect(faults(b), "was added last but one").toBe(false);
    expect(faults(c)).toBe(false);
    expect(faults(a), "c goes: no, b").toBe(true);
    expect(faults(c), "had been used after b").toBe(false);
    expect(faults(a)).toBe(false);
    expect(faults(b)).toBe(true);
    expect(faults(a), "had been used after c").toBe(false);
    expect(faults(c)).toBe(true);
    expect(filling.pool.stats).toEqual({ resident: 2, parked: 1, hits: 5, faults: 3 });
  });

  test("may be nested as deep as there are descriptors, also for one file", () => {
    using filling = filled(2, 3);
    const [a, b, c] = filling.files as [PooledDescriptor, PooledDescriptor, PooledDescriptor];
    a.use((outer) =>
      b.use((inner) => {
        expect(outer).not.toBe(inner);
        expect(a.use((again) => again)).toBe(outer);
        expect(thrownBy(() => next(c)).code).toBe("EMFILE");
        expect([readFd(outer, 2), readFd(inner, 2)]).toEqual(["a0", "b0"]);
      })
    );
    expect(next(c)).toBe("c0");
  });

  test("gives back what the function returns and throws what it throws, and then it is over", () => {
    using filling = filled(1, 2);
    const [a, b] = filling.files as [PooledDescriptor, PooledDescriptor];
    const error = new Error("mine");
    expect(() =>
      a.use(() => {
        throw error;
      })
    ).toThrow(error);
    expect(next(b)).toBe("b0");
    const hostile = {
      get then(): never {
        throw error;
      },
    };
    expect(() => a.use(() => hostile)).toThrow(error);
    expect(next(b)).toBe("b1");
    for (const value of [undefined, null, 0, "text", {}, { then: 1 }]) {
      expect(a.use(() => value)).toBe(value);
    }
    expect(next(b)).toBe("b2");
  });

  test("that is asynchronous keeps the descriptor until it is settled", async () => {
    using filling = filled(2, 3);
    const [a, b, c] = filling.files as [PooledDescriptor, PooledDescriptor, PooledDescriptor];
    let end = () => {};
    const wait = new Promise<void>((resolve) => end = resolve);
    let given = -1;
    const using = a.use(async (fd) => {
      given = fd;
      await wait;
      return readFd(fd, 2);
    });
    for (let round = 0; round < 3; round++) {
      expect([next(b), next(c)]).toEqual([`b${round}`, `c${round}`]);
      expect(a.use((fd) => fd)).toBe(given);
      expect(thrownBy(() => a.close()).code).toBe("EBUSY");
    }
    end();
    expect(await using).toBe("a0");
    const failed = b.use(() => Promise.reject(new Error("mine")));
    const thenable = c.use(() => ({ then: (done: (value: number) => void) => done(7) }));
    expect(thrownBy(() => next(a)).code).toBe("EMFILE");
    await expect(failed).rejects.toThrow("mine");
    expect(await thenable).toBe(7);
    expect(next(a)).toBe("a1");
  });

  test("of many at once does not mix them up", async () => {
    using filling = filled(8, 30);
    const later = () => new Promise((resolve) => setTimeout(resolve, 0));
    const busy = new Set<PooledDescriptor>();
    const lane = async (start: number) => {
      for (let step = 0; step < 30; step++) {
        const at = (start * 7 + step * 11) % 30;
        const file = filling.files[at]!;
        if (busy.has(file)) continue;
        busy.add(file);
        await file.use(async (fd) => {
          const before = readFd(fd, 2);
          await later();
          if (before === "") return;
          expect(before[0]).toBe(String.fromCharCode(97 + at % 26));
          if (before[1] !== "9") expect(readFd(fd, 2)).toBe(before[0]! + (Number(before[1]) + 1));
        });
        busy.delete(file);
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(lane));
    expect(filling.pool.stats.faults).toBeGreaterThan(50);
  });
});

describe("pin()", () => {
  test("keeps number and object while all others come and go", () => {
    using filling = filled(3, 20);
    const [pinned, ...others] = filling.files as [PooledDescriptor, ...PooledDescriptor[]];
    using pin = pinned.pin();
    for (let round = 0; round < 5; round++) {
      others.forEach(next);
      expect(readFd(pin.fd, 2)).toBe(`a${round}`);
      expect(pinned.use((fd) => fd)).toBe(pin.fd);
    }
  });

  test("of everything leaves no room: EMFILE, and nothing is lost", () => {
    using filling = filled(2, 4);
    const [a, b, c, d] = filling.files as [
      PooledDescriptor,
      PooledDescriptor,
      PooledDescriptor,
      PooledDescriptor,
    ];
    using file = temporaryFile("more");
    using more = openRaw(file.path, "r");
    const stats = filling.pool.stats;
    const pins = [c.pin(), d.pin()];
    const error = thrownBy(() => a.pin());
    expect([error.code, error.status]).toEqual(["EMFILE", "ERROR_TOO_MANY_OPEN_FILES"]);
    expect(error.message).toMatch(/all 2 .* pinned; end a pin/);
    expect(thrownBy(() => filling.pool.add(more)).code).toBe("EMFILE");
    expect(readRaw(more.raw, 4), "still the caller's").toBe("more");
    expect(filling.pool.stats).toEqual({ ...stats, hits: 2 });
    pins[0]![Symbol.dispose]();
    pins[0]![Symbol.dispose]();
    expect([a, b].map(next)).toEqual(["a0", "b0"]);
    expect(readFd(pins[1]!.fd, 2)).toBe("d0");
    pins[1]![Symbol.dispose]();
    expect(filling.files.map(next)).toEqual(["a1", "b1", "c0", "d1"]);
  });
});

describe("add()", () => {
  test("consumes the handle", () => {
    using file = temporaryFile("abc");
    using pool = wrapped(new DescriptorPool({ limit: 1 }));
    const handle = openRaw(file.path, "r");
    const added = pool.it.add(handle);
    expect(added).toBeInstanceOf(PooledDescriptor);
    expect([handle.closed, added.closed]).toEqual([true, false]);
    expect(thrownBy(() => pool.it.add(handle)).code).toBe("EBADF");
    expect(added.use((fd) => readFd(fd, 3))).toBe("abc");
  });

  test("leaves the handle when it throws", () => {
    using file = temporaryFile("abc");
    using filling = filled(2, 3);
    using dead = openRaw(file.path, "r");
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
    using pool = wrapped(new DescriptorPool({ limit: 1 }));
    using mine = duplicate(1);
    const imitation = Object.create(OwnedHandle.prototype) as OwnedHandle;
    for (const bad of [...badKinds.map(([, value]) => value), mine.borrow(), mine.raw, imitation]) {
      expect(() => pool.it.add(bad as never)).toThrow(TypeError);
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

  test("of a file waits for nobody: EBUSY while it is pinned", () => {
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

/** A pool with `using`: it is closed when the test ends. */
function wrapped(it: DescriptorPool): { it: DescriptorPool; [Symbol.dispose](): void } {
  return { it, [Symbol.dispose]: () => it.close() };
}
