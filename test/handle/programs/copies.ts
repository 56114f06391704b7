/**
 * Two copies of the library in one process: the arguments are a case, the two modules, a file, and
 * test/support/worker.mjs. It runs in a folder of its own, so it imports nothing from beside it.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread, parentPort, workerData } from "node:worker_threads";

type Library = typeof import("duphandle");

type Start = typeof import("../../support/worker.mjs").startWorker;

const given = isMainThread ? process.argv.slice(2) : (workerData as { data: string[] }).data;
const [name, first, second, file, workers] = given as [string, string, string, string, string];
const one = await import(pathToFileURL(first).href) as Library;
const two = await import(pathToFileURL(second).href) as Library;

/** The name or the code of what a call throws. */
function codeOf(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return code ?? name;
  }
}

/** How many handles this process has open. */
const count = (): number => one.listHandles().length;

/** Redirects a descriptor by both, and restores in an order; what was printed goes to three files. */
function redirectBoth(fd: number, restored: string): Record<string, string> {
  const names = ["one", "two"].map((each) => `${file}.${restored}.${each}`);
  const [to, other] = names.map((path) => fs.openSync(path, "w")) as [number, number];
  const redirections: Record<string, { restore(): void }> = {
    one: one.redirect(fd, to),
    two: two.redirect(fd, other),
  };
  const print = (text: string) => {
    if (fd === 1) {
      console.log(text);
      spawnSync("sh", ["-c", `echo child ${text}`], { stdio: ["ignore", "inherit", "inherit"] });
    } else fs.writeSync(fd, `${text}\n`);
  };
  print("both");
  for (const [at, each] of restored.split("-").entries()) {
    redirections[each]!.restore();
    print(at === 0 ? "between" : "after");
  }
  fs.closeSync(to);
  fs.closeSync(other);
  return Object.fromEntries(
    names.map((path, at) => [["one", "two"][at], fs.readFileSync(path, "utf8")]),
  );
}

/** An object that says that it is a handle of another copy. */
const imitation = (raw: unknown): never =>
  ({
    [Symbol.for("duphandle.handle")]: "owned",
    raw,
    closed: false,
    release: () => raw,
    close() {},
  }) as never;

