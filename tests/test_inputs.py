"""Numbers, whole numbers, words and arrays as the public doors take them."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from ocnet.inputs import answer_of, as_array, as_choice, as_flag, as_number, as_object, as_plain, as_seed, as_seed_or_fresh, as_whole, counted


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), np.array(2.0), Fraction(2), Decimal(2)])
def test_a_number_in_any_clothes_is_taken(value):
    assert type(as_number(value, "T")) is float and as_number(value, "T") == 2.0
    assert as_whole(value, "n") == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_what_is_not_finite_is_refused_by_name(value):
    for call in (lambda: as_number(value, "T"), lambda: as_whole(value, "T"), lambda: as_array([1.0, value], "T")):
        with pytest.raises(ValueError, match=r"^T.* not finite"):
            call()


@pytest.mark.parametrize("value", ["2", b"2", None, 2j, [2.0], object(), {}, np.ones(1), "words"])
def test_what_is_no_number_is_a_type_error_that_names_the_argument(value):
    for call in (lambda: as_number(value, "T"), lambda: as_whole(value, "T")):
        with pytest.raises(TypeError, match=r"^T=.* is not a (whole )?number"):
            call()


@pytest.mark.parametrize("value", ["a", None, [None], [1j], [[1.0], [1.0, 2.0]], object(), ["1"], {}])
def test_what_is_no_array_is_a_type_error_that_names_the_argument(value):
    with pytest.raises(TypeError, match="^x"):
        as_array(value, "x")


@pytest.mark.parametrize("bounds, wrong, said", [({"above": 0}, 0.0, "> 0"), ({"at_least": 0}, -1e-300, "≥ 0"), ({"below": 1}, 1, "< 1"),
                                                 ({"above": 0, "at_most": 1}, 2, "> 0 and ≤ 1")])
def test_bounds_are_told(bounds, wrong, said):
    with pytest.raises(ValueError, match=f"T={wrong:g} is out of range; give a finite number {said}"):
        as_number(wrong, "T", **bounds)


def test_numbers_at_allowed_bounds_are_taken():
    assert as_number(0, "T", at_least=0) == 0.0 and as_number(1, "T", above=0, at_most=1) == 1.0
    assert as_whole(0, "n", at_least=0) == 0


@pytest.mark.parametrize("value", [0, -1, 2.5, -2**70])
def test_whole_numbers_that_are_too_small_or_not_whole_are_refused(value):
    with pytest.raises(ValueError, match="^n=.* is not a whole number ≥ 1; such as 8"):
        as_whole(value, "n", remedy="such as 8")


def test_true_is_no_whole_number():
    with pytest.raises(TypeError, match="n=True"):
        as_whole(True, "n")


def test_an_array_that_fits_is_returned_as_it_is():
    x = np.ones((3, 2))
    assert as_array(x, "x", (None, 2)) is x
    assert as_array([[1, 2]], "x").dtype == np.float64
    assert as_array([np.inf], "x", finite=False)[0] == np.inf


def test_a_shape_that_does_not_fit_and_the_place_of_a_wrong_entry_are_told():
    with pytest.raises(ValueError, match=r"x has shape \(3,\); expected \(n, 2\)"):
        as_array(np.ones(3), "x", (None, 2))
    with pytest.raises(ValueError, match=r"x\[1, 0\] = nan is not finite"):
        as_array([[1.0, 2.0], [np.nan, 1.0]], "x")


def test_words_are_listed():
    assert as_choice("a", "scheme", ("a", "b")) == "a"
    for wrong in ("c", None, 3, ["a"]):
        with pytest.raises(ValueError, match="scheme=.* is none of 'a', 'b'"):
            as_choice(wrong, "scheme", ("a", "b"))


def test_whole_numbers_and_seeds_that_are_too_large_are_refused():
    with pytest.raises(ValueError, match="^n=9 is not a whole number from 1 to 8"):
        as_whole(9, "n", at_most=8)
    assert as_seed(2**64 - 1) == 2**64 - 1
    for wrong in (-1, 2**64, 0.5, np.nan):
        with pytest.raises(ValueError, match="^seed="):
            as_seed(wrong)


@pytest.mark.parametrize("wrong, told", [(dict, "x=dict is a class, not a list"), ("word", "x='word' is not a list"), (None, "x=None is not a list")])
def test_objects_of_another_kind_are_refused_with_the_remedy(wrong, told):
    assert as_object([1], "x", ["append"], "a list", "give [1]") == [1]
    with pytest.raises(ValueError, match=f"^{told}; give \\[1\\]$"):
        as_object(wrong, "x", ["append"], "a list", "give [1]")


def test_a_function_answers_in_any_clothes_and_cannot_change_its_points():
    x = np.ones((2, 1))
    assert answer_of(lambda t, x: [1, 2], "drift", 0.0, x).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="drift"):
        answer_of(lambda t, x: "a", "drift", 0.0, x)
    for change in (lambda x: x.__setitem__(0, 7.0), lambda x: x.__imul__(2.0)):
        with pytest.raises(ValueError, match="drift changes the points"):
            answer_of(lambda t, x: change(x), "drift", 0.0, x)
    assert x.tolist() == [[1.0], [1.0]] and x.flags.writeable
    with pytest.raises(ValueError, match="the user's own"):
        answer_of(lambda x: (_ for _ in ()).throw(ValueError("the user's own")), "drift", x)


@pytest.mark.parametrize("array", [np.asfortranarray(np.eye(2)), np.eye(4)[::2, ::2], np.broadcast_to(1.0, (2, 2)),
                                   np.ndarray((2, 2), float, np.zeros(33, np.uint8)[1:].data)])
def test_a_plain_array_is_what_kernels_take(array):
    plain = as_plain(array)
    assert plain.flags.carray and np.array_equal(plain, array) and as_plain(plain) is plain


def test_no_seed_is_a_fresh_one():
    assert as_seed_or_fresh(3.0) == 3 and as_seed_or_fresh(None) != as_seed_or_fresh(None)


def test_a_flag_is_true_or_false():
    assert as_flag(np.True_, "limited") is True and as_flag(0, "limited") is False
    for value in ("no", None, 7, [True], 1.0):
        with pytest.raises(TypeError, match="limited"):
            as_flag(value, "limited")


def test_a_function_is_called_as_often_as_is_allowed_and_no_more():
    called = counted(lambda x: 2 * x, 3, "horizon is too long")
    assert [called(x) for x in (1, 2, 3)] == [2, 4, 6]
    with pytest.raises(ValueError, match="horizon is too long"):
        called(4)
