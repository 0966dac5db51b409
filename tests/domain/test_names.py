"""What is repeated of what somebody typed."""

import pytest

from callcenter.domain.names import UNNAMED, is_name, quoted, signed


@pytest.mark.parametrize("name", ["ann", "a", "ben.2", "cli:olga", "frontend-0-1-12", "x" * 64])
def test_a_name_of_ours_is_repeated(name: str) -> None:
    assert is_name(name)
    assert quoted(name) == repr(name)
    assert signed(name) == name


@pytest.mark.parametrize(
    "text", ["", "+34 600 123 456", "maria@example.test", "Maria López", "ana\n", "-ana", "x" * 65]
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_name(text)
    assert quoted(text) == "of that name"
    assert signed(text) == (UNNAMED if text else "")
