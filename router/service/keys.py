"""Keys: who may ask for what, kept as hashes in a file that nobody else can read."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = [
    "ANYBODY",
    "Caller",
    "Key",
    "Keys",
    "Role",
    "add_key",
    "load_keys",
    "make_key",
    "parse_roles",
    "remove_key",
]

SECRET_BYTES = 32
PREFIX_LENGTH = 8
# Base 32 in lower case: a prefix is read out and typed.
PREFIX_BYTES = 5
TENANT_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
HEADING = """\
# Keys of the sidecar, as hashes: what is here opens nothing. `router key` writes this file.

"""


class Role(StrEnum):
    """What a key may be used for; none includes another."""

    PLAN = "plan"
    REPORT = "report"
    ADMIN = "admin"
    METRICS = "metrics"


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Parameters
    ----------
    tenant : str
        Whose pools, reservations and outcomes these are.
    roles : frozenset of Role
        What the key may be used for.
    prefix : str, default=""
        By which the key is known, and its rate counted; none where no keys are asked for.
    """

    tenant: str
    roles: frozenset[Role]
    prefix: str = field(default="", repr=False, compare=False)


# Without keys, everybody on this machine is the same one and may do everything.
ANYBODY = Caller("default", frozenset(Role))


# Compared with where a prefix is unknown, so that this takes as long as a wrong secret.
NOBODY: tuple[str, Caller | None] = ("0" * 64, None)


