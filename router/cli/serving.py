"""``router serve``: the HTTP sidecar on this machine."""

# No postponed annotations here: typer reads them when the command is declared.
import sys
from typing import Annotated

import typer

from router.cli.arguments import EncoderModelOption, EncoderOption, ModelOption, PricesOption
from router.cli.planning import load_router
from router.exceptions import MissingExtraError

__all__ = ["serve"]

# What the extra brings; an import error of any other module is a defect and stays one.
LIBRARIES = ("fastapi", "msgspec", "starlette", "uvicorn")

PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="0 takes any free port.")
]
HostOption = Annotated[str, typer.Option("--host", help="A loopback address.")]


def serve(
    *,
    port: PortOption = 8088,
    host: HostOption = "127.0.0.1",
    model: ModelOption = None,
    prices: PricesOption = None,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
) -> None:
    """Serve predictions and plans over HTTP until the process is told to stop."""
    try:
        from router.service.application import create_app
        from router.service.server import open_socket, run_server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise MissingExtraError.for_extra("service", "serving") from None
    with open_socket(host, port) as listening:
        router = load_router(model, prices, encoder, encoder_model)
        # Before the address is told, as whoever reads it may ask at once.
        if router.warm_up():
            router.predict(["Is everything ready?"])
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        sys.stderr.write(f"serving bundle {router.bundle.bundle_id} on {address}\n")
        sys.stderr.flush()
        run_server(create_app(router), listening)
