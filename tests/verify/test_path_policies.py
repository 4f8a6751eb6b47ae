"""The policy graph, where it is more than PKITS asks: bounds, and several ways at once."""

from __future__ import annotations

from eds.extensions import ANY_POLICY
from eds.verify.path_policies import (
    FIRST_LEVEL,
    constrained_policies,
    map_level,
    next_level,
)

ANYTHING = frozenset({ANY_POLICY})


def test_outcome_is_told_in_the_anchor_s_own_policies() -> None:
    level = next_level(FIRST_LEVEL, ["1.1", "1.2"], any_policy_counts=True)
    level = map_level(level, [("1.1", "9.1"), ("1.2", "9.1"), ("1.3", "9.3")], allowed=True)
    level = next_level(level, ["9.1", "9.3"], any_policy_counts=True)
    assert constrained_policies(level, accepted=ANYTHING) == {"1.1", "1.2"}
    assert constrained_policies(level, accepted=frozenset({"1.2", "9.1"})) == {"1.2"}


def test_any_policy_carries_what_is_expected_on() -> None:
    level = next_level(FIRST_LEVEL, ["1.1"], any_policy_counts=True)
    assert set(next_level(level, [ANY_POLICY], any_policy_counts=True)) == {"1.1"}
    assert next_level(level, [ANY_POLICY], any_policy_counts=False) == {}


def test_mapping_that_is_inhibited_ends_the_policy() -> None:
    level = next_level(FIRST_LEVEL, ["1.1", "1.2"], any_policy_counts=True)
    assert set(map_level(level, [("1.1", "9.1")], allowed=False)) == {"1.2"}


def test_mapping_under_any_policy_makes_the_policy() -> None:
    level = map_level(FIRST_LEVEL, [("1.1", "9.1")], allowed=True)
    level = next_level(level, ["9.1"], any_policy_counts=True)
    assert constrained_policies(level, accepted=ANYTHING) == {"1.1"}


def test_nothing_comes_after_nothing() -> None:
    level = next_level(FIRST_LEVEL, None, any_policy_counts=True)
    assert next_level(level, ["1.1", ANY_POLICY], any_policy_counts=True) == {}


def test_levels_stay_small_where_a_tree_would_explode() -> None:
    """CVE-2023-0464: every policy mapped to every other, on every level."""
    policies = [f"1.{number}" for number in range(40)]
    everything = [(one, other) for one in policies for other in policies]
    level = next_level(FIRST_LEVEL, policies, any_policy_counts=True)
    for _ in range(12):
        level = next_level(
            map_level(level, everything, allowed=True), policies, any_policy_counts=True
        )
        assert len(level) == 40
    assert constrained_policies(level, accepted=ANYTHING) == set(policies)
