"""Keys: made once, kept as hashes, told from everything else."""

from __future__ import annotations

import hashlib
import hmac
import stat
from typing import TYPE_CHECKING

import pytest

from router.exceptions import InputError
from router.service import keys as keys_module
from router.service.keys import (
    Caller,
    Key,
    Keys,
    Role,
    add_key,
    load_keys,
    make_key,
    parse_roles,
    remove_key,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_file_holds_hashes_and_opens_to_its_owner_only(tmp_path: Path) -> None:
    """What is written down is no key, and nobody else can read even that."""
    path = tmp_path / "keys.toml"
    text = add_key(path, "team", [Role.REPORT, Role.PLAN])
    content = path.read_text("utf-8")
    assert text[9:] not in content
    assert text[:8] in content
    assert hashlib.sha256(text.encode()).hexdigest() in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    caller = load_keys(path).authenticate(text)
    assert caller == Caller("team", frozenset({Role.PLAN, Role.REPORT}))


def test_two_keys_of_a_tenant_work_until_one_is_removed(tmp_path: Path) -> None:
    """A new key works beside the old one, so that nothing stops while it is handed out."""
    path = tmp_path / "keys.toml"
    old, new = add_key(path, "team", [Role.PLAN]), add_key(path, "team", [Role.PLAN])
    keys = load_keys(path)
    assert len(keys) == 2
    assert keys.authenticate(old) == keys.authenticate(new) is not None
    assert remove_key(path, old[:8]).tenant == "team"
    keys = load_keys(path)
    assert keys.authenticate(old) is None
    assert keys.authenticate(new) is not None
    with pytest.raises(InputError, match=f"there are {new[:8]} of team") as caught:
        remove_key(path, old)
    assert old not in str(caught.value)


def test_key_is_long_and_never_the_same() -> None:
    """Thirty-two random bytes stand behind eight characters that are no secret."""
    texts = [make_key("team", [Role.PLAN])[0] for _ in range(100)]
    assert len({text[9:] for text in texts}) == len({text[:8] for text in texts}) == 100
    assert all(text[8] == "_" and len(text[9:]) == 43 for text in texts)


@pytest.mark.parametrize(
    "words", ["", "_", "x", "\0", "\ud800", "x" * 10_000, "aaaaaaaa_", "é" * 60]
)
def test_no_other_text_is_a_key(words: str) -> None:
    """Whatever is sent, nothing breaks and nothing opens."""
    text, key = make_key("team", [Role.PLAN])
    keys = Keys([key])
    assert keys.authenticate(words) is None
    assert keys.authenticate(text + words) is (None if words else keys.authenticate(text))


def test_one_comparison_whether_known_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known and an unknown prefix are compared as often, over the same length."""
    lengths: list[tuple[int, int]] = []

    def compare(first: str, second: str) -> bool:
        """Note and compare."""
        lengths.append((len(first), len(second)))
        return hmac.compare_digest(first, second)

    class Noted:
        """The module of comparisons, which notes them."""

        compare_digest = staticmethod(compare)

    monkeypatch.setattr(keys_module, "hmac", Noted)
    text, key = make_key("team", [Role.PLAN])
    for words in (text, text[:-1], "aaaaaaaa" + text[8:], ""):
        Keys([key]).authenticate(words)
    assert lengths == [(64, 64)] * 4


def test_hash_of_nothing_is_no_key() -> None:
    """A prefix nobody has is not opened by whatever its place holder would be the hash of."""
    keys = Keys([])
    assert keys.authenticate("") is None
    assert keys.authenticate(keys_module.NOBODY[0]) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o601])
def test_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """A file that others can read or change has to be guarded first."""
    path = tmp_path / "keys.toml"
    add_key(path, "team", [Role.PLAN])
    path.chmod(mode)
    for use in (load_keys, lambda path: add_key(path, "team", [Role.PLAN])):
        with pytest.raises(InputError, match=f"mode 0{mode:o}.*chmod 600"):
            use(path)


BLOCK = '[[keys]]\nprefix = "{prefix}"\nsha256 = "{digest}"\ntenant = "a"\nroles = {roles}\n'
DAY = "created = 2026-11-27\n"
GOOD = {"prefix": "aaaaaaaa", "digest": "0" * 64, "roles": '["plan"]'}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no key"),
        ("keys = 5", "not a file of keys"),
        ("[[", "not a file of keys"),
        ("\x00", "not a file of keys"),
        (BLOCK.format(**GOOD), "created"),
        (BLOCK.format(**GOOD) + DAY + "owner = 1\n", "owner"),
        (BLOCK.format(**{**GOOD, "prefix": "AAAAAAAA"}) + DAY, "prefix"),
        (BLOCK.format(**{**GOOD, "digest": "0" * 63}) + DAY, "sha256"),
        (BLOCK.format(**{**GOOD, "roles": "[]"}) + DAY, "roles"),
        (BLOCK.format(**{**GOOD, "roles": '["root"]'}) + DAY, "roles"),
        (2 * (BLOCK.format(**GOOD) + DAY), "two keys have one prefix"),
    ],
)
def test_malformed_file_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """A file that is not quite one of keys opens nothing, and the message says where."""
    path = tmp_path / "keys.toml"
    path.write_text(content, "utf-8")
    path.chmod(0o600)
    with pytest.raises(InputError, match=words):
        load_keys(path)


def test_missing_places_are_named(tmp_path: Path) -> None:
    """What cannot be read or written is named, and nothing is left behind."""
    with pytest.raises(InputError, match="cannot be read"):
        load_keys(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be written"):
        add_key(tmp_path / "none" / "keys.toml", "team", [Role.PLAN])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tenant", ["", "a b", "a/b", "é", "x" * 65, "a\n", '"'])
def test_odd_tenants_are_refused(tenant: str) -> None:
    """A tenant's name can stand in a file, an address and a log as it is."""
    with pytest.raises(InputError, match="tenant"):
        make_key(tenant, [Role.PLAN])


def test_roles_are_known_and_there_is_one() -> None:
    """A role is one of four, and a key without any would be of no use."""
    assert parse_roles(["plan", "metrics"]) == [Role.PLAN, Role.METRICS]
    with pytest.raises(InputError, match="role 'root' is unknown; there are plan, report"):
        parse_roles(["plan", "root"])
    with pytest.raises(InputError, match="needs a role"):
        make_key("team", [])


def test_taken_prefix_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keys never share a prefix, even where chance would have it so."""
    path = tmp_path / "keys.toml"
    drawn = [make_key("team", [Role.PLAN]) for _ in range(2)]
    draws = iter([drawn[0], drawn[0], drawn[1]])
    monkeypatch.setattr(keys_module, "make_key", lambda *_: next(draws))
    assert [add_key(path, "team", [Role.PLAN]) for _ in range(2)] == [text for text, _ in drawn]


def test_key_of_a_file_never_shows_its_secret() -> None:
    """What is kept and printed of a key has no secret in it."""
    text, key = make_key("team", [Role.PLAN])
    assert isinstance(key, Key)
    assert text[9:] not in repr(key)


def test_keys_are_read_anew_without_a_gap(tmp_path: Path) -> None:
    """What was made opens and what was removed does not; of a file in disorder nothing is taken."""
    path = tmp_path / "keys.toml"
    old = add_key(path, "team", [Role.PLAN])
    keys = load_keys(path)
    new = add_key(path, "team", [Role.PLAN])
    assert keys.authenticate(new) is None
    keys.reload()
    assert keys.authenticate(old) == keys.authenticate(new) is not None
    remove_key(path, old[:8])
    keys.reload()
    assert keys.authenticate(old) is None
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        keys.reload()
    assert keys.authenticate(new) is not None


def test_keys_of_no_file_stay() -> None:
    """Keys that were handed over have nothing to be read anew from."""
    text, key = make_key("team", [Role.PLAN])
    keys = Keys([key])
    keys.reload()
    assert keys.authenticate(text) is not None