class Key(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One key, without its secret."""

    prefix: Annotated[str, msgspec.Meta(pattern=r"^[a-z2-7]{8}$")]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    tenant: Annotated[str, msgspec.Meta(pattern=TENANT_PATTERN)]
    roles: Annotated[list[Role], msgspec.Meta(min_length=1)]
    created: dt.date


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    """What the file holds."""

    keys: list[Key] = []


class Keys:
    """All keys, looked up by their public prefix.

    Parameters
    ----------
    keys : iterable of Key
        Any number of them a tenant, so that one can follow another without a gap.
    path : Path, optional
        The file they are from.

    Examples
    --------
    >>> text, key = make_key("team", [Role.PLAN])
    >>> Keys([key]).authenticate(text)
    Caller(tenant='team', roles=frozenset({<Role.PLAN: 'plan'>}))
    >>> Keys([key]).authenticate(text[:-1] + "?") is None
    True
    """

    def __init__(self, keys: Iterable[Key], path: Path | None = None) -> None:
        self._path = path
        self._known = _index_keys(keys)

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._known)

    def reload(self) -> None:
        """Read the file anew: keys that were made open from now on, keys that were removed do not.

        Raises
        ------
        InputError
            If it cannot be read any more; the keys then stay as they are.
        """
        if self._path is not None:
            # In one step, as requests may come in between.
            self._known = _index_keys(_read_some(self._path))

    def authenticate(self, text: str) -> Caller | None:
        """Say whose key this is.

        One digest is made and one comparison in constant time, whether the prefix is known or not.

        Parameters
        ----------
        text : str
            Whatever a client sent.

        Returns
        -------
        Caller or None
        """
        expected, caller = self._known.get(text[:PREFIX_LENGTH], NOBODY)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return caller if hmac.compare_digest(digest, expected) else None


def make_key(tenant: str, roles: Collection[Role]) -> tuple[str, Key]:
    """Make a key: the text, which nobody can make again, and what is kept of it.

    Parameters
    ----------
    tenant : str
        1 to 64 letters, digits, dots, hyphens and underscores.
    roles : collection of Role
        At least one.

    Returns
    -------
    tuple of str and Key

    Raises
    ------
    InputError
        If the tenant's name or the roles are not allowed.

    Examples
    --------
    >>> text, key = make_key("team", [Role.PLAN, Role.REPORT])
    >>> text.partition("_")[0] == key.prefix
    True
    >>> make_key("a team", [Role.PLAN])
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: tenant 'a team': allowed are 1 to 64 letters, digits, ...
    """
    if not re.fullmatch(TENANT_PATTERN, tenant):
        raise InputError(
            f"tenant {tenant!r}: allowed are 1 to 64 letters, digits, dots, hyphens and underscores"
        )
    if not roles:
        raise InputError(f"a key needs a role: {', '.join(Role)}")
    prefix = base64.b32encode(secrets.token_bytes(PREFIX_BYTES)).decode().lower()
    text = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    today = dt.datetime.now(dt.UTC).date()
    return text, Key(prefix, digest, tenant, sorted(set(roles)), today)


def parse_roles(words: Collection[str]) -> list[Role]:
    """Read roles from their names.

    Parameters
    ----------
    words : collection of str
        Of ``plan``, ``report``, ``admin`` and ``metrics``.

    Returns
    -------
    list of Role

    Raises
    ------
    InputError
        If there is no such role.

    Examples
    --------
    >>> parse_roles(["plan"])
    [<Role.PLAN: 'plan'>]
    """
    known = list(Role)
    for word in words:
        if word not in known:
            raise InputError(f"role {word!r} is unknown; there are {', '.join(known)}")
    return [Role(word) for word in words]


def load_keys(path: str | Path) -> Keys:
    """Read a file of keys.

    Parameters
    ----------
    path : str or Path
        Written by :func:`add_key`; only its owner may read or write it.

    Returns
    -------
    Keys

    Raises
    ------
    InputError
        If others may read it, it is malformed, a prefix occurs twice, or it holds no key.
    """
    return Keys(_read_some(Path(path)), Path(path))


def add_key(path: str | Path, tenant: str, roles: Collection[Role]) -> str:
    """Make a key and add what is kept of it to a file, which is made where there is none.

    Parameters
    ----------
    path : str or Path
        The file; only its owner may read or write it.
    tenant : str
        Whose key it is.
    roles : collection of Role
        What it may be used for.

    Returns
    -------
    str
        The key itself, which stands nowhere else.

    Raises
    ------
    InputError
        If something is not allowed, or the file cannot be read or written.
    """
    path = Path(path)
    present = _read_keys(path) if path.exists() else []
    text, key = make_key(tenant, roles)
    while any(key.prefix == other.prefix for other in present):
        text, key = make_key(tenant, roles)
    _write_keys(path, [*present, key])
    return text


def remove_key(path: str | Path, prefix: str) -> Key:
    """Take a key out of a file; a server that reads the file anew refuses the key.

    Parameters
    ----------
    path : str or Path
        The file.
    prefix : str
        The first eight characters of the key.

    Returns
    -------
    Key
        What was taken out.

    Raises
    ------
    InputError
        If there is no such key, or the file cannot be read or written.
    """
    path = Path(path)
    present = _read_keys(path)
    removed = [key for key in present if key.prefix == prefix]
    if not removed:
        known = ", ".join(f"{key.prefix} of {key.tenant}" for key in present) or "none"
        # Not what was asked for: it may be a whole key.
        raise InputError(f"{path}: no key begins with that; there are {known}")
    _write_keys(path, [key for key in present if key.prefix != prefix])
    return removed[0]


def _index_keys(keys: Iterable[Key]) -> dict[str, tuple[str, Caller]]:
    """Give digests and callers by prefix."""
    return {
        key.prefix: (key.sha256, Caller(key.tenant, frozenset(key.roles), key.prefix))
        for key in keys
    }


def _read_some(path: Path) -> list[Key]:
    """Read the keys of a file in which there are some: without any, nobody could ask anything."""
    keys = _read_keys(path)
    if not keys:
        raise InputError(f"{path}: holds no key; `router key new` makes one")
    return keys


def _read_keys(path: Path) -> list[Key]:
    """Read the keys of a file, if nobody but its owner can."""
    try:
        with path.open("rb") as file:
            # Of the file that is open, as another may take its name in between.
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise InputError(f"{path}: others may read it (mode {mode:04o}): chmod 600 {path}")
            content = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        keys = msgspec.toml.decode(content, type=_KeyFile).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a file of keys ({error})") from None
    prefixes = [key.prefix for key in keys]
    if len(set(prefixes)) < len(prefixes):
        raise InputError(f"{path}: two keys have one prefix; take one of them out")
    return keys


def _write_keys(path: Path, keys: Iterable[Key]) -> None:
    """Replace a file whole, by one that only its owner may read from its first byte on."""
    blocks = []
    for key in keys:
        roles = ", ".join(f'"{role}"' for role in key.roles)
        blocks.append(
            f'[[keys]]\nprefix = "{key.prefix}"\nsha256 = "{key.sha256}"\n'
            f'tenant = "{key.tenant}"\nroles = [{roles}]\ncreated = {key.created}\n'
        )
    temporary = path.parent / f".{secrets.token_hex(8)}.partial"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(HEADING + "\n".join(blocks))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        temporary.unlink(missing_ok=True)
