"""Arguments and options that several commands take, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "EncoderModelOption",
    "EncoderOption",
    "JsonOption",
    "MenuOption",
    "ModelOption",
    "NoProgressOption",
    "OutOption",
    "PricesOption",
    "QuestionsArgument",
    "SeedOption",
]

QuestionsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="QUESTIONS",
        help="A .txt file (one question a line), or .jsonl, .parquet or .csv with query_id, query.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="BUNDLE",
        help="A bundle; the one that ships by default.",
        show_default=False,
    ),
]
MenuOption = Annotated[
    Path | None,
    typer.Option(
        "--menu",
        metavar="MENU.toml",
        help="The options on offer; the bundle's own by default.",
        show_default=False,
    ),
]
PricesOption = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        metavar="PRICES.toml",
        help="What things cost; the bundle's own by default.",
        show_default=False,
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="DIR|URL",
        help="A sentence encoder: a directory with model.onnx and tokenizer.json, or the address "
        "of /v1/embeddings; a key is read from ROUTER_ENCODER_KEY.",
        show_default=False,
    ),
]
EncoderModelOption = Annotated[
    str | None,
    typer.Option(
        "--encoder-model",
        metavar="NAME",
        help="The model to ask an address for.",
        show_default=False,
    ),
]
NoProgressOption = Annotated[
    bool, typer.Option("--no-progress", help="Do not tell on standard error what is being done.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE.json",
        help="Also write the JSON document to this file.",
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
