"""What a bundle keeps for joins: stored and read back, refused when malformed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.arrays import unpack_arrays
from router.models.joining_basis import JoiningBasis
from tests.contracts.newcomers import known_bundle


def read(changes: dict[str, Any] | None = None) -> JoiningBasis:
    """Read the known bundle's basis, with other arrays in place of some."""
    bundle = known_bundle()
    arrays = unpack_arrays(bundle.files["joining.npz"], "joining.npz") | (changes or {})
    kept = {name: values for name, values in arrays.items() if values is not None}
    return JoiningBasis.from_arrays(
        kept, bundle.manifest["joining"]["options"], bundle.manifest["named"]["groups"]
    )


def test_what_is_stored_is_read_back() -> None:
    """Options, prior and means come back as they were trained."""
    basis = read()
    assert [option.name for option in basis.options] == list(known_bundle().menu.names)
    again = JoiningBasis.from_arrays(
        basis.to_arrays(), [option.to_dict() for option in basis.options], basis.inferrer.groups
    )
    for part in ("surface_mean", "task_share"):
        np.testing.assert_array_equal(getattr(again, part), getattr(basis, part))
    np.testing.assert_array_equal(again.prior.variance, basis.prior.variance)
    assert again.prior.noise == basis.prior.noise
    assert again.residual_variance == basis.residual_variance > 0.0
    assert basis.task_share.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"noise": None},
        {"noise": np.array(["x"])},
        {"surface_mean": np.zeros(2)},
        {"block_mean": np.full(8, np.nan)},
        {"task_share": np.zeros((2, 1))},
    ],
)
def test_malformed_arrays_are_refused(changes: dict[str, Any]) -> None:
    """What is missing, of another shape or not finite is a damaged bundle."""
    with pytest.raises(BundleError, match=r"joining\.npz"):
        read(changes)
