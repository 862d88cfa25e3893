"""Tasks by label or by text: the same as inside the gain model."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.task_inferrer import TaskInferrer
from tests.contracts.gains import draw_rows, make_model


@pytest.mark.parametrize("n_groups", [1, 2, 4])
def test_membership_is_that_of_the_gain_model(n_groups: int) -> None:
    """Labels count where they are known, the model's own probabilities where not."""
    model = make_model(n_groups=n_groups)
    inferrer = TaskInferrer.from_model(model)
    features, membership = draw_rows(model, 40)
    labels = [model.groups[row.argmax()] if row.any() else None for row in membership]
    labels[1] = "unheard of"
    membership[1] = 0.0
    dense = model.standard.split(features)[0]
    expected = model._infer(dense, membership)
    found = inferrer.assign(features, labels)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_what_is_stored_is_read_back() -> None:
    """Storing changes no probability, and arrays that do not fit are refused."""
    model = make_model()
    inferrer = TaskInferrer.from_model(model)
    features, _ = draw_rows(model, 10)
    arrays = inferrer.to_arrays()
    again = TaskInferrer.from_arrays(arrays, model.groups)
    found, expected = (one.assign(features, [None] * 10) for one in (again, inferrer))
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(BundleError, match="2 tasks"):
        TaskInferrer.from_arrays(arrays, ("a", "b"))
    with pytest.raises(BundleError, match="malformed"):
        TaskInferrer.from_arrays({"coefficient": arrays["coefficient"]}, model.groups)
