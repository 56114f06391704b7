/** Real clients of web servers: node:http, curl, raw bytes, WebSockets, openssl. */
import { execFile, spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import * as http from "node:http";
import type * as net from "node:net";
import { promisify } from "node:util";
import { expect } from "vitest";
import { ask, type Listener, talk } from "./listeners.ts";

type Address = Listener["address"];

/** Whether curl is here. CI installs it. */
export const hasCurl: boolean = spawnSync("curl", ["--version"], { stdio: "ignore" }).status === 0;

/** The requests name themselves in this header, and the servers of the tests answer with its value. */
export const ECHO = "x-echo";

/** 50 connections at once, 20 requests in one write, and curl with one connection for three requests. */
export async function expectWebServer(address: Address): Promise<void> {
  const names = Array.from({ length: 50 }, (_, at) => `connection ${at}`);
  const answers = names.map((name) => ask(address, { headers: { [ECHO]: name } }));
  expect(await Promise.all(answers)).toEqual(names);
  expect(await pipeline(address, 20)).toEqual(Array.from({ length: 20 }, (_, at) => `pipe${at};`));
  if (!hasCurl) return;
  // It keeps no connection to an abstract socket.
  const isKept = "host" in address || !address.path.startsWith("\0");
  expect(await curl(address)).toBe(`curlcurlcurl 1 ${isKept ? "0 0" : "1 1"}`);
}

/** The answers to requests that are all sent before the first answer. */
async function pipeline(address: Address, count: number): Promise<string[]> {
  const requests = Array.from({ length: count }, (_, at) => {
    const close = at === count - 1 ? "Connection: close\r\n" : "";
    return `GET / HTTP/1.1\r\nHost: localhost\r\n${ECHO}: pipe${at};\r\n${close}\r\n`;
  });
  return (await talk(address, requests.join(""))).match(/pipe\d+;/g) ?? [];
}

/** What curl gets by three requests, and how many connections it made for each. */
async function curl(address: Address): Promise<string> {
  const url = "host" in address && address.host.includes(":")
    ? `http://[${address.host}]:${address.port}/`
    : "host" in address
    ? `http://${address.host}:${address.port}/`
    : "http://localhost/";
  const options = "host" in address
    ? []
    : address.path.startsWith("\0")
    ? ["--abstract-unix-socket", address.path.slice(1)]
    : ["--unix-socket", address.path];
  const { stdout, stderr } = await promisify(execFile)("curl", [
    ...["--silent", "--show-error", "--max-time", "60", "--noproxy", "*", ...options],
    ...["--header", `${ECHO}: curl`, "--write-out", "%{stderr} %{num_connects}", url, url, url],
  ]);
  return stdout + stderr;
}

/** Sends a text over a WebSocket, and returns the text that comes back. */
export function webSocketEcho(address: Address, text: string): Promise<string> {
  if (!("host" in address) || typeof WebSocket === "undefined") return upgradedEcho(address, text);
  return new Promise((resolve, reject) => {
    const host = address.host.includes(":") ? `[${address.host}]` : address.host;
    const socket = new WebSocket(`ws://${host}:${address.port}/`);
    let received: string;
    socket.onopen = () => socket.send(text);
    socket.onmessage = ({ data }) => {
      received = String(data);
      socket.close();
    };
    socket.onerror = () => reject(new Error("the WebSocket failed"));
    socket.onclose = () => resolve(received);
  });
}

/** Makes a server of node:http accept WebSockets, and send back the first frame of each. */
export function echoWebSockets(server: http.Server): http.Server {
  return server.on("upgrade", (request: http.IncomingMessage, socket: net.Socket) => {
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptKey(request.headers["sec-websocket-key"]!)}\r\n\r\n`,
    );
    socket.once("data", (frame: Buffer) => {
      const length = frame[1]! & 0x7f;
      const mask = frame.subarray(2, 6);
      const payload = frame.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]!);
      socket.write(Buffer.concat([Buffer.from([0x81, length]), payload]));
      // The next frame is the client's close.
      socket.once("data", () => socket.end(Buffer.from([0x88, 0])));
    }).on("end", () => socket.end()).on("error", () => {});
  });
}

function acceptKey(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** The same by an upgrade of node:http and one frame each way, for texts below 126 bytes. */
function upgradedEcho(address: Address, text: string): Promise<string> {
  const key = Buffer.from(randomUUID().slice(0, 16)).toString("base64");
  const expected = acceptKey(key);
  const where = "path" in address ? { socketPath: address.path } : address;
  return new Promise((resolve, reject) => {
    const request = http.request({
      ...where,
      path: "/",
      agent: false,
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
      },
    });
    request.on("response", ({ statusCode }) => reject(new Error(`status ${statusCode}`)));
    request.on("error", reject).on("upgrade", (response, socket, head) => {
      if (response.headers["sec-websocket-accept"] !== expected) reject(new Error("no WebSocket"));
      let received = head;
      socket.on("data", (bytes: Buffer) => {
        received = Buffer.concat([received, bytes]);
        const length = (received[1] ?? 0) & 0x7f;
        if (received.length < 2 + length) return;
        resolve(received.subarray(2, 2 + length).toString());
        socket.destroy();
      });
      const payload = Buffer.from(text);
      // A client masks its frames; by zeros the text stays as it is.
      socket.write(
        Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]),
      );
    });
    request.end();
  });
}

/** What comes back over TLS by `openssl s_client`, which sends a request. */
export function opensslAsk(address: Address, name: string): Promise<string> {
  const target = "host" in address
    ? [
      address.host.includes(":")
        ? `[${address.host}]:${address.port}`
        : `${address.host}:${address.port}`,
    ]
    : [address.path];
  const where = "host" in address ? ["-connect", ...target] : ["-unix", ...target];
  return new Promise((resolve, reject) => {
    const args = [
      "s_client",
      "-quiet",
      "-no_ign_eof",
      "-ign_eof",
      ...where,
      "-servername",
      "localhost",
    ];
    const child = execFile("openssl", args, { timeout: 60_000 }, (error, stdout, stderr) => {
      if (stdout === "" && error !== null) reject(new Error(stderr, { cause: error }));
      else resolve(stdout);
    });
    child.stdin!.write(
      `GET / HTTP/1.1\r\nHost: localhost\r\n${ECHO}: ${name}\r\nConnection: close\r\n\r\n`,
    );
  });
}
