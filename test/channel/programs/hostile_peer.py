"""A peer that breaks the protocol of channels in every way that its scenarios know.

`python3 hostile_peer.py list` prints the scenarios. Without an argument it reads commands, one line of JSON each:
`{"run": [ROLE, NAME], "path": PATH, "seed": N}` plays one, `{"crowd": [NAME, …], "path": PATH, "count": N, "parallel": N,
"seed": N}` many. Each is played by a process of its own, and each command is answered by a line of JSON.
"""

import json
import os
import random
import select
import signal
import sys
import time

sys.dont_write_bytecode = True

from hostile_clients import CLIENTS
from hostile_listeners import LISTENERS
from hostile_wire import is_gone

SCENARIOS = {"client": CLIENTS, "listener": LISTENERS}
# A scenario that takes longer is killed: what it blocked goes on then, and the test says which it was.
LIMIT = 60


def play(role, name, path, seed, out):
    """Runs in a process of its own."""
    play_it = SCENARIOS[role][name].play
    say = lambda value: os.write(out, (json.dumps(value) + "\n").encode())
    result = {"pid": os.getpid()}
    try:
        extra = [lambda: say({"listening": True})] if role == "listener" else []
        result["end"] = play_it(path, random.Random(seed), *extra)
    except Exception as error:
        result["end"] = "hung up" if is_gone(error) else f"{type(error).__name__}: {error}"
    say(result)


def start(role, name, path, seed):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            play(role, name, path, seed, writer)
        finally:
            os._exit(0)
    os.close(writer)
    return {"pid": pid, "reader": reader, "name": name, "text": b"", "end": time.monotonic() + LIMIT}


def collect(playing, tell):
    """Waits for some of those that play; gives those that have ended with what became of them."""
    ready, _, _ = select.select([each["reader"] for each in playing], [], [], 1)
    over = []
    for each in playing:
        if each["reader"] in ready:
            chunk = os.read(each["reader"], 65536)
            each["text"] += chunk
            while b"\n" in each["text"]:
                line, each["text"] = each["text"].split(b"\n", 1)
                value = json.loads(line)
                if "end" in value:
                    each["result"] = value
                else:
                    tell(value)
            if chunk != b"":
                continue
            os.close(each["reader"])
            _, status = os.waitpid(each["pid"], 0)
            killed = {"pid": each["pid"], "end": "killed" if os.WIFSIGNALED(status) else "died"}
            over.append((each, each.get("result", killed)))
        elif time.monotonic() > each["end"]:
            each["end"] += LIMIT
            each["result"] = {"pid": each["pid"], "end": "took too long"}
            os.kill(each["pid"], signal.SIGKILL)
    return over


def run(role, name, path, seed):
    playing = [start(role, name, path, seed)]
    while True:
        for _, result in collect(playing, tell):
            return result


def crowd(names, path, count, parallel, seed):
    generator = random.Random(seed)
    playing, started, tally = [], 0, {}
    while started < count or playing:
        while started < count and len(playing) < parallel:
            playing.append(start("client", generator.choice(names), path, generator.random()))
            started += 1
        for each, result in collect(playing, lambda _: None):
            playing.remove(each)
            tally[result["end"]] = tally.get(result["end"], 0) + 1
    return {"tally": tally}


def tell(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        tell([
            {"name": name, "role": role, "expect": each.expect, "app": each.app, "options": each.options}
            for role, table in SCENARIOS.items()
            for name, each in table.items()
        ])
    else:
        for line in sys.stdin:
            command = json.loads(line)
            if "run" in command:
                tell(run(*command["run"], command["path"], command["seed"]))
            else:
                names = command.pop("crowd")
                tell(crowd(names, **command))
