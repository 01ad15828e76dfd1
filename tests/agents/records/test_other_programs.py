"""Our records read by libraries that nobody here wrote, and records as other programs write."""

# ruff: noqa: RUF001 - KIF is written in characters as wide as kanji

import re
from pathlib import Path

import numpy as np
import pytest
from sgfmill import sgf

from agents.records import GameRecord, RecordError, read_game, save_game
from agents.records.record import states_of
from agents.records.sgf import _playable_komi
from games import make
from games.game import Game

START = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"


def random_game(game: Game, seed: int, plies: int) -> tuple[int, ...]:
    rng = np.random.default_rng(seed)
    states, actions = game.rules.initial(1), []
    while not states[0]["finished"] and len(actions) < plies:
        actions.append(int(rng.choice(game.legal(states[0]))))
        game.rules.step(states, np.array(actions[-1:], np.int32))
    return tuple(actions)


@pytest.mark.parametrize("seed", range(6))
def test_python_chess_reads_our_pgn_and_we_read_its(seed: int, tmp_path: Path) -> None:
    pgn = pytest.importorskip("chess.pgn")
    game = make("chess")
    actions = random_game(game, seed, 120)
    path = tmp_path / "game.pgn"
    save_game(path, GameRecord(game=game, actions=actions, players=("Ann", "Bob")))
    with path.open() as file:
        theirs = pgn.read_game(file)
    assert not theirs.errors
    assert theirs.headers["White"] == "Ann"
    last = states_of(game, actions)[-1]
    board = theirs.end().board()
    fen = game.state_to_text(last).splitlines()[-1]
    assert board.fen(en_passant="fen").split()[0:2] == fen.split()[0:2]
    assert len(list(theirs.mainline_moves())) == len(actions)
    # And back, with what other programs write between the moves.
    for index, node in enumerate(theirs.mainline()):
        node.comment = f"[%clk 0:0{index % 10}:00] {{ not" if index % 3 == 0 else ""
        node.nags = {index % 7 + 1} if index % 4 == 0 else set()
    first = theirs.board()
    theirs.add_variation(list(first.legal_moves)[-1], comment="another way").add_variation(
        next(iter(theirs.variations[-1].board().legal_moves))
    )
    path.write_text(str(theirs).replace("{ not", "not"))
    assert read_game(path).actions == actions


def test_python_chess_reads_a_game_that_begins_elsewhere(tmp_path: Path) -> None:
    pgn = pytest.importorskip("chess.pgn")
    game = make("chess")
    record = GameRecord(game=game, actions=(), start=game.text_to_state(START))
    save_game(tmp_path / "a.pgn", record)
    with (tmp_path / "a.pgn").open() as file:
        assert pgn.read_game(file).board().fen() == START


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("suffix", "from_start"), [(".kif", True), (".kifu", True), (".csa", True), (".csa", False)]
)
def test_cshogi_reads_our_shogi(seed: int, suffix: str, from_start: bool, tmp_path: Path) -> None:
    cshogi = pytest.importorskip("cshogi")
    from cshogi import CSA, KIF

    game = make("shogi")
    actions = random_game(game, seed, 200)
    start = None
    if not from_start:
        sfen = game.state_to_text(states_of(game, actions[:81])[-1]).splitlines()[-2]
        board = sfen.split()[1:4]
        start = game.text_to_state(f"sfen {' '.join(board)} 1")
        actions = actions[81:]
    record = GameRecord(
        game=game, actions=actions, start=start, players=("アン", "Bob"), result="second wins"
    )
    path = tmp_path / f"game{suffix}"
    save_game(path, record)
    if suffix == ".csa":
        (theirs,) = CSA.Parser.parse_str(path.read_text(encoding="utf-8"))
    else:
        theirs = KIF.Parser.parse_file(str(path))
    board = cshogi.Board(theirs.sfen)
    if start is not None:
        placed = game.state_to_text(start).splitlines()[-2].split()[1:4]
        assert theirs.sfen.split()[:2] == placed[:2]
        assert sorted(theirs.sfen.split()[2]) == sorted(placed[2])  # in another order
    assert [cshogi.move_to_usi(move) for move in theirs.moves] == record.move_texts()
    for move in theirs.moves:
        assert board.is_legal(move)
        board.push(move)
    assert list(theirs.names) == ["アン", "Bob"]


def test_cshogis_own_csa_is_read(tmp_path: Path) -> None:
    cshogi = pytest.importorskip("cshogi")
    from cshogi import CSA

    game = make("shogi")
    actions = random_game(game, 9, 150)
    board = cshogi.Board()
    writer = CSA.Exporter(str(tmp_path / "a.csa"))
    writer.info(board, names=["a,b", "c"], version="V2.2", comment="no move")
    for text in GameRecord(game=game, actions=actions).move_texts():
        move = board.move_from_usi(text)
        writer.move(move, time=3)
        board.push(move)
    writer.endgame("%TORYO", time=1)
    writer.close()
    record = read_game(tmp_path / "a.csa")
    assert record.actions == actions
    assert record.players == ("a,b", "c")


