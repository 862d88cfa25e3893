"""Training from the command line: logs in, a bundle out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from router.cli import main
from router.logs import build_log
from router.models.bundle import Bundle
from router.models.trainer import train
from router.tables import write_parquet
from tests.contracts.commands import (
    PRICES,
    check_refused,
    make_columns,
    run_json,
    tiny_bundle,
    write_csv,
)
from tests.contracts.embeddings import Service

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
MENU = '[grid]\nmodels = ["toy"]\nsearch_steps = [0, 2]\nreasoning_effort = ["none"]\n'


def test_train_writes_the_librarys_bundle(tmp_path: Path, capsys: Capture) -> None:
    """The bundle is the one that training in Python gives, and the same seed gives it again."""
    log = write_csv(tmp_path / "tiny.csv", make_columns())
    first = run_json(capsys, "train", log, "--out", tmp_path / "bundle")
    assert Bundle.load(tmp_path / "bundle").bundle_id == first["bundle_id"]
    assert first["bundle_id"] == tiny_bundle().bundle_id
    assert first["options"] == ["toy|s0", "toy|s1", "toy|s4"]


def test_train_tells_what_it_ignored(tmp_path: Path, capsys: Capture) -> None:
    """Columns outside the format are noted, and progress goes to standard error."""
    columns = make_columns(24)
    columns["colour"] = ["red"] * len(columns["quality"])
    log = write_csv(tmp_path / "tiny.csv", columns)
    assert main(["train", str(log), "--out", str(tmp_path / "bundle")]) == 0
    printed = capsys.readouterr()
    assert "note: ignored columns: colour" in printed.out
    assert "coverage" in printed.out
    assert "fold" in printed.err
    assert "error" not in printed.err


def test_train_tells_where_no_cost_is_known(tmp_path: Path, capsys: Capture) -> None:
    """Such a bundle cannot plan without prices, which is said before anybody tries."""
    columns = make_columns(24)
    for name in ("cost", "cost_unit", "cost_searches"):
        del columns[name]
    log = write_csv(tmp_path / "free.csv", columns)
    document = run_json(capsys, "train", log, "--out", tmp_path / "bundle")
    assert document["notes"][-1].startswith("no log says what an option costs: planning needs")


def make_informed_columns() -> dict[str, list[Any]]:
    """Add two numbers known beforehand to a small log, one of them with gaps."""
    columns = make_columns(24)
    rows = range(len(columns["quality"]))
    columns["context_depth"] = ["" if row % 9 < 3 else row // 3 for row in rows]
    columns["context_score"] = [row // 3 / 24 for row in rows]
    return columns


def test_train_reads_chosen_context(tmp_path: Path, capsys: Capture) -> None:
    """All numbers known beforehand are read, or those named, or none, as if there were none."""
    log = write_csv(tmp_path / "tiny.csv", make_informed_columns())
    read = {}
    for place, flags in enumerate(([], ["--context", "depth"], ["--no-context"])):
        out = tmp_path / f"bundle{place}"
        run_json(capsys, "train", log, *flags, "--out", out)
        bundle = Bundle.load(out)
        read[bundle.bundle_id] = bundle.predictor.context.names
    assert list(read.values()) == [("depth", "score"), ("depth",), ()]
    bare = train(build_log(make_columns(24), name="tiny"))
    assert bare.bundle_id == list(read)[-1]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--context", "hops"], "'hops' is not in the log: it has depth, score"),
        (["--context", "depth", "--no-context"], "goes neither with --no-context"),
    ],
)
def test_train_refuses_impossible_context(
    tmp_path: Path, capsys: Capture, flags: list[str], words: str
) -> None:
    """A name that the log lacks, or a contradiction, is told before anything is written."""
    log = write_csv(tmp_path / "tiny.csv", make_informed_columns())
    assert main(["train", str(log), *flags, "--out", str(tmp_path / "bundle")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_train_starts_from_a_prior(tmp_path: Path, capsys: Capture) -> None:
    """The shipped prior goes by the name `default`; without it the same log trains otherwise."""
    log = write_csv(tmp_path / "tiny.csv", make_columns())
    document = run_json(capsys, "train", log, "--prior", "default", "--out", tmp_path / "bundle")
    training = Bundle.load(tmp_path / "bundle").manifest["training"]
    assert training["prior"] == Bundle.load().bundle_id
    assert document["bundle_id"] != tiny_bundle().bundle_id


def test_train_refuses_a_prior_for_a_prior(tmp_path: Path, capsys: Capture) -> None:
    """A pooled bundle starts from no other."""
    log = write_csv(tmp_path / "tiny.csv", make_columns())
    (tmp_path / "menu.toml").write_text(MENU)
    menu = ["--pooled", "--menu", str(tmp_path / "menu.toml")]
    arguments = ["train", str(log), *menu, "--prior", "default", "--out", str(tmp_path / "bundle")]
    assert main(arguments) == 2
    assert "--pooled makes a prior from all logs" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_train_merges_logs(tmp_path: Path, capsys: Capture) -> None:
    """Two logs of one unit teach one model about all their questions."""
    columns = make_columns(48)
    rows = len(columns["quality"])
    parts = [
        write_csv(tmp_path / f"part{start}.csv", {k: v[start::2] for k, v in columns.items()})
        for start in (0, 1)
    ]
    document = run_json(capsys, "train", *parts, "--out", tmp_path / "bundle")
    training = Bundle.load(tmp_path / "bundle").manifest["training"]
    assert (training["n_questions"], training["n_rows"]) == (48, rows)
    assert set(document["coverage"]) == {str(part) for part in parts}


def test_pooled_training_plans_with_its_menu(tmp_path: Path, capsys: Capture) -> None:
    """A pooled bundle carries the menu and the prices given, and knows options by descriptors."""
    columns = make_columns(80)
    half = len(columns["quality"]) // 2
    logs = [
        write_csv(tmp_path / f"{name}.csv", {k: v[part] for k, v in columns.items()})
        for name, part in (("first", slice(half)), ("second", slice(half, None)))
    ]
    menu, prices = tmp_path / "menu.toml", tmp_path / "prices.toml"
    menu.write_text(MENU, encoding="utf-8")
    prices.write_text(PRICES.to_toml(), encoding="utf-8")
    out = tmp_path / "bundle"
    document = run_json(
        capsys, "train", *logs, "--pooled", "--menu", menu, "--prices", prices, "--out", out
    )
    bundle = Bundle.load(out)
    assert document["options"] == list(bundle.menu.names) == ["toy|none|s0|n1", "toy|none|s2|n1"]
    assert bundle.prices == PRICES


def test_train_and_plan_with_an_encoder(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service's embeddings are read in training and planning; another model's are refused."""
    monkeypatch.delenv("ROUTER_ENCODER_KEY", raising=False)
    log = write_csv(tmp_path / "tiny.csv", make_columns())
    questions = tmp_path / "questions.txt"
    questions.write_text("Who is first?\nAdd 2 and 3.\n", encoding="utf-8")
    plan = ["allocate", questions, "--budget", "searches=4", "--model", tmp_path / "bundle"]
    service = Service()
    try:
        asked = ["--encoder", service.url, "--encoder-model", "small"]
        trained = run_json(capsys, "train", log, *asked, "--out", tmp_path / "bundle")
        assert trained["bundle_id"] != tiny_bundle().bundle_id
        described = Bundle.load(tmp_path / "bundle").manifest["encoder"]
        assert described["fingerprint"] == f"web:{service.url}/v1/embeddings:small"
        notes = run_json(capsys, *plan, *asked)["notes"]
        assert not any("embedding" in note for note in notes)
        assert any("embedding" in note for note in run_json(capsys, *plan)["notes"])
        service.change = lambda entries: [dict(e, embedding=[9.0, 0.0, 1.0]) for e in entries]
        check_refused(capsys, [*plan, *asked], "not the one of training")
    finally:
        service.close()


