"""``router key``: keys for the sidecar, of which only hashes are kept."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import JsonOption
from router.cli.output import emit, print_lines
from router.exceptions import MissingExtraError

__all__ = ["key_commands", "new", "remove"]

key_commands = typer.Typer(help="Make and remove keys of the sidecar.", no_args_is_help=False)

TenantOption = Annotated[
    str,
    typer.Option("--tenant", help="Whose pools and outcomes the key is for.", show_default=False),
]
RoleOption = Annotated[
    list[str],
    typer.Option(
        "--role",
        metavar="plan|report|admin|metrics",
        help="What the key may be used for; may be given several times.",
        show_default=False,
    ),
]
KeyFileOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        help="The file for `router serve --keys`; made where there is none, added to otherwise.",
        show_default=False,
    ),
]
PrefixArgument = Annotated[
    str, typer.Argument(metavar="PREFIX", help="The key's first eight characters.")
]
KeysOption = Annotated[
    Path, typer.Option("--keys", metavar="FILE", help="The file of keys.", show_default=False)
]


@key_commands.command()
def new(
    *, tenant: TenantOption, role: RoleOption, out: KeyFileOption, as_json: JsonOption = False
) -> None:
    """Make a key, print it once, and keep its hash."""
    try:
        from router.service.keys import add_key, parse_roles
    except ImportError as error:
        raise _complain(error) from None
    text = add_key(out, tenant, parse_roles(role))
    document = {"key": text, "out": str(out), "tenant": tenant, "roles": sorted(set(role))}
    emit(document, lambda: print_lines([text]), as_json=as_json, out=None)


@key_commands.command()
def remove(*, prefix: PrefixArgument, keys: KeysOption, as_json: JsonOption = False) -> None:
    """Take a key out of a file; the sidecar refuses it once it reads the file anew (SIGHUP)."""
    try:
        from router.service.keys import remove_key
    except ImportError as error:
        raise _complain(error) from None
    removed = remove_key(keys, prefix)
    document = {"prefix": removed.prefix, "tenant": removed.tenant, "keys": str(keys)}
    line = f"removed {removed.prefix} of {removed.tenant} from {keys}"
    emit(document, lambda: print_lines([line]), as_json=as_json, out=None)


def _complain(error: ImportError) -> ImportError:
    """Name the extra where it is what is missing; any other module is a defect and stays one."""
    if (error.name or "").partition(".")[0] != "msgspec":
        return error
    return MissingExtraError.for_extra("service", "making keys")
