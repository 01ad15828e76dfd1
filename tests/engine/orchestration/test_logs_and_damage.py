"""What parts print and how they end reaches files and the user; a damaged store is gone on with."""

import os
import re
import signal

import psutil
from ray_runs import start, stop, verified, wait_for_shards, wait_until

from engine.config import build_config
from engine.orchestration.local import LocalPart
from engine.orchestration.run_directory import RunDirectory
from engine.orchestration.worker import worker_main


def talk_and_end(link, how):
    print("a line of its own", flush=True)
    if isinstance(how, int):
        os.kill(os.getpid(), how)
    raise how


def ended(part):
    assert part.join(300)
    return part.ending()


def test_what_a_process_prints_and_how_it_ended_can_be_read(tmp_path):
    log = tmp_path / "part.log"
    killed = ended(LocalPart("w0.1.1", talk_and_end, int(signal.SIGKILL), log=log))
    assert killed.outside and killed.text == f"w0.1.1 was ended by SIGKILL; see {log}"
    crashed = ended(LocalPart("w0.1.2", talk_and_end, int(signal.SIGSEGV), log=log))
    assert not crashed.outside and "SIGSEGV" in crashed.text
    failed = ended(LocalPart("w0.1.3", talk_and_end, ValueError("a reason"), log=log))
    assert failed.text.startswith("w0.1.3 ended with code 1")
    text = log.read_text()
    assert text.count("a line of its own") == 3
    assert "Fatal Python error: Segmentation fault" in text and "ValueError: a reason" in text


class BrokenLink:
    """A driver that is there for the last words only."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)

    def receive(self, *, wait=0.0):
        raise OSError("the network is odd")


def test_a_worker_that_fails_sends_one_line_and_the_traceback_for_its_log(tmp_path):
    link = BrokenLink()
    config = build_config({"game": "tic_tac_toe", "seed": 1}, source="test")
    try:
        worker_main(link, config, "w3.1.7")
    except SystemExit as error:
        assert error.code == 1
    (failed,) = link.sent
    assert failed.text.startswith("worker w3.1.7: OSError: the network is odd")
    assert "Traceback" in failed.details and "Traceback" not in failed.text
    run = RunDirectory(tmp_path)
    run.append_log("w3.1.7", failed.details)
    assert "the network is odd" in (tmp_path / "logs" / "worker_3.log").read_text()


def test_logs_are_bounded(tmp_path):
    run = RunDirectory(tmp_path)
    log = run.log_file("learner")
    with log.open("ab") as writer:  # goes on writing to the same file
        writer.write(b"old line\n" * 300_000)
        writer.flush()
        run.trim_logs()
        writer.write(b"new line\n")
    assert log.stat().st_size < 2**19
    assert log.read_bytes().endswith(b"old line\nnew line\n")


def test_a_crash_is_told_with_its_log_and_a_shard_cut_short_with_what_is_lost(tmp_path):
    run, log = tmp_path / "run", tmp_path / "log"
    driver = start(run, "--workers", "1", log=log)
    wait_for_shards(run, 1)
    children = psutil.Process(driver.pid).children(recursive=True)
    (worker,) = [
        child
        for child in children
        if os.path.exists(f"/proc/{child.pid}/fd/1")
        and os.readlink(f"/proc/{child.pid}/fd/1").endswith("worker_0.log")
    ]
    worker.send_signal(signal.SIGSEGV)
    wait_for_shards(run, 2)
    stop(driver)
    text = log.read_text()
    assert re.search(r"w0\.1\.1 was ended by SIGSEGV; see \S+worker_0\.log; starting it", text)
    assert "Fatal Python error" in (run / "logs" / "worker_0.log").read_text()
    before, _ = verified(run)

    newest = max((run / "episodes").glob("episodes-*.safetensors"))
    os.truncate(newest, newest.stat().st_size // 2)
    driver = start(run, "--workers", "1", log=log)
    wait_until(lambda: "are lost" in log.read_text(), seconds=240, what="the sentence")
    wait_for_shards(run, 2)
    stop(driver)
    text = log.read_text()
    assert driver.returncode == 0 and "Traceback" not in text, text
    assert newest.name in text
    after, store = verified(run)
    kept = {e.id for e in before} & {e.id for e in after}
    lost = len(before) - len(kept)
    assert f"{lost} of the {len(before)} games that this run had stored are lost" in text
    assert 0 < lost < len(before) < len(after) + lost
    assert RunDirectory(run).read_metrics()[-1]["episodes"] == store.counters.episodes
