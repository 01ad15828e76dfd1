"""Malformed lines for the protocols: noise, nearly right commands, and right ones badly used."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

_NUMBERS = (
    "0 1 2 3 7 -1 -0 +3 00012 3.5 1e9 1e400 nan inf -inf 0x10 2147483648 99999999999999999999 "
    "1_000 \u0663 \u00bd 9" + "9" * 400
).split(" ")
_ODD = (
    "\x00 \x07 \u2028 \u00e9 \ufffd \u202e \U0001f600 / // * + # $ % {} {0} %s \\n ' \" ; | & "
    "../../etc/passwd /dev/zero None True [] =1 ?1 ="
).split(" ")

_GTP_NAMES = (
    "protocol_version name version known_command list_commands boardsize clear_board komi play "
    "genmove reg_genmove undo fixed_handicap place_free_handicap set_free_handicap time_settings "
    "time_left final_score final_status_list loadsgf showboard gogui-rules_board lz-analyze "
    "kata-analyze kata-genmove_analyze gogui-rules_legal_moves gogui-rules_final_result quux"
).split()
_GTP_WORDS = (
    "b w black white B W green pass resign PASS a1 c3 C3 e5 i5 j1 z26 a0 a99 A1B2 alive dead "
    "seki black_territory interval maxmoves rootInfo true avoid allow ownership"
).split()
_UCI_NAMES = (
    "uci usi isready setoption position go stop ponderhit debug register ucinewgame usinewgame "
    "gameover quux"
).split()
_UCI_WORDS = (
    "name value MultiPV Simulations Ponder USI_Ponder UCI_ShowWDL Hash true false on startpos fen "
    "sfen moves searchmoves nodes depth movetime wtime btime winc binc byoyomi movestogo mate "
    "infinite ponder b2b3 a4a3 e2e4 e7e8q 7g7f P*5e 1e1d 5a5a a1a1 rnbqk/ppppp/5/PPPPP/RNBQK w b "
    "- KQkq rbsgk/4p/5/P4/KGSBR k4/5/5/5/4K 9/9/9/9/9/9/9/9/9 8/8/8/8/8/8/8/8 2P 50P"
).split()
_USEFUL = {
    "gtp": (
        "play b c3",
        "play w a1",
        "genmove b",
        "genmove w",
        "clear_board",
        "undo",
        "time_settings 1 1 1",
    ),
    "uci": (
        "position startpos",
        "position startpos moves b2b3",
        "go nodes 2",
        "go infinite",
        "stop",
        "go ponder wtime 10 btime 10",
        "ponderhit",
        "go movetime 1",
    ),
    "usi": (
        "position startpos",
        "position startpos moves 1d1c",
        "go nodes 2",
        "go infinite",
        "stop",
        "go ponder btime 10 wtime 10 byoyomi 1",
        "ponderhit",
        "gameover win",
    ),
}
#: Words that end a session, or make another board's rules, which takes a minute.
_LEFT_OUT = ("quit", "boardsize")
_NO_SIZES = "0 1 20 -1 +3 3.5 1e9 nan 2147483648 99999999999999999999 x 9,9".split()


_JSON_FIELDS = (
    "id moves initialStones initialPosition initialPlayer rules komi game boardXSize boardYSize "
    "maxVisits analyzeTurns priority priorities includeOwnership includePolicy analysisPVLen "
    "avoidMoves allowMoves reportDuringSearchEvery overrideSettings action terminateId "
    "turnNumbers quux"
).split()
_JSON_WORDS = (
    "a1 b2 c3 B W first second pass terminate terminate_all query_version clear_cache "
    "query_models tic_tac_toe go9 player untilDepth maxTime reportAnalysisWinratesAs SIDETOMOVE"
).split()


def malformed_lines(protocol: str, count: int, *, seed: int) -> Iterator[bytes]:
    """Lines without their ends; none of them ends the session."""
    rng = random.Random(seed)
    if protocol == "json":
        for _ in range(count):
            yield _malformed_json(rng)
        return
    names, words = (_GTP_NAMES, _GTP_WORDS) if protocol == "gtp" else (_UCI_NAMES, _UCI_WORDS)
    made = 0
    while made < count:
        kind = rng.random()
        if kind < 0.10:
            line = bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
        elif kind < 0.15:
            line = "".join(chr(rng.randrange(1, 0x2FFF)) for _ in range(rng.randrange(40))).encode()
        elif kind < 0.151:
            line = rng.choice((b"x", b" ", b"\x00", b"go ")) * rng.choice((1000, 70_000, 600_000))
        elif kind < 0.25:
            line = rng.choice(_USEFUL[protocol]).encode()
        else:
            parts = [rng.choice(names)] if rng.random() < 0.9 else []
            if rng.random() < 0.1:
                parts.insert(0, rng.choice((*_NUMBERS, *_ODD)))
            for _ in range(rng.randrange(8)):
                parts.append(rng.choice(rng.choice((words, words, _NUMBERS, _ODD, names))))
            line = " ".join(parts).encode()
            if rng.random() < 0.1:  # a stroke of the hand
                at = rng.randrange(len(line) + 1)
                line = line[:at] + bytes([rng.randrange(256)]) + line[at + rng.randrange(3) :]
        line = line.replace(b"\n", b" ")
        text = line.decode(errors="replace")
        if any(word in text for word in _LEFT_OUT):
            # Sizes that no game has cost nothing.
            if protocol != "gtp" or "quit" in text:
                continue
            line = b"boardsize " + rng.choice((*_NO_SIZES, *_ODD)).encode()
        made += 1
        yield line


def _malformed_json(rng: random.Random) -> bytes:
    """A line that is nearly a question of the analysis protocol, or sometimes is one."""
    kind = rng.random()
    if kind < 0.05:
        line = bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    elif kind < 0.051:
        line = rng.choice((b"[", b'{"a":', b'"', b"9", b" ")) * rng.choice((1000, 200_000))
    else:
        asked = {} if rng.random() < 0.1 else {"id": str(rng.randrange(20)), "moves": []}
        if rng.random() < 0.5:
            asked["moves"] = rng.sample(["a1", "b2", "c3", "a3", "c1"], rng.randrange(6))
        if rng.random() < 0.8:
            asked["maxVisits"] = rng.choice((1, 2, 3, 1_000_000))
        for _ in range(rng.randrange(4)):
            asked[rng.choice(_JSON_FIELDS)] = _json_value(rng, depth=0)
        line = json.dumps(asked, ensure_ascii=rng.random() < 0.5).encode(errors="replace")
        if rng.random() < 0.2:
            at = rng.randrange(len(line) + 1)
            line = line[:at] + bytes([rng.randrange(256)]) + line[at + rng.randrange(3) :]
    return line.replace(b"\n", b" ")


def _json_value(rng: random.Random, *, depth: int) -> object:
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 2:
        return rng.choice(_JSON_WORDS)
    if kind == 2:
        return rng.choice((*_ODD, *_NUMBERS))
    if kind == 3:
        return rng.choice((0, 1, 2, -1, 3, 10**9, 10**30, -(2**63), 0.5, 1e-9, 1e308, -0.0))
    if kind == 4:
        return rng.choice((True, False, None, float("nan"), float("inf")))
    if kind == 5:
        return rng.choice(("B", "W", [], {}, ["B", "a1"]))
    values = [_json_value(rng, depth=depth + 1) for _ in range(rng.randrange(4))]
    if kind == 6:
        return dict(zip((rng.choice(_JSON_WORDS) for _ in values), values, strict=True))
    return values