def written(tmp_path: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    return path


def test_pgn_as_people_write_it(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "a.pgn",
        '[Event "A \\"good\\" game"]\n[White "Ann"]\n[Black "?"]\n[Result "0-1"]\n\n'
        "%for another program 1. a4\n"
        "1. f3 {weak; (very)} e5 ; a comment (\n2.g4? $4 (2. e4 Nc6 (2... d5 3. exd5) 3. Nf3) "
        '2... Qh4# 0-1\n\n[Event "next"]\n\n1. e4 *\n',
    )
    record = read_game(path)
    assert record.move_texts() == ["f3", "e5", "g4", "Qh4#"]
    assert record.players == ("Ann", "unknown")
    assert record.result == "second wins"
    assert record.remarks == ()


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ("1. e4 {to open} 1. ... e5 2 . Nf3 2 ... d6 *", ["e4", "e5", "Nf3", "d6"]),
        ("1. e4 a6 2. e5 d5 3. exd6 e.p. cxd6 *", ["e4", "a6", "e5", "d5", "exd6", "cxd6"]),
    ],
)
def test_pgn_with_dots_apart_and_en_passant_named(
    text: str, moves: list[str], tmp_path: Path
) -> None:
    assert read_game(written(tmp_path, "a.pgn", text)).move_texts() == moves


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1. e4 e5 2. Nf", r"line 1: move 3 \(Nf\): .*cut short"),
        ("1. e4 e5\n2. Nf3 {a comm", "line 2: a comment is never closed"),
        ("1. e4 (1. d4", "line 1: a variation is never closed"),
        ("1. e4 e5)", "line 1: a variation is closed that was never opened"),
        ('[Event "x', r"line 1: a tag that is not closed"),
        ('[Variant "Crazyhouse"]\n\n1. e4 *', "'Crazyhouse', which is not played here"),
        ('[FEN "8/8 w - - 0 1"]\n\n1. e4 *', "2 rows instead of 8"),
        ("1. e4 e5 2. Ke3 *", r"line 1: move 3 \(Ke3\)"),
        ("hello", r"move 1 \(hello\)"),
    ],
)
def test_broken_pgn_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        read_game(written(tmp_path, "a.pgn", text))
    assert "\n" not in str(caught.value)


def test_a_pgn_without_its_end_is_read_and_said_so(tmp_path: Path) -> None:
    record = read_game(written(tmp_path, "a.pgn", "1. e4 e5 2. Nf3"))
    assert len(record.actions) == 3
    assert "may be cut short" in record.remarks[0]


def test_moves_after_a_repetition_are_left_out_and_said_so(tmp_path: Path) -> None:
    moves = "Nf3 Nf6 Ng1 Ng8 " * 2 + "e4 e5"
    record = read_game(written(tmp_path, "a.pgn", moves + " 1-0"))
    assert len(record.actions) == 8
    assert record.result == "draw"
    assert record.remarks == (
        "The file says 'first wins', but by the moves it is 'draw'.",
        "The game is over after 8 moves; 2 more in the file are left out.",
    )


def test_sgf_of_go_with_handicap_passes_and_variations(tmp_path: Path) -> None:
    text = (
        "(;GM[1]FF[4]SZ[5]KM[0]PB[A\\]b]PW[w]RE[W+R]HA[2]AB[bb][dd];W[cc](;B[tt];W[dc];W[ee])"
        "(;B[aa]))"
    )
    record = read_game(written(tmp_path, "a.sgf", text))
    assert record.game.id == "go(size=5,komi=0)"
    assert record.move_texts() == ["c3", "pass", "d3", "pass", "e1"]
    assert record.players == ("A]b", "w")
    assert record.result == "second wins"
    assert record.start is not None and int(record.start["to_play"]) == 1
    save_game(tmp_path / "b.sgf", record)
    assert sgf.Sgf_game.from_bytes((tmp_path / "b.sgf").read_bytes()).get_handicap() == 2
    other = read_game(tmp_path / "a.sgf", game=make("go(size=5)"))
    assert other.game.id == "go(size=5)"
    assert re.search("komi is 0; it is read with 7.5", other.remarks[0])


