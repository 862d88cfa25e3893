"""Settings: typed, bounded, and each of them documented."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import msgspec
import pytest

from router.exceptions import InputError
from router.planner import Router
from router.service.desk import DeskLimits
from router.service.limits import WireLimits
from router.service.settings import Settings, load_settings
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: str) -> Path:
    """Write a file of settings."""
    path = path / "router.toml"
    path.write_text(content, "utf-8")
    return path


def test_command_line_goes_before_the_file(tmp_path: Path) -> None:
    """The command line has precedence, then the file, then the default."""
    path = write(tmp_path, 'port = 9000\nhost = "::1"\nheader_seconds = 2\n')
    settings = load_settings(path, {"port": 9001, "host": None})
    assert (settings.port, settings.host, settings.header_seconds) == (9001, "::1", 2.0)
    assert settings.body_seconds == Settings().body_seconds


def test_paths_start_from_the_file(tmp_path: Path) -> None:
    """A relative path in a file does not depend on where the sidecar is started."""
    path = write(tmp_path, 'keys_file = "keys.toml"\ndata = "ledger"\n')
    assert load_settings(path).keys_file == str(tmp_path / "keys.toml")
    assert load_settings(path).data == str(tmp_path / "ledger")
    assert load_settings(path, {"keys_file": "mine.toml"}).keys_file == "mine.toml"
    absolute = write(tmp_path, 'keys_file = "/etc/keys.toml"\n')
    assert load_settings(absolute).keys_file == "/etc/keys.toml"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prot = 1", "unknown field `prot`; there are host, port"),
        ('port = "8088"', "port: Expected `int`, got `str`"),
        ("port = 1.5", "port: Expected `int`"),
        ("port = true", "port: Expected `int`"),
        ("port = 65536", "port: Expected `int` <= 65535, not 65536"),
        ("port = -1", "port: Expected `int` >= 0"),
        ("header_seconds = 0", "header_seconds: Expected `float` >= 0.1"),
        ("header_seconds = nan", "header_seconds"),
        ("header_seconds = inf", "header_seconds"),
        ("body_bytes_max = 1048577", "body_bytes_max: Expected `int` <= 1048576"),
        ("in_flight_max = 0", "in_flight_max"),
        ("requests_per_second_max = 0", "requests_per_second_max"),
        ('insecure = "yes"', "insecure: Expected `bool`"),
        ('allowed_hosts = "a"', "allowed_hosts: Expected `array`"),
        ("allowed_hosts = [1]", r"allowed_hosts\[0\]: Expected `str`, got `int`, not \[1\]"),
        ("keys_file = 5", "keys_file"),
        ("port = ", "not valid TOML"),
        ("port = 1\nport = 2", "not valid TOML"),
    ],
)
def test_wrong_setting_is_named(tmp_path: Path, content: str, words: str) -> None:
    """Unknown, of another type or out of bounds: the message has the file and the setting."""
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=words) as caught:
        load_settings(path)
    assert str(caught.value).startswith(str(path))


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No file, and one that is no text."""
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "router.toml").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not valid TOML"):
        load_settings(tmp_path / "router.toml")


def test_example_shows_every_setting_at_its_default(repository_root: Path) -> None:
    """The documented file, its comments taken off, is what holds without any file."""
    text = (repository_root / "examples" / "router.toml").read_text("utf-8")
    shown = re.findall(r"^# (\w+ = .*)$", text, flags=re.MULTILINE)
    content = tomllib.loads("\n".join(shown))
    defaults = msgspec.to_builtins(Settings())
    optional = {name for name, value in defaults.items() if value is None}
    assert list(content) == list(Settings.__struct_fields__)
    assert {k: v for k, v in content.items() if k not in optional} == {
        k: v for k, v in defaults.items() if k not in optional
    }
    assert msgspec.convert(content, Settings).port == 8088


def test_example_is_a_file_of_settings(repository_root: Path) -> None:
    """As it stands it changes nothing."""
    assert load_settings(repository_root / "examples" / "router.toml") == Settings()


def test_limits_are_those_of_the_settings() -> None:
    """What a connection is held to by default is what the settings say."""
    assert Settings().to_limits() == WireLimits()
    settings = Settings(
        header_seconds=1, body_seconds=2, idle_seconds=3, answer_seconds=4, body_bytes_max=5000
    )
    limits = settings.to_limits()
    assert (limits.header_seconds, limits.body_seconds) == (1, 2)
    assert (limits.idle_seconds, limits.answer_seconds, limits.body_bytes_max) == (3, 4, 5000)


def test_what_is_kept_is_as_the_settings_say() -> None:
    """The sidecar's own defaults are those of the settings, and each can be changed."""
    router = Router(tiny_bundle())
    options = Settings().to_sidecar()
    assert options.pop("limits") == DeskLimits()
    plain = Sidecar(router)
    assert options == {name: getattr(plain, name) for name in options}
    changed = Settings(shadow=True, store_texts=True, store_features=False, lease_seconds=5)
    sidecar = Sidecar(router, **changed.to_sidecar())
    assert (sidecar.shadow, sidecar.store_texts, sidecar.store_features) == (True, True, False)
    assert sidecar.lease_seconds == 5


def test_limits_of_planning_reach_the_desk() -> None:
    """Deadline and number of plans at once are those that the desk goes by."""
    settings = Settings(deadline_ms=123.0, in_flight_max=7)
    limits = Sidecar(Router(tiny_bundle(), PRICES), **settings.to_sidecar()).desk.limits
    assert (limits.deadline_ms, limits.in_flight_max) == (123.0, 7)
