"""Where workers sit on a cluster, and what they ask Ray for."""

import pytest

from engine.config import build_config
from engine.orchestration.ray_nodes import Nodes, Request
from engine.orchestration.run_directory import RunError


def listed(**nodes):
    """What Ray says about nodes, given as name=(cores, GPUs)."""
    return [
        {
            "NodeID": name,
            "NodeManagerHostname": name,
            "Alive": True,
            "Resources": {"CPU": float(cores)} | ({"GPU": float(gpus)} if gpus else {}),
        }
        for name, (cores, gpus) in nodes.items()
    ]


def nodes_of(here="a", settings=None, **nodes):
    config = build_config({"game": "tic_tac_toe", "seed": 1, **(settings or {})}, source="test")
    made = Nodes(config, here=here)
    made.look(listed(**nodes))
    return made


def test_without_gpus_there_is_a_worker_for_each_core():
    nodes = nodes_of(a=(2, 0), b=(1, 0))
    nodes.check()
    assert nodes.places() == ["a", "a", "b"]
    assert nodes.for_worker("a") == Request(num_cpus=1, num_gpus=0)
    assert nodes.for_learner() == Request(num_cpus=0, num_gpus=0)
    assert nodes.surplus == "" and "of 2 nodes: Ray knows of no GPU" in nodes.summary
    assert "of 1 node: " in nodes_of(a=(2, 0)).summary


def test_more_workers_than_cores_take_turns_and_it_is_said():
    nodes = nodes_of(settings={"workers": 5}, a=(2, 0), b=(1, 0))
    assert sorted(nodes.places()) == ["a", "a", "a", "a", "b"]
    assert nodes.for_worker("a").num_cpus == 0 and nodes.for_worker("b").num_cpus == 1
    assert "5 workers are more than the 3 cores" in nodes.surplus


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_each_gpu_has_a_worker_and_one_is_shared_with_the_learner(device):
    nodes = nodes_of(settings={"device": device}, a=(8, 2), b=(4, 1))
    nodes.check()
    assert nodes.places() == ["a", "a", "b"]
    assert nodes.for_worker("a") == Request(num_cpus=4, num_gpus=0.75)
    assert nodes.for_worker("b") == Request(num_cpus=4, num_gpus=1)
    assert nodes.for_learner() == Request(num_cpus=0, num_gpus=0.25)


def test_several_learners_have_gpus_of_their_own():
    nodes = nodes_of(settings={"gpu": {"learners": 2}}, a=(8, 3), b=(4, 1))
    nodes.check()
    assert nodes.places() == ["a", "b"]
    assert nodes.for_worker("a").num_gpus == 1
    assert nodes.for_learner().num_gpus == 2


def test_a_node_without_a_gpu_plays_on_its_cores_unless_gpus_were_asked_for():
    shape = {"a": (2, 1), "b": (2, 0)}
    assert nodes_of(settings={"device": "auto"}, **shape).places() == ["a", "b", "b"]
    assert nodes_of(settings={"device": "cuda"}, **shape).places() == ["a"]
    assert nodes_of(settings={"device": "cpu"}, **shape).places() == ["a", "a", "b", "b"]


def test_more_workers_than_gpus_are_not_started_and_it_is_said():
    nodes = nodes_of(settings={"device": "cuda", "workers": 3}, a=(8, 2))
    assert nodes.places() == ["a", "a"]
    assert "one for each GPU" in nodes.surplus


@pytest.mark.parametrize(
    ("settings", "shape", "words"),
    [
        ({"device": "cuda"}, {"a": (2, 0), "b": (2, 0)}, r"no node .* \(node a/a: 2 cores, 0 GPUs"),
        ({"device": "cuda"}, {"a": (2, 0), "b": (2, 1)}, "beside the run directory"),
        ({"device": "cuda:1"}, {"a": (2, 2)}, "say cuda"),
        ({"device": "mps"}, {"a": (2, 0)}, "say cuda"),
        ({"gpu": {"learners": 2}}, {"a": (2, 1)}, "gpu.learners is 2"),
    ],
)
def test_a_device_that_the_cluster_has_not_is_refused_with_what_was_seen(settings, shape, words):
    with pytest.raises(RunError, match=words):
        nodes_of(settings=settings, **shape).check()


def test_nodes_keep_their_order_and_names_when_others_come_and_go():
    nodes = nodes_of(b=(1, 0), a=(1, 0))
    nodes.look(listed(c=(1, 0), a=(1, 0)))
    assert nodes.places() == ["a", "c"]
    assert nodes.describe("b") == "node b/b"
    assert nodes.set_aside("a") and nodes.places() == ["c"]
    assert not nodes.set_aside("c")
