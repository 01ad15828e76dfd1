"""Detection: overlaps, suppression, precision, the loss, and positions read from pictures."""

import numpy as np
import pytest
import torch
from PIL import Image

from engine.vision.board_pictures import (
    CORNER,
    SIZE,
    STYLES,
    clutter_picture,
    draw_board,
    random_cells,
    random_pictures,
)
from engine.vision.board_reader import (
    PictureError,
    cells_of,
    open_picture,
    read_cells,
    shipped_yolo,
    text_of,
)
from engine.vision.yolo import (
    Detections,
    detect,
    iou,
    mean_average_precision,
    suppress,
    targets_of,
    train_yolo,
    yolo_loss,
)
from games import make


@pytest.fixture(scope="module")
def pictures():
    return random_pictures(12, seed=5)


@pytest.fixture(scope="module")
def network():
    torch.set_num_threads(1)
    return shipped_yolo()


def as_seen(picture, scores=None):
    """Detections that are exactly what stands in a picture."""
    count = len(picture.classes)
    scores = np.ones(count, np.float32) if scores is None else scores
    return Detections(picture.boxes, picture.classes, scores)


def test_overlap_of_boxes():
    boxes = np.array([[5, 5, 10, 10]], np.float32)
    others = np.array(
        [[5, 5, 10, 10], [10, 5, 10, 10], [50, 50, 10, 10], [5, 5, 5, 10]], np.float32
    )
    assert np.allclose(iou(boxes, others), [[1, 1 / 3, 0, 0.5]])


def test_suppression_keeps_the_surest_of_each_heap():
    boxes = np.array([[5, 5, 10, 10], [6, 5, 10, 10], [40, 40, 8, 8]], np.float32)
    kept = suppress(boxes, np.array([0.6, 0.9, 0.3], np.float32), most_overlap=0.4)
    assert kept.tolist() == [1, 2]


def test_precision_of_perfect_late_and_missing_answers(pictures):
    assert mean_average_precision([as_seen(each) for each in pictures], pictures) == 1
    nothing = Detections(np.empty((0, 4), np.float32), np.empty(0, int), np.empty(0, np.float32))
    assert mean_average_precision([nothing] * len(pictures), pictures) == 0
    # Every box twice, the second less sure: none of these is right, and recall is whole by then.
    doubled = [
        Detections(
            np.repeat(each.boxes, 2, 0),
            np.repeat(each.classes, 2),
            np.tile(np.array([1.0, 0.1], np.float32), len(each.classes)),
        )
        for each in pictures
    ]
    assert mean_average_precision(doubled, pictures) == 1


def test_no_two_things_share_a_cell_of_the_grid(pictures):
    wanted = targets_of(pictures)
    for one, picture in zip(wanted, pictures, strict=True):
        assert int(one[4].sum()) >= len(picture.classes) - 1
        assert torch.equal(one[5:].sum(0), one[4])


def test_the_loss_is_nothing_for_the_right_answer_and_falls_in_training(pictures):
    wanted = targets_of(pictures)
    assert float(yolo_loss(wanted.clone(), wanted)) < 1e-4
    assert float(yolo_loss(torch.full_like(wanted, 0.5), wanted)) > 1
    _, losses = train_yolo(pictures, epochs=3, seed=0)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", STYLES)
def test_right_boxes_give_the_position(name):
    rng = np.random.default_rng(1)
    for _ in range(10):
        cells = random_cells(name, rng)
        picture = draw_board(cells, STYLES[name], rng)
        assert (cells_of(as_seen(picture), rows=len(cells), columns=len(cells[0])) == cells).all()
        # A corner out of sight is made up from the other three.
        keep = np.arange(len(picture.classes)) != np.flatnonzero(picture.classes == CORNER)[1]
        seen = Detections(picture.boxes[keep], picture.classes[keep], np.ones(keep.sum()))
        assert (cells_of(seen, rows=len(cells), columns=len(cells[0])) == cells).all()


def test_a_board_of_another_shape_is_refused():
    rng = np.random.default_rng(2)
    picture = draw_board(random_cells("othello", rng), STYLES["othello"], rng)
    with pytest.raises(PictureError, match="no board of 6 x 7 cells"):
        cells_of(as_seen(picture), rows=6, columns=7)


def test_the_shipped_network_finds_what_is_there(network):
    unseen = random_pictures(45, seed=424_242)
    found = detect(network, np.stack([each.pixels for each in unseen]))
    assert mean_average_precision(found, unseen) > 0.93


def test_pictures_without_a_board_are_refused(network):
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(10):
        try:
            read_cells(network, clutter_picture(rng), rows=8, columns=8)
        except PictureError:
            refused += 1
    assert refused >= 9


@pytest.mark.parametrize(
    ("name", "text"), [("connect_four", "connect_four"), ("othello", "othello")]
)
def test_a_picture_file_becomes_a_position(network, tmp_path, name, text):
    game = make(text)
    states = game.rules.initial(1)
    random = np.random.default_rng(4)
    for _ in range(12):
        game.rules.step(states, np.array([random.choice(game.legal(states[0]))], np.int32))
    cells = np.array(game.board_view(states[0]).owners, np.int8)
    picture = draw_board(cells, STYLES[name], random, plain=True)
    path = tmp_path / "board.png"
    Image.fromarray(picture.pixels).resize((500, 500)).save(path)
    read = read_cells(network, open_picture(path), rows=cells.shape[0], columns=cells.shape[1])
    assert (read == cells).all()
    state = game.text_to_state(text_of(name, read))
    assert int(state["to_play"]) == int(states[0]["to_play"])


def test_files_that_are_no_pictures_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(PictureError, match="no picture that can be read"):
        open_picture(tmp_path / "text.png")
    with pytest.raises(PictureError, match="there is no picture"):
        open_picture(tmp_path / "missing.png")
    with pytest.raises(PictureError):
        open_picture(tmp_path)
    with pytest.raises(PictureError, match="not of hex"):
        text_of("hex", np.zeros((3, 3), np.int8))


def test_an_oblong_picture_is_padded(tmp_path):
    Image.new("RGB", (300, 100), (200, 10, 10)).save(tmp_path / "long.png")
    assert open_picture(tmp_path / "long.png").shape == (SIZE, SIZE, 3)
