"""``router serve``: the HTTP sidecar on this machine."""

# No postponed annotations here: typer reads them when the command is declared.
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from router.cli.arguments import EncoderModelOption, EncoderOption, ModelOption, PricesOption
from router.cli.planning import load_router
from router.exceptions import MissingExtraError

__all__ = ["serve"]

# What the extra brings; an import error of any other module is a defect and stays one.
LIBRARIES = ("apsw", "fastapi", "msgspec", "prometheus_client", "starlette", "uvicorn")

PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="0 takes any free port.")
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Directory of the ledger: pools, plans, outcomes."),
]
HostOption = Annotated[str, typer.Option("--host", help="A loopback address.")]


def serve(
    *,
    port: PortOption = 8088,
    host: HostOption = "127.0.0.1",
    data: DataOption = None,
    model: ModelOption = None,
    prices: PricesOption = None,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
) -> None:
    """Serve predictions and plans over HTTP until the process is told to stop."""
    try:
        from router.ledger import Ledger
        from router.service.application import create_app
        from router.service.server import open_socket, run_server
        from router.service.sidecar import Sidecar
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise MissingExtraError.for_extra("service", "serving") from None
    with ExitStack() as held:
        listening = held.enter_context(open_socket(host, port))
        # Before the model, as a directory in use is told at once.
        ledger = None if data is None else held.enter_context(Ledger(data))
        router = load_router(model, prices, encoder, encoder_model)
        # Before the address is told, as whoever reads it may ask at once.
        if router.warm_up():
            router.predict(["Is everything ready?"])
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        sys.stderr.write(f"serving bundle {router.bundle.bundle_id} on {address}\n")
        sys.stderr.flush()
        run_server(create_app(Sidecar(router, ledger)), listening)
