"""``router serve``: the HTTP sidecar on this machine."""

# No postponed annotations here: typer reads them when the command is declared.
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import EncoderModelOption, EncoderOption, ModelOption, PricesOption
from router.cli.planning import load_router
from router.exceptions import MissingExtraError

__all__ = ["serve"]

# What the extra brings; an import error of any other module is a defect and stays one.
LIBRARIES = (
    "apsw",
    "fastapi",
    "httptools",
    "msgspec",
    "prometheus_client",
    "starlette",
    "threadpoolctl",
    "uvicorn",
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="ROUTER.toml",
        help="Settings; what the command line says goes before them.",
        show_default=False,
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=0,
        max=65_535,
        help="8088 by default; 0 takes any free port.",
        show_default=False,
    ),
]
HostOption = Annotated[
    str | None,
    typer.Option(
        "--host",
        help="An address, 127.0.0.1 by default; one that others reach needs keys.",
        show_default=False,
    ),
]
KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="The keys whose requests are answered, written by `router key new`.",
        show_default=False,
    ),
]
TracesOption = Annotated[
    str | None,
    typer.Option(
        "--traces",
        metavar="URL",
        help="Send spans of requests there, by OTLP over HTTP (extra \\[traces]).",
        show_default=False,
    ),
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Serve without keys an address that others reach.")
]
ExploreOption = Annotated[
    float | None,
    typer.Option(
        "--explore",
        metavar="SHARE",
        help="Let each question draw its option by chance with this probability, within budgets, "
        "from 0, the default, to below 1.",
        show_default=False,
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Directory of the ledger: pools, plans, outcomes.",
        show_default=False,
    ),
]


def serve(
    *,
    config: ConfigOption = None,
    port: PortOption = None,
    host: HostOption = None,
    keys: KeysOption = None,
    insecure: InsecureOption = False,
    data: DataOption = None,
    explore: ExploreOption = None,
    traces: TracesOption = None,
    model: ModelOption = None,
    prices: PricesOption = None,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
) -> None:
    """Serve predictions and plans over HTTP until the process is told to stop."""
    try:
        from router.service import server
        from router.service.application import create_app
        from router.service.settings import load_settings
        from router.service.sidecar import Sidecar
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise MissingExtraError.for_extra("service", "serving") from None
    overrides: dict[str, object] = {"port": port, "host": host, "insecure": insecure or None}
    paths = {"keys_file": keys, "data": data}
    overrides |= {name: str(path) for name, path in paths.items() if path is not None}
    settings = load_settings(config, overrides | {"traces": traces, "explore": explore})
    accepted = server.choose_keys(settings)
    with ExitStack() as held:
        listening = held.enter_context(server.open_socket(settings.host, settings.port))
        # Before the model, as a directory in use is told at once.
        ledger = held.enter_context(server.open_ledger(settings))
        router = load_router(model, prices, encoder, encoder_model)
        # Before the address is told, as whoever reads it may ask, or end it, at once.
        router.warm_up()
        router.predict(["Is everything ready?"])
        announce = partial(
            _tell_address,
            settings.host,
            listening.getsockname()[1],
            router.bundle.bundle_id,
            open_to_all=accepted is None and not server.is_loopback(settings.host),
        )
        spans = held.enter_context(server.open_traces(settings))
        sidecar = Sidecar(router, ledger, traces=spans, **settings.to_sidecar())
        app = server.guard(
            create_app(sidecar), settings, accepted, sidecar.metrics, sidecar.desk.room
        )
        server.run_server(app, listening, settings, sidecar.metrics, announce)


def _tell_address(host: str, port: int, bundle_id: str, *, open_to_all: bool) -> None:
    """Say where the sidecar answers, and loudly if it answers everybody."""
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if open_to_all:
        sys.stderr.write(
            f"WARNING: NO KEYS: whoever reaches {address} can plan, and read and change every "
            "pool (--insecure)\n"
        )
    sys.stderr.write(f"serving bundle {bundle_id} on {address}\n")
    sys.stderr.flush()
