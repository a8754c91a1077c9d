"""A harness that does what it is told to do wrong: ``python hostile.py MODE``."""

import json
import os
import signal
import subprocess
import sys
import time

HELLO = {
    "protocol": 1,
    "name": "hostile",
    "version": "1",
    "losses": ["huber_loss", "log_cosh", "hinge_loss", "squared_error"],
}


def say(message):
    print(json.dumps(message), flush=True)


def right(asked):
    if asked["loss"] not in HELLO["losses"]:
        error = {"type": "Unsupported", "message": "no such loss"}
        return {"id": asked["id"], "error": error}
    return results(asked)


def results(asked):
    count = next(iter(asked["inputs"].values()))["shape"][0]
    result = {"dtype": "float64", "shape": [count], "data": [0.25] * count}
    return {"id": asked["id"], "results": [result]}


def crash(asked):
    print("about to fall", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def crash_at_seven(asked):
    if 7.0 in asked["inputs"]["prediction"]["data"]:
        os._exit(9)
    say(right(asked))


def crash_in_batches(asked):
    if len(asked["inputs"]["prediction"]["data"]) > 1:
        os._exit(9)
    say(right(asked))


def die_mid_line(asked):
    sys.stdout.write('{"id": 1, "results": [{"dty')
    sys.stdout.flush()
    os._exit(3)


def flood_errors(asked):
    for _ in range(2000):
        sys.stderr.write("noise " * 1000 + "\n")
    say(right(asked))


def flood_errors_for_ever(asked):
    while True:
        sys.stderr.write("noise " * 1000 + "\n")


def flood_without_an_end(asked):
    while True:
        sys.stdout.write("0" * 65536)


def answer_twice(asked):
    say(right(asked))
    say(right(asked))


def never_telling(asked):
    with open(sys.argv[2], "a") as file:
        file.write(f"{os.getpid()} ")
    time.sleep(600)


def slow_at_log_cosh(asked):
    time.sleep(600 * (asked["loss"] == "log_cosh"))
    say(right(asked))


def with_a_child(asked):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    time.sleep(600)


def other_hello(asked):
    HELLO["version"] = str(time.time())
    os._exit(1)


RUNS = {
    "well": lambda asked: say(right(asked)),
    "knows-all": lambda asked: say(results(asked)),
    "crash": crash,
    "crash-at-seven": crash_at_seven,
    "crash-in-batches": crash_in_batches,
    "exit": lambda asked: sys.exit("no more"),
    "die-mid-line": die_mid_line,
    "never": lambda asked: time.sleep(600),
    "never-telling": never_telling,
    "slow-at-log-cosh": slow_at_log_cosh,
    "with-a-child": with_a_child,
    "flood-errors": flood_errors,
    "flood-errors-for-ever": flood_errors_for_ever,
    "flood": flood_without_an_end,
    "garbage": lambda asked: print("Segmentation fault", flush=True),
    "binary": lambda asked: os.write(1, b"\x00\xff\xfe\n"),
    "huge-number": lambda asked: print(
        f'{{"id": {asked["id"]}, "results": '
        '[{"dtype": "float64", "shape": [1], "data": [1e999]}]}',
        flush=True,
    ),
    "too-few": lambda asked: say({"id": asked["id"], "results": []}),
    "too-many": answer_twice,
    "wrong-id": lambda asked: say({**right(asked), "id": asked["id"] + 1}),
    "close": lambda asked: os.close(1),
    "other-hello": other_hello,
    "refuse": lambda asked: say(
        {"id": asked["id"], "error": {"type": "ValueError", "message": "no \x1b[31m\nmore"}}
    ),
    "one-for-all": lambda asked: say(
        {"id": asked["id"], "results": [{"dtype": "float64", "shape": [1], "data": [0.25]}]}
    ),
    "deaf-to-bye": lambda asked: say(right(asked)),
    "fails-at-bye": lambda asked: say(right(asked)),
    "talks-at-bye": lambda asked: say(right(asked)),
}


def main(mode):
    if mode == "exit-at-once":
        sys.exit("missing library")
    if mode == "silent":
        time.sleep(600)
    if mode == "other-hello":
        HELLO["version"] = str(time.time())
    for line in sys.stdin:
        message = json.loads(line)
        if "hello" in message:
            say({"hello": HELLO} if mode != "wrong-hello" else {"hello": {"name": "x"}})
        if "run" in message:
            RUNS[mode](message["run"])
        if mode == "fails-at-bye" and "bye" in message:
            sys.exit(4)
        if mode == "talks-at-bye" and "bye" in message:
            print("good bye")
        if "bye" in message and mode != "deaf-to-bye":
            return
    if mode == "deaf-to-bye":
        time.sleep(600)


main(sys.argv[1])