@pytest.mark.parametrize(
    ("komi", "meant", "remark"),
    [
        ("6.5", 6.5, None),
        ("6.3", 6.5, "The file's komi is 6.3; it is read as 6.5."),
        ("375", 7.5, "The file's komi is 375, more than the board has points: it is passed over."),
    ],
)
def test_a_komi_that_cannot_be_meant_is_told(komi: str, meant: float, remark: str | None) -> None:
    root = sgf.Sgf_game.from_string(f"(;GM[1]SZ[5]KM[{komi}])").get_root()
    read, said = _playable_komi(root, 5)
    assert (meant if read is None else read) == meant and said == ([remark] if remark else [])


def test_a_colour_that_moves_after_its_own_pass_does_not_end_the_game(tmp_path: Path) -> None:
    text = "(;GM[1]SZ[5]KM[0];B[aa];W[];W[bb];B[cc])"
    with pytest.raises(RecordError, match=r"move 3 \(bb\): the pass .* ends the game"):
        read_game(written(tmp_path, "a.sgf", text))


@pytest.mark.parametrize(
    ("moves", "texts"),
    [
        ("B[b1];W[swap-pieces];B[C3];W[d4]", ["b1", "swap", "c3", "d4"]),
        # Whoever changes sides leaves the stone: for us the board is seen from the other side.
        ("B[b1];W[swap-sides];W[c4];B[d5]", ["b1", "swap", "d3", "e4"]),
        ("B[a1];W[e5];B[resign]", ["a1", "e5"]),
    ],
)
def test_sgf_of_hex(moves: str, texts: list[str], tmp_path: Path) -> None:
    record = read_game(written(tmp_path, "a.sgf", f"(;GM[11]FF[4]SZ[5];{moves})"))
    assert record.move_texts() == texts


def test_sgf_of_othello_in_both_ways_of_writing(tmp_path: Path) -> None:
    for moves in ("B[fe];W[ff];B[ee]", "B[f5];W[f6]", "B[F5];W[];B[tt];W[f6]"):
        text = f"(;GM[2]SZ[8];{moves.split(';B[ee]')[0]})"
        assert read_game(written(tmp_path, "a.sgf", text)).move_texts() == ["f5", "f6"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(;GM[1]SZ[5];B[aa];W[bb]", "cut short"),
        ("(;GM[1]SZ[5];B[aa];W[b", "cut short"),
        ("(;GM[1]SZ[5];B[aa];W[aa])", r"move 2 \(aa\)"),
        ("(;GM[1]SZ[5];B[zz])", "move 1: 'zz' is no point of a board of 5 x 5"),
        ("(;GM[1]SZ[5]AB[aa];B[bb];AW[cc])", "stones are set up after move"),
        ("(;GM[1]SZ[5]KM[much];B[bb])", "the komi 'much' is no number"),
        ("(;GM[1]SZ[5]KM[nan];B[bb])", "the komi 'nan' is no number"),
        ("(;GM[2]SZ[8];W[fe])", r"move 1 \(fe\): it is the turn of Black"),
        ("(;GM[4]SZ[25];B[aa])", "size"),
        ("hello", "cannot be read as SGF"),
    ],
)
def test_broken_sgf_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        read_game(written(tmp_path, "a.sgf", text))
    assert "\n" not in str(caught.value)


KIF = """# 将棋の棋譜
開始日時：2026/05/17 20:15
手合割：平手
先手：アン
後手：ボブ
手数----指手---------消費時間--
   1 ７六歩(77)   ( 0:16/00:00:16)
*考えた
   2 ３四歩(33)   ( 0:00/00:00:00)
   3 ２二角成(88)   ( 0:00/00:00:00)
   4 同　銀(31)
   5 ４五角打
   6 投了
まで5手で先手の勝ち

変化：2手
   2 ８四歩(83)
"""


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-8-sig"])
def test_kif_as_programs_write_it(encoding: str, tmp_path: Path) -> None:
    for name in ("a.kif", "a.dat"):
        record = read_game(written(tmp_path, name, KIF, encoding))
        assert record.move_texts() == ["7g7f", "3c3d", "8h2b+", "3a2b", "B*4e"]
        assert record.players == ("アン", "ボブ")
        assert record.result == "first wins"
        assert record.date == "2026/05/17 20:15"


def test_kif_with_a_handicap_begins_with_white(tmp_path: Path) -> None:
    cshogi = pytest.importorskip("cshogi")
    from cshogi import KIF as Theirs

    names = [name for name, sfen in Theirs.Parser.HANDYCAP_SFENS.items() if sfen and "w" in sfen]
    assert len(names) == 13
    for name in names:
        text = f"手合割：{name}\n下手：a\n上手：b\n   1 ６二銀(71)\n"
        if "左五" in name or "五枚" in name or "六" in name or "八" in name or "十" in name:
            text = text.replace("６二銀(71)", "５二玉(51)")
        record = read_game(written(tmp_path, "a.kif", text))
        sfen = Theirs.Parser.HANDYCAP_SFENS[name]
        assert record.game.state_to_text(record.start).splitlines()[-2] == f"sfen {sfen}"
        assert record.players == ("a", "b")
        assert cshogi.Board(sfen).turn == cshogi.WHITE


