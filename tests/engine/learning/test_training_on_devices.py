"""Training on several devices, in pieces, and compiled: the same steps as on one."""

from datetime import timedelta

import numpy as np
import pytest
import torch
from learning_episodes import random_episodes

from engine.learning.config import LearningConfig
from engine.learning.replay import ReplayWindow
from engine.learning.replicas import Replicas, ReplicasError
from engine.learning.store import EpisodeStore
from engine.learning.trainer import Trainer
from engine.networks.config import NetworkConfig

# Without batch norm, whose statistics are of the rows that each copy or piece sees.
PLAIN = NetworkConfig(kind="perceptron", hidden=(32,))
CONFIG = LearningConfig(batch_rows=64, bfloat16=False, warmup_steps=2, ema_rows=640)


@pytest.fixture(scope="module")
def window(connect_four, tmp_path_factory):
    folder = tmp_path_factory.mktemp("episodes")
    EpisodeStore(folder, connect_four).append(random_episodes(connect_four, 60, seed=1))
    return ReplayWindow(folder, connect_four, config=CONFIG)


def a_trainer(game, *, network=PLAIN, config=CONFIG, **options):
    return Trainer(game, network_config=network, config=config, seed=4, **options)


def assert_close(ours, theirs, *, atol=1e-5):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], atol=atol, err_msg=name)


def test_two_processes_that_share_the_rows_train_as_one(connect_four, window):
    alone, shared = a_trainer(connect_four), a_trainer(connect_four)
    for _ in range(2):  # the copies then start from a state that is not fresh
        for each in (alone, shared):
            each.train_step(window.sample(64, each.rng), progress=0.1)
    replicas = Replicas(shared, ["cpu", "cpu"])
    processes = list(replicas._processes)
    patience = replicas._talk._get_backend(torch.device("cpu")).options._timeout
    assert patience > timedelta(days=1)  # self-play may take long over the rows of the next step
    for _ in range(4):
        batch = window.sample(64, alone.rng)
        alone.train_step(batch, progress=0.2)
        mine = replicas.share(batch, progress=0.2)
        np.testing.assert_array_equal(mine.planes, batch.planes[:32])
        shared.train_step(mine, progress=0.2, rows=64)
    replicas.stop()
    assert [process.returncode for process in processes] == [0]
    assert (shared.steps, shared.rows_trained) == (6, 6 * 64)
    assert shared.state().facts == alone.state().facts
    assert_close(shared.state().arrays, alone.state().arrays)
    half = a_trainer(connect_four)
    half.load_state(a_trainer(connect_four).state())
    half.train_step(window.sample(64, half.rng), progress=0.1)
    assert np.abs(half.state().arrays["weights/body.1.weight"]
                  - alone.state().arrays["weights/body.1.weight"]).max() > 1e-4  # fmt: skip


def test_a_copy_that_cannot_start_is_noticed_when_it_has_ended(connect_four):
    with pytest.raises(ReplicasError, match="copy 1 of the learner ended with code 1"):
        Replicas(a_trainer(connect_four), ["cpu", "cuda:77"])


def test_a_made_up_gpu_trains_as_the_processor_does(connect_four, window, request):
    network = NetworkConfig(blocks=2, channels=8)

    def trained(device):
        trainer = a_trainer(connect_four, network=network, device=device)
        said = [trainer.train_step(window.sample(64, trainer.rng), progress=0.1) for _ in range(3)]
        again = a_trainer(connect_four, network=network, device=device)
        again.load_state(trainer.state())
        said.append(again.train_step(window.sample(64, again.rng), progress=0.2))
        return said, again.averaged_weights(window), again.state().arrays

    expected = trained("cpu")
    cuda = request.getfixturevalue("cuda")
    found = trained("cuda:0")
    assert cuda.operations > 1000
    for ours, theirs in zip(found[0], expected[0], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for ours, theirs in zip(found[1:], expected[1:], strict=True):
        assert_close(ours, theirs, atol=1e-6)


def test_rows_that_cannot_be_shared_are_refused(connect_four):
    with pytest.raises(ReplicasError, match="batch_rows=64 cannot be shared by 3 learners; 63 can"):
        Replicas(a_trainer(connect_four), ["cpu"] * 3)


def test_two_copies_on_one_gpu_are_refused_as_nccl_would(connect_four):
    with pytest.raises(
        ReplicasError, match=r"gpu.learners=4 needs as many GPUs; there are 2 \(cud"
    ):
        Replicas(a_trainer(connect_four), ["cuda:0", "cuda:1"] * 2)


def test_out_of_memory_computes_the_rows_in_pieces_and_says_so(connect_four, window):
    said = []
    whole, pieces = a_trainer(connect_four), a_trainer(connect_four, report=said.append)
    judge = pieces._losses

    def small(batch):
        if len(batch.planes) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return judge(batch)

    pieces._losses = small
    for _ in range(3):
        batch = window.sample(64, whole.rng)
        ours = pieces.train_step(batch, progress=0.3)
        theirs = whole.train_step(batch, progress=0.3)
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    assert_close(pieces.state().arrays, whole.state().arrays)
    assert said == [
        f"cpu was out of memory: the 64 rows of a step are computed in {n} pieces" for n in (2, 4)
    ]
    pieces._losses = lambda batch: small(window.sample(64, whole.rng))
    with pytest.raises(torch.OutOfMemoryError):
        pieces.train_step(batch, progress=0.3)


@pytest.mark.slow
def test_compiled_training_takes_the_same_steps(connect_four, window):
    network = NetworkConfig(blocks=1, channels=8)
    compiled = LearningConfig(batch_rows=64, bfloat16=False, compile=True)
    plain = LearningConfig(batch_rows=64, bfloat16=False)
    ours = a_trainer(connect_four, network=network, config=compiled)
    theirs = a_trainer(connect_four, network=network, config=plain)
    batch = window.sample(64, ours.rng)
    said = [each.train_step(batch, progress=0.5) for each in (ours, theirs)]
    assert said[0] == pytest.approx(said[1], rel=1e-3)
    assert ours.state().arrays.keys() == theirs.state().arrays.keys()