def test_encoder_is_refused_where_it_is_of_no_use(tmp_path: Path, capsys: Capture) -> None:
    """A prior has no embeddings, and a directory without a model is no encoder."""
    log = write_csv(tmp_path / "tiny.csv", make_columns())
    (tmp_path / "menu.toml").write_text(MENU)
    pooled = ["--pooled", "--menu", tmp_path / "menu.toml"]
    command = ["train", log, "--encoder", tmp_path, "--out", tmp_path / "bundle"]
    check_refused(capsys, [*command, *pooled], "--encoder is for a log of one's own")
    check_refused(capsys, command, "holds no model.onnx")
    assert not (tmp_path / "bundle").exists()


def test_train_takes_features_in_place_of_texts(tmp_path: Path, capsys: Capture) -> None:
    """A log without texts trains with the bundle it was gathered under, which no other can be."""
    columns = make_columns()
    tiny_bundle().save(tmp_path / "source")
    encoder = tiny_bundle().predictor.encoder
    kept = {name: values for name, values in columns.items() if name != "query"}
    kept["features"] = encoder.encode(columns["query"]).tolist()
    kept["feature_fingerprint"] = [encoder.fingerprint] * len(columns["query"])
    write_parquet(tmp_path / "kept.parquet", kept)
    command = ["train", tmp_path / "kept.parquet", "--out", tmp_path / "bundle"]
    check_refused(capsys, command, f"made by the encoder {encoder.fingerprint}")
    named = [*command, "--features-of", tmp_path / "source"]
    trained = run_json(capsys, *named)
    assert trained["options"] == ["toy|s0", "toy|s1", "toy|s4"]
    assert Bundle.load(tmp_path / "bundle").predictor.encoder.fingerprint == encoder.fingerprint
    check_refused(capsys, [*named, "--encoder", tmp_path], "does not go with --features-of")
    (tmp_path / "menu.toml").write_text(MENU)
    pooled = [*named, "--pooled", "--menu", tmp_path / "menu.toml"]
    check_refused(capsys, pooled, "--features-of is for a log of one's own")
    check_refused(capsys, ["evaluate", tmp_path / "kept.parquet"], "evaluation needs the texts")