@pytest.mark.parametrize("seed", range(6))
def test_the_diagrams_of_cshogi_are_read(seed: int, tmp_path: Path) -> None:
    cshogi = pytest.importorskip("cshogi")
    from cshogi import KIF as Theirs

    game = make("shogi")
    state = states_of(game, random_game(game, seed, 60 + 31 * seed))[-1]
    board, side, hands = game.state_to_text(state).splitlines()[-2].split()[1:4]
    diagram = Theirs.board_to_bod(cshogi.Board(f"{board} {side} {hands} 1"))
    record = read_game(written(tmp_path, "a.kif", diagram))
    assert game.state_to_text(record.start).splitlines()[-2] == f"sfen {board} {side} {hands} 1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.kif", KIF.replace("７六歩(77)", "７六歩"), "line 7: .*does not say where"),
        ("a.kif", KIF.replace("７六歩(77)", "７六飛(77"), "line 7"),
        ("a.kif", KIF.replace("７六歩(77)", "７七歩(77)"), r"line 7: move 1 \(７七歩\)"),
        ("a.kif", KIF.replace("平手", "五五将棋"), "no start of shogi that is known"),
        ("a.csa", "PI\n+\n+7776FU\n+7675FU\n", r"line 4: move 2 \(\+7675FU\)"),
        ("a.csa", "PI\n+\n+7776XX\n", r"line 3: move 1"),
        ("a.csa", "PI\n+\nhello\n", "line 3: 'hello' is nothing that CSA knows"),
        ("a.csa", "P1-KY-XX\n+\n+7776FU", "'P1-KY-XX'|'-XX' is no piece"),
        ("a.usi", "position nowhere", "line 1: a game in USI"),
        ("a.usi", "position startpos moves 7g7f 7g7f", r"move 2 \(7g7f\)"),
        ("a.usi", "position sfen 9/9 b - 1", "rows"),
    ],
)
def test_broken_shogi_is_one_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        read_game(written(tmp_path, name, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sfen", "circle", "csa", "kif"),
    [
        ("4k4/9/9/9/9/9/9/9/K4R3 b - 1", "4i5i 5a4a 5i4i 4a5a", "+ILLEGAL_ACTION", "反則負け"),
        ("5k3/9/9/9/9/9/9/9/K4R3 w - 1", "4a5a 4i5i 5a4a 5i4i", "+ILLEGAL_ACTION", "反則勝ち"),
        ("4r3k/9/9/9/9/9/9/9/5K3 w - 1", "5a4a 4i5i 4a5a 5i4i", "-ILLEGAL_ACTION", "反則負け"),
        ("4k4/9/9/9/9/9/9/9/K4R3 b - 1", "4i5i 5a6a 5i4i 6a5a", "SENNICHITE", "千日手"),
    ],
)
def test_perpetual_check_is_no_draw_in_files_of_shogi(
    sfen: str, circle: str, csa: str, kif: str, tmp_path: Path
) -> None:
    line = f"position sfen {sfen} moves {' '.join([circle] * 3)}"
    record = read_game(written(tmp_path, "a.usi", line))
    for name, word in (("b.csa", f"%{csa}"), ("b.kifu", f"13 {kif}")):
        save_game(tmp_path / name, record)
        assert word in (tmp_path / name).read_text(encoding="utf-8")
        assert read_game(tmp_path / name).result == record.result


def test_csa_gives_a_side_whatever_is_nowhere_else(tmp_path: Path) -> None:
    text = "P-51OU\nP+59OU53TO\nP+00KI\nP-00AL\n+\n+0052KI\n%TSUMI\n"
    record = read_game(written(tmp_path, "a.csa", text))
    sfen = record.game.state_to_text(record.start).splitlines()[-2]
    assert sfen == "sfen 4k4/9/4+P4/9/9/9/9/9/4K4 b G2r2b3g4s4n4l17p 1"
    assert record.result == "first wins"


def test_usi_tells_minishogi_by_its_board(tmp_path: Path) -> None:
    line = "sfen rbsgk/4p/5/P4/KGSBR b - 1 moves 3e3d"
    record = read_game(written(tmp_path, "a.usi", line))
    assert record.game.id == "minishogi"
    assert record.move_texts() == ["3e3d"]
    line = "startpos moves 3e3d"
    assert read_game(written(tmp_path, "a.usi", line), game=make("minishogi")).actions