const cases: Record<string, () => unknown> = {
  redirect() {
    const results = [redirectBoth(1, "one-two"), redirectBoth(1, "two-one")];
    console.log("end");
    return results;
  },

  async worker() {
    const { startWorker } = await import(pathToFileURL(workers).href) as { startWorker: Start };
    const worker = startWorker(new URL(import.meta.url), [
      "inWorker",
      first,
      second,
      file,
      workers,
    ]);
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  },

  inWorker() {
    const fd = fs.openSync(`${file}.worker`, "w+");
    const results = [redirectBoth(fd, "one-two"), redirectBoth(fd, "two-one")];
    const original = fs.readFileSync(`${file}.worker`, "utf8");
    fs.closeSync(fd);
    return {
      results,
      original,
      refused: [one, two].map((each) => codeOf(() => each.redirect(1, 2))),
    };
  },

  /** Every function that takes a handle takes one of the other copy. */
  async handles() {
    const source = one.duplicate(fs.openSync(file, "r+"));
    // Deno opens a pair of sockets half a second after its start; a listener makes it do so at once.
    if (process.platform !== "win32") {
      const listener = () => {};
      process.on("SIGUSR2", listener);
      process.off("SIGUSR2", listener);
    }
    // The runtime opens handles of its own for the first child and channel.
    const early = one.spawn(process.execPath, ["--version"], { stdio: "ignore", channel: true });
    await new Promise((resolve) => early.once("exit", resolve));
    await early.channel.close();
    const before = count();
    const done: Record<string, unknown> = {};
    {
      using copy = two.duplicate(source);
      done["duplicate"] = [copy instanceof two.OwnedHandle, two.isSameObject(copy, source)];
      using borrowed = two.duplicate(source.borrow());
      done["borrowed"] = two.isSameObject(borrowed, copy);
      done["options"] = two.duplicate(source, { inheritable: true, closeSource: false }).close();
      const consumed = one.duplicate(source);
      two.duplicate(consumed, { closeSource: true }).close();
      done["closeSource"] = consumed.closed;
      done["borrowedCloseSource"] = codeOf(() =>
        two.duplicate(source.borrow(), { closeSource: true })
      );
      done["inspect"] = two.inspectHandle(source).kind;
    }
    const many = two.duplicateMany([source, source.borrow()]);
    const others = [one.duplicate(source), one.duplicate(source)];
    two.closeMany([...many, ...others]);
    done["closeMany"] = others.map(({ closed }) => closed);
    {
      using pool = new two.DescriptorPool({ limit: 1 });
      const added = one.duplicate(source);
      const pooled = pool.add(added);
      pool.add(one.duplicate(source));
      done["pool"] = [added.closed, pooled.use((fd) => typeof fd)];
    }
    const closed = one.duplicate(source);
    closed.close();
    done["closed"] = codeOf(() => two.duplicate(closed));
    {
      using process = one.openProcess(globalThis.process.pid);
      using other = two.openProcess(globalThis.process.pid);
      const foreign = new one.ForeignHandle(process, source.raw);
      using taken = other.take(foreign);
      done["take"] = two.isSameObject(taken, source);
      done["process"] = new two.ForeignHandle(process, source.raw).pid === other.pid;
      const raw = two.duplicateHandle({
        sourceProcess: process,
        sourceHandle: foreign,
        targetProcess: process,
      });
      two.OwnedHandle.fromRaw(raw).close();
      done["takeHandle"] = codeOf(() => other.take(source as never));
    }
    const child = two.spawn(process.execPath, ["--version"], {
      stdio: "ignore",
      handles: { source },
      channel: true,
    });
    await new Promise((resolve) => child.once("exit", resolve));
    done["send"] = await child.channel.send("late", [source]).catch(({ code }) => code as unknown);
    await child.channel.close();
    done["imitations"] = [NaN, "1", -1, 1.5, {}, undefined].map((raw) => [
      codeOf(() => two.duplicate(imitation(raw))),
      codeOf(() => new two.DescriptorPool({ limit: 1 }).add(imitation(raw))),
    ]);
    return { done, grown: count() - before };
  },

  /** A child of `spawn` asks both. */
  async inherited() {
    const args = [...process.execArgv, ...startArguments(), "child", first, second, file, workers];
    const child = one.spawn(process.execPath, args, {
      stdio: "inherit",
      channel: true,
      handles: { log: 1, other: 1 },
    });
    const received = await child.channel.receive();
    await child.channel.close();
    return received?.message;
  },

  async child() {
    const channel = two.parentChannel()!;
    const names = [one, two].map((each) => each.inheritedNames());
    one.inherited("log").close();
    two.inherited("other").close();
    await channel.send({
      names,
      same: one.parentChannel() === channel,
      taken: codeOf(() => two.inherited("log")) as string,
      takenToo: codeOf(() => one.inherited("other")) as string,
    });
    await channel.close();
    return undefined;
  },

  /** What another version keeps in another way is refused before anything is done. */
  otherLayout() {
    const shared = new Map([["redirections", { layout: 999, value: undefined }]]);
    Object.defineProperty(globalThis, Symbol.for("duphandle"), { value: shared });
    const before = count();
    return { code: codeOf(() => one.redirect(1, 2)), grown: count() - before };
  },
};

/** What starts this program again. */
function startArguments(): string[] {
  return "Deno" in globalThis
    ? ["run", "-A", "--quiet", "--no-check", fileURLToPath(import.meta.url)]
    : [fileURLToPath(import.meta.url)];
}

const result = await cases[name]?.();
if (!isMainThread) parentPort!.postMessage(result);
else if (name !== "child") {
  fs.writeFileSync(process.env["DUPHANDLE_RESULT"]!, JSON.stringify(result));
}
