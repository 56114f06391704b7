/**
 * Inspects sockets of this process and of a child of it where netlink is forbidden, as in many containers.
 * Prints the results as a line of JSON.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { inspectHandle, listHandles } from "duphandle";
import { openDescriptors } from "../../../ffi/posix/identity.ts";
import { refuseNetlink } from "../../support/seccomp.ts";
import { socketPair } from "../../support/sockets.ts";
import { temporaryFolder } from "../../support/system.ts";

using folder = temporaryFolder();
const path = `${folder.path}/s`;
const script =
  "import socket as s, sys; a = s.socket(s.AF_UNIX); a.bind(sys.argv[1]); a.listen(); " +
  "print(a.fileno(), flush=True); sys.stdin.read()";
const child = spawn("python3", ["-c", script, path], { stdio: ["pipe", "pipe", "inherit"] });
const [line] = await once(child.stdout!, "data") as [Buffer];
const [near, far] = socketPair();
refuseNetlink();
const before = openDescriptors();
const pair = inspectHandle(near).socket;
const listed = listHandles().find(({ raw }) => raw === near.raw)?.socket;
const { local, ...other } = listHandles(child.pid).find(({ raw }) => raw === Number(line))!.socket!;
const left = openDescriptors().filter((fd) => !before.includes(fd));
const result = { pair, listed, other: { ...other, path: local?.path === path }, left };
near.close();
far.close();
child.stdin!.end();
await once(child, "close");
console.log(JSON.stringify(result));
