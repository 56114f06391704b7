/** Servers that end without losing a request, beside the one that goes on with their socket. */
import * as fs from "node:fs";
import { drain, type ListeningServer, stopAccepting } from "duphandle";
import { afterEach, describe, expect, test } from "vitest";
import {
  canHave,
  echoServers,
  type RunningServer,
  webServers,
} from "../support/drained_servers.ts";
import { type ListenerKind, makeListener } from "../support/listeners.ts";
import { runProgram } from "../support/program.ts";
import { request, WebConnection } from "../support/web_connection.ts";

const isLinux = process.platform === "linux";
const kinds: readonly ListenerKind[] = ["TCP4", "TCP6", "Unix"];

/** What ends with the test, whatever its outcome. */
const ends: (() => Promise<void>)[] = [];
const running = (made: RunningServer): ListeningServer => {
  ends.push(made.stop);
  return made.server;
};
const client = (address: ConstructorParameters<typeof WebConnection>[0]): WebConnection => {
  const made = new WebConnection(address);
  ends.push(() => made.close());
  return made;
};

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Ends the clients, and leaves the servers. */
async function leave(clients: readonly WebConnection[]): Promise<void> {
  for (const each of clients) await each.close();
}

/** The text of an answer that comes after the test. */
function tooLate(): Promise<string> {
  return new Promise((resolve) => ends.unshift(() => Promise.resolve(resolve("too late"))));
}

describe.runIf(isLinux).each(webServers)("drain of $name", ({ name, serve }) => {
  describe.each(kinds.filter((kind) => canHave(name, kind)))("on a %s socket", (kind) => {
    test("serves what it has, and another server on the socket all else", async () => {
      using listener = makeListener(kind);
      const first = running(await serve(listener.handle, (body) => `first ${body}`));
      const clients = await Promise.all(
        Array.from({ length: 5 }, () => client(listener.address).connected()),
      );
      const [idle, silent, halfHead, halfBody, other] = clients;
      expect(await idle!.ask()).toEqual({ body: "first ", closes: false });
      const [head, body] = [request(), request("a slow body")];
      halfHead!.send(head.slice(0, 10));
      halfBody!.send(body.slice(0, -5));
      // The answer to a later request comes later: the server has read the halves.
      expect(await other!.ask("one")).toEqual({ body: "first one", closes: false });

      const second = running(await serve(stopAccepting(first), (body) => `second ${body}`));
      const result = drain(first);
      halfHead!.send(head.slice(10));
      halfBody!.send(body.slice(-5));
      const own = { body: "first ", closes: true };
      expect(await halfHead!.answer()).toEqual(own);
      expect(await idle!.ask()).toEqual(own);
      expect((await halfBody!.answer()).body).toBe("first a slow body");
      expect(await silent!.ask()).toEqual(own);
      expect((await client(listener.address).ask()).body).toBe("second ");
      await leave(clients);
      expect(await result).toBe(0);

      const last = client(listener.address);
      expect(await last.ask("later")).toEqual({ body: "second later", closes: false });
      // Deno.serve does not tell that they are idle.
      expect(await drain(second, { timeout: 0 })).toBe(name === "Deno.serve" ? 2 : 0);
      await last.closed;
      if (kind === "Unix") {
        expect(fs.existsSync((listener.address as { path: string }).path)).toBe(true);
      }
    });
  });

  test("a request that is being served is answered, however long it takes", async () => {
    using listener = makeListener("TCP4");
    let answer = (_: string) => {};
    const body = new Promise<string>((resolve) => answer = resolve);
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => asked = resolve);
    const server = running(await serve(listener.handle, () => (asked(), body)));
    const one = client(listener.address);
    const answered = one.ask();
    await isAsked;
    const result = drain(server);
    setTimeout(() => answer("at last"), 200);
    expect((await answered).body).toBe("at last");
    await one.close();
    expect(await result).toBe(0);
  });

  // Other servers do not tell of the second request while they answer the first.
  test.runIf(name === "node:http")(
    "requests sent at once are answered, and the last closes",
    async () => {
      using listener = makeListener("TCP4");
      let count = 0;
      const later = (text: string) =>
        new Promise<string>((resolve) => setTimeout(() => resolve(text), 100));
      const server = running(await serve(listener.handle, () => later(`${count++}`)));
      const one = client(listener.address);
      expect(await one.ask()).toEqual({ body: "0", closes: false });
      const result = drain(server);
      one.send(request() + request() + request());
      expect(await one.answer()).toEqual({ body: "1", closes: false });
      expect(await one.answer()).toEqual({ body: "2", closes: false });
      expect(await one.answer()).toEqual({ body: "3", closes: true });
      await one.closed;
      expect(await result).toBe(0);
    },
  );

  test("what is left when the time is over is cut off and counted", async () => {
    using listener = makeListener("TCP4");
    const answer = (body: string) => body === "" ? tooLate() : body;
    const server = running(await serve(listener.handle, answer));
    const [lost, late] = [client(listener.address), client(listener.address)];
    const answers = [lost.ask(), late.ask()].map((each) => each.catch(() => "lost"));
    expect((await client(listener.address).ask("one")).body).toBe("one");
    await ends.pop()!();
    const result = drain(server, { timeout: 100 });
    expect(await Promise.all(answers)).toEqual(["lost", "lost"]);
    expect(await result).toBe(2);
    await expect(client(listener.address).connected().then((it) => it.ask())).rejects.toThrow();
  });

  test("a signal ends it at once, and a second call has the same result", async () => {
    using listener = makeListener("TCP4");
    const server = running(await serve(listener.handle, (body) => body === "" ? tooLate() : body));
    const answer = client(listener.address).ask().catch(() => "lost");
    expect((await client(listener.address).ask("one")).body).toBe("one");
    await ends.pop()!();
    const now = new AbortController();
    const results = [
      drain(server, { timeout: Infinity }),
      drain(server, { timeout: Infinity, signal: now.signal }),
    ];
    now.abort();
    expect(await Promise.all(results)).toEqual([1, 1]);
    expect(await answer).toBe("lost");
  });
});

test.runIf(isLinux)(
  "without a free descriptor drain waits for one, and answers close meanwhile",
  () => {
    const outcome = [
      "EMFILE",
      { body: "between", closes: false },
      { body: "last", closes: true },
      0,
    ];
    expect(runProgram("socket/drain_full.ts").result).toEqual(webServers.map(() => outcome));
  },
);

describe.runIf(isLinux).each(echoServers)("drain of $name", ({ name, serve }) => {
  describe.each(kinds.filter((kind) => canHave(name, kind)))("on a %s socket", (kind) => {
    test("waits until the connections have ended", async () => {
      using listener = makeListener(kind);
      const server = running(await serve(listener.handle));
      const [one, other] = [client(listener.address), client(listener.address)];
      const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
      for (const each of [one, other]) {
        each.send(text);
        expect((await each.answer()).body).toBe("hello");
      }
      let isOver = false;
      const result = drain(server).finally(() => isOver = true);
      await one.close();
      other.send(text);
      expect((await other.answer()).body).toBe("hello");
      expect(isOver).toBe(false);
      await other.close();
      expect(await result).toBe(0);
    });

    test("cuts off what is left", async () => {
      using listener = makeListener(kind);
      const server = running(await serve(listener.handle));
      const one = client(listener.address);
      one.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
      expect((await one.answer()).body).toBe("hello");
      expect(await drain(server, { timeout: 0 })).toBe(1);
      await one.closed;
    });
  });
});
