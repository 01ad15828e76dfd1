"""Several lines of play from Deep Blue over UCI: at every depth, the better ones first."""

import re

import pytest

import games
from agents.factory import make_agent
from agents.protocols.serve_uci import Server
from agents.protocols.uci import UCI

FENS = (
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    "r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 0 1",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",
    "r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10",
    "7k/8/5K2/8/8/8/8/Q7 w - - 0 1",
)
INFO = re.compile(r"info depth (\d+) .*multipv (\d+) score (cp|mate) (-?\d+) .*pv (\S+)")


def points(kind, number):
    """A score as a number that grows with it."""
    if kind == "cp":
        return number
    return (100_000 - number) if number > 0 else (-100_000 - number)


@pytest.fixture(scope="module")
def session():
    lines = []
    agent = make_agent("deep_blue(tables=off)", game=games.make("chess"))
    server = Server(UCI, lambda: agent, lines.append)

    def ask(*commands):
        lines.clear()
        for command in commands:
            server.handle(command)
        server._thinking._thread.join()
        return list(lines)

    return ask


def test_lines_are_in_order_of_score_at_every_depth(session):
    depths = 0
    for fen in FENS:
        for nodes in (500, 3_000, 20_000):
            told = session(
                "ucinewgame",
                "setoption name MultiPV value 4",
                f"position fen {fen}",
                f"go nodes {nodes}",
            )
            infos = [match.groups() for line in told if (match := INFO.match(line))]
            blocks = []
            for depth, rank, kind, number, move in infos:
                if rank == "1":
                    blocks.append([])
                blocks[-1].append((int(depth), int(rank), points(kind, int(number)), move))
            for block in blocks:
                assert [rank for _, rank, _, _ in block] == list(range(1, len(block) + 1))
                scores = [score for _, _, score, _ in block]
                assert scores == sorted(scores, reverse=True), (fen, nodes, block)
                assert len({move for *_, move in block}) == len(block)
            assert told[-1].split()[1] == blocks[-1][0][3]
            depths += len(blocks)
    assert depths > 50


def test_a_search_cut_off_after_several_lines_plays_the_best_of_them(session):
    """Not the one it looked at last: one that is worse."""
    mate = "7k/8/5K2/8/8/8/8/Q7 w - - 0 1"
    for nodes in range(100, 3_000, 100):
        told = session(
            "ucinewgame",
            "setoption name MultiPV value 8",
            f"position fen {mate}",
            f"go nodes {nodes}",
        )
        first = [INFO.match(line).groups() for line in told if " multipv 1 " in line]
        best = max(first, key=lambda each: points(each[2], int(each[3])))
        if best[2] == "mate":
            assert told[-1].split()[1] in {each[4] for each in first if each[2:4] == best[2:4]}
