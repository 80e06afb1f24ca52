"""The picture of the house shows what the sources say."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import house  # noqa: E402


def _reach(arrows, start):
    """All rooms that can be come to from one."""
    found, open_ends = set(), [start]
    while open_ends:
        nexts = {b for a, b in arrows if a == open_ends[-1]} - found
        open_ends.pop()
        found |= nexts
        open_ends += nexts
    return found


def test_the_picture_shows_every_room_and_no_arrow_climbs(tmp_path):
    summary = house.main(["--out", str(tmp_path)])
    height = {room: y for room, (_, y) in house.places().items()}
    rooms = {room for arrow in summary["arrows"] for room in arrow}
    assert rooms <= set(height) and {"experiments", "training", "kernels", "plotting"} <= rooms
    assert set(summary["lines_of_code"]) == set(height)
    assert all(height[a] > height[b] for a, b in summary["arrows"])
    assert (tmp_path / "house.png").exists()


def test_what_is_drawn_says_as_much_as_all_imports():
    found = house.measure()
    assert all(_reach(found["drawn"], room) == _reach(found["arrows"], room) for room in house.places())
    for arrow in found["drawn"]:                                         # and nothing drawn can be left out
        assert arrow[1] not in _reach([other for other in found["drawn"] if other != arrow], arrow[0])
