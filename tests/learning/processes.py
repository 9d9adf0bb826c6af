"""
Processes for the tests that need several: run as a program, it forks them before any thread or engine exists.

`kill DATABASE ROUNDS SEED` writes searches and events and learns inline, in child after child, each of which is killed
at a random moment; prints, as JSON, which steps were acknowledged. `rivals DATABASE` lets two processes learn at once;
prints how often one of them learned while the other did.
"""

import json
import math
import os
import random
import select
import signal
import sys
import threading
import time
import traceback
from itertools import islice
from pathlib import Path

from haystack.utils import Secret

from factories import decision, drawn, page, understood, unite
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.learning import Learner, active_policy
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import ActionSet, Arm, Features

WRITERS = 2
REWARD_WAIT = 0.005
REWARDS = {"click": 1.0, "view": 0.3, "purchase": 3.0, "dislike": -0.7}
ACTIONS = ActionSet(
    arms=(Arm("bm25", "lexical", (3, 6)), Arm("dense", "dense", (0, 3, 6)), Arm("memory", "memory", (0, 3))),
    budget=12,
    baseline={"bm25": 6, "dense": 6, "memory": 0},
)


def open_store(database):
    return LTRRStore(Secret.from_token(f"sqlite:///{database}"))


def steps(writer):
    """The work of one writer, the same in every process: searches, their clicks, and clicks on much older searches."""
    for number in range(writer, 1_000_000, WRITERS):
        yield f"search {number}"
        yield f"event {number} 0"
        if number % 3 == 0:
            yield f"event {number} 1"
        if number >= 40 and number % 5 < WRITERS:
            yield f"event {number - 40} 2"


def ranking(number, active):
    rng = random.Random(number)
    query = f"query {number % 11}"
    policy, version = active.current()
    features = Features(query={"type": "topical", "length": float(number % 4)}, time={"weekday": "1"})
    distribution = policy.distribution(ACTIONS, features)
    allocation = distribution.sample(rng)
    made = decision(
        f"q{number}",
        understanding=understood(query, {"title": query}, {"genre": "query"}),
        actions=ACTIONS,
        user_id=f"person-{number}",
        decided_at=time.time(),
        policy=policy.name,
        policy_version=version,
        features=features,
        **drawn(distribution, allocation),
    )
    union = unite(made, {arm: [f"d{rng.randrange(20)}" for _ in range(depth)] for arm, depth in allocation.items()})
    features = [{"reading.1": rng.random(), "reading.2": float(rng.random() < 0.5)} for _ in union.candidates]
    return page(union, features=features)


def event(number, nth, store):
    rng = random.Random(f"{number} {nth}")
    shown = store.searches([f"q{number}"])[f"q{number}"].ordinals
    return {
        "event_id": f"e{number}-{nth}",
        "query_id": f"q{number}",
        "action_name": rng.choice(sorted(REWARDS)),
        "event_attributes": {"object": {"object_id": rng.choice(sorted(shown))}},
    }


def take_step(step, store, active, feedback):
    kind, number, *nth = step.split()
    if kind == "event":
        answer = feedback.run([event(int(number), int(nth[0]), store)])
        if answer["rejected"]:
            raise ValueError(answer)
    elif not store.searches([f"q{number}"]):
        store.record_search(ranking(int(number), active))


def write_and_learn(database, done, acknowledge, most):
    """Go on with the plan from where each writer was, for ever or for so many steps a writer."""
    store = open_store(database)
    active = active_policy(store, VWPolicy(), poll_interval=0.0)
    learner = Learner(store, VWPolicy(), reward_wait=REWARD_WAIT, batch=16, lease_seconds=0.02)
    feedback = FeedbackWriter(store, rewards=REWARDS, learn="inline", learner=learner)

    def write(writer):
        for number, step in enumerate(steps(writer)):
            if number >= done[writer] + most:
                break
            if number >= done[writer]:
                take_step(step, store, active, feedback)
                os.write(acknowledge, f"{writer}\n".encode())

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def fork(target, *arguments):
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        target(*arguments)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


def lines_of(pipe, seconds, enough=math.inf):
    """Read lines from a pipe until it is closed, so many have come or the time is over."""
    until = time.monotonic() + seconds
    text = b""
    while text.count(b"\n") < enough and (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            chunk = os.read(pipe, 65536)
            if not chunk:
                break
            text += chunk
    return text.decode().split()


def wait_for_a_bad_moment(acknowledgements, rng):
    """Let the child do some of its work, then a little more; every fifth is met while it starts."""
    if rng.random() < 0.2:
        return lines_of(acknowledgements, rng.uniform(0.0, 0.15))
    written = lines_of(acknowledgements, 60.0, enough=rng.randint(1, 60))
    time.sleep(rng.uniform(0.0, 0.02))
    return written


def kill(database, rounds, seed):
    rng = random.Random(seed)
    done = [0] * WRITERS
    rounds_with_work = 0
    for number in range(rounds + 1):
        last = number == rounds
        reading, writing = os.pipe()
        pid = fork(write_and_learn, database, done, writing, 3 if last else 1_000_000)
        os.close(writing)
        acknowledged = [] if last else wait_for_a_bad_moment(reading, rng)
        if not last:
            os.kill(pid, signal.SIGKILL)
        acknowledged += lines_of(reading, 60.0)
        os.close(reading)
        _, status = os.waitpid(pid, 0)
        expected = 0 if last else signal.SIGKILL
        if status != expected:
            raise SystemExit(f"child {number} ended with status {status} instead of {expected}")
        rounds_with_work += bool(acknowledged)
        for writer in acknowledged:
            done[int(writer)] += 1
    taken = [step.split() for writer, count in enumerate(done) for step in islice(steps(writer), count)]
    report = {
        "rounds_with_work": rounds_with_work,
        "searches": [f"q{step[1]}" for step in taken if step[0] == "search"],
        "events": ["e" + "-".join(step[1:]) for step in taken if step[0] == "event"],
    }
    sys.stdout.write(json.dumps(report))


def learn_beside_a_rival(database, mark, writer, reports):
    class Watched(UniformPolicy):
        def learn(self, settled, curve=None):
            try:
                mark.touch(exist_ok=False)
            except FileExistsError:
                os.write(reports, b"both\n")
                return super().learn(settled, curve)
            earned = super().learn(settled, curve)
            mark.unlink()
            os.write(reports, f"{settled.decision.query_id}\n".encode())
            return earned

    store = open_store(database)
    learner = Learner(store, Watched(), reward_wait=0.0, batch=2)
    active = active_policy(store, UniformPolicy(), poll_interval=0.0)
    for number in range(writer, 80, 2):
        store.record_search(ranking(number, active))
        while learner.run_once().busy:
            pass
    store.close()


def rivals(database):
    mark = Path(database).with_suffix(".mark")
    reading, writing = os.pipe()
    children = [fork(learn_beside_a_rival, database, mark, writer, writing) for writer in range(2)]
    os.close(writing)
    lines = lines_of(reading, 60.0)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise SystemExit("a learner failed")
    report = {"both": lines.count("both"), "learned": [line for line in lines if line != "both"]}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    command, database, *arguments = sys.argv[1:]
    if threading.active_count() != 1:
        raise SystemExit(f"threads are running before the fork: {threading.enumerate()}")
    {"kill": kill, "rivals": rivals}[command](database, *map(int, arguments))
