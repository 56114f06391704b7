/**
 * Does pieces of work with the permissions that it was given: `permitted.mjs places name …`. Prints what
 * became of each: "done", or the error. visited.mjs starts it.
 */
import * as duphandle from "duphandle";
import * as posix from "duphandle/posix";
const { closeSync } = process.getBuiltinModule("node:fs");
const { once } = process.getBuiltinModule("node:events");

const places = JSON.parse(process.argv[2]);
const { HandleChannel } = duphandle;

/** By the names that README.md has for them; the last few stand for what it does not name. */
const works = {
  duplicate: () => duphandle.duplicate(1).close(),
  redirect: () => duphandle.redirect(1, 2).restore(),
  take() {
    const process = duphandle.currentProcess();
    process.take(1).close();
    process.close();
  },
  async "HandleChannel.connect"() {
    const channel = await HandleChannel.connect(places.visited);
    await channel.send("hello", [1]);
    (await channel.receive()).handles[0].close();
    await channel.close();
  },
  copyFileHandleSync: () => closeSync(duphandle.copyFileHandleSync(1)),
  copyFileHandle: async () => (await duphandle.copyFileHandle(1)).close(),
  toFd: () => closeSync(duphandle.duplicate(1).toFd({ mayBlock: true })),
  async toFileHandle() {
    await (await duphandle.duplicate(1).toFileHandle({ mayBlock: true })).close();
  },
  async DescriptorPool() {
    const pool = new duphandle.DescriptorPool({ limit: 1 });
    pool.add(duphandle.duplicate(1)).use(() => {});
    await pool.close();
  },
  async register() {
    await import("duphandle/register");
    const file = await duphandle.copyFileHandle(1);
    await (await file.duplicate()).close();
    await file.close();
  },
  async spawn() {
    const child = duphandle.spawn(places.program, ["--version"], {
      stdio: "ignore",
      handles: { text: 1 },
    });
    await once(child, "exit");
  },
  inherited: () => duphandle.inherited("text").close(),
  inheritedNames() {
    const names = duphandle.inheritedNames();
    if (!names.includes("text")) throw new Error(`it has ${names}`);
  },
  async parentChannel() {
    const channel = duphandle.parentChannel();
    await channel.send("hello");
    await channel.close();
  },
  async "HandleChannel.listen"() {
    let accept;
    const accepted = new Promise((resolve) => accept = resolve);
    const server = await HandleChannel.listen(places.path, accept);
    const near = await HandleChannel.connect(places.path);
    await near.send("hello", [1]);
    const far = await accepted;
    (await far.receive()).handles[0].close();
    await near.close();
    await far.close();
    await server.close();
  },
  access() {
    const both = posix.open("/dev/zero", posix.O_RDWR);
    duphandle.duplicate(both, { access: "read" }).close();
    posix.close(both);
  },
  duplicateMany: () => duphandle.closeMany(duphandle.duplicateMany([0, 1, 2])),
  openProcess: () => duphandle.openProcess(process.pid).close(),
  allowTake: () => duphandle.allowTake("any"),
  inspectHandle: () => duphandle.inspectHandle(1),
  listHandles: () => duphandle.listHandles(),
  isSameObject: () => duphandle.isSameObject(1, 1),
  trackHandles: () => duphandle.trackHandles().stop(),
};

const outcomes = {};
for (const name of process.argv.slice(3)) {
  try {
    await works[name]();
    outcomes[name] = "done";
  } catch (error) {
    outcomes[name] = `${error.code} ${error.permission} ${error.message}`;
  }
}
console.log(JSON.stringify(outcomes));
