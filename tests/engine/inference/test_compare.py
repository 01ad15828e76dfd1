import numpy as np
import pytest

from engine.inference.compare import Agreement, Tolerance, compare, exceeded


def outputs(logits, outcomes):
    return np.array(logits, dtype=np.float32), np.array(outcomes, dtype=np.float32)


def test_equal_answers_differ_by_nothing():
    answers = outputs([[1, 2, 3], [0, 0, 5]], [[0.5, 0.2, 0.3], [0, 1, 0]])
    expected = Agreement(
        positions=2,
        policy_kl_mean=0.0,
        policy_kl_max=0.0,
        top_action_agreement=1.0,
        value_error_mean=0.0,
        value_error_max=0.0,
    )
    assert compare(answers, answers) == expected


def test_differences_are_those_computed_by_hand():
    # Policies (1/2, 1/2) against (3/4, 1/4): KL = ln(2) - ln(3)/2. Values 0 against 1/2.
    reference = outputs([[0, 0], [0, 0]], [[0.5, 0, 0.5], [0, 1, 0]])
    other = outputs([[np.log(3), 0], [0, 0]], [[0.75, 0, 0.25], [0, 1, 0]])
    agreement = compare(reference, other)
    assert agreement.policy_kl_max == pytest.approx(np.log(2) - np.log(3) / 2, abs=1e-6)
    assert agreement.policy_kl_mean == pytest.approx(agreement.policy_kl_max / 2)
    assert agreement.value_error_max == pytest.approx(0.5)
    assert agreement.value_error_mean == pytest.approx(0.25)
    assert agreement.top_action_agreement == 1.0


def test_illegal_actions_are_not_compared():
    reference = outputs([[0, 1, 9]], [[1, 0, 0]])
    other = outputs([[0, 1, -9]], [[1, 0, 0]])
    assert compare(reference, other).policy_kl_mean > 1
    legal = np.array([[True, True, False]])
    assert compare(reference, other, legal=legal).policy_kl_mean == 0


def test_what_is_not_a_number_exceeds_every_tolerance():
    reference = outputs([[0, 1]], [[1, 0, 0]])
    other = outputs([[np.nan, 1]], [[np.nan, 0, 0]])
    sentence = exceeded(compare(reference, other), Tolerance())
    assert "mean policy divergence" in sentence
    assert "largest value error" in sentence


def test_agreement_within_tolerance_says_nothing():
    answers = outputs([[0, 1]], [[1, 0, 0]])
    assert exceeded(compare(answers, answers), Tolerance()) == ""
