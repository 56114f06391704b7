import type { PooledDescriptor } from "duphandle";
import { describe, expect, test } from "vitest";
import { filled, next, readFd } from "../support/pool_files.ts";
import { openRaw, readRaw, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

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

  test("of every file makes the next EMFILE, and nothing is lost", () => {
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
