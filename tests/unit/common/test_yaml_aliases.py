"""rare_species.common.yaml_aliases: what can't be gone through is refused, each value looked at once."""

import pytest
import yaml

from rare_species.common.yaml_aliases import DEEPEST, MOST, refuse_endless

NINES = "k0: &k0 [1]\n" + "".join(f"k{n}: &k{n} [{', '.join(9 * [f'*k{n - 1}'])}]\n" for n in range(1, 30))


@pytest.mark.parametrize(
    "text", ["1", "[]", "train: {units: [256, 64]}", "a: &a {b: 1}\nc: *a\nd: *a", "1: a\n2.5: b\n~: c"]
)
def test_what_can_be_gone_through_passes(text: str) -> None:
    refuse_endless(yaml.safe_load(text))


@pytest.mark.parametrize("text", ["train: &a {head: *a}", "&a [1, [2, *a]]"])
def test_what_holds_itself_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds itself"):
        refuse_endless(yaml.safe_load(text))


def test_a_few_lines_that_stand_for_more_than_memory_holds_are_refused() -> None:
    with pytest.raises(ValueError, match=f"{MOST:,} values"):
        refuse_endless(yaml.safe_load(NINES))


def test_aliases_that_lie_deep_without_being_written_so_are_refused() -> None:
    deep = "k0: &k0 [1]\n" + "".join(f"k{n}: &k{n} [*k{n - 1}]\n" for n in range(1, DEEPEST + 1))
    with pytest.raises(ValueError, match=f"{DEEPEST} levels"):
        refuse_endless(yaml.safe_load(deep))


@pytest.mark.parametrize("text", ["2020-01-31: 1", "? !!python/tuple [1]\n: 2"])
def test_keys_that_json_lacks_are_refused(text: str) -> None:
    with pytest.raises(TypeError, match="keys must be text or numbers"):
        refuse_endless(yaml.load(text, yaml.FullLoader))
