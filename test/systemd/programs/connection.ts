/** Answers on the one connection that a service manager or inetd has passed: `connection.ts inetd`, or without. */
import { inetdSocket, listenFds } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

const isInetd = process.argv.includes("inetd");
const [{ name, handle } = { name: "none", handle: inetdSocket() }] = isInetd ? [] : listenFds();
report({ name, again: isInetd ? thrownBy(() => inetdSocket().close()) : undefined });
const socket = handle.toSocket();
socket.setEncoding("utf8").once("data", (text) => socket.end(`${name}: ${text}`));
