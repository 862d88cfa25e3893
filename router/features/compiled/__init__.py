"""Reading of texts compiled with Numba (extra ``[fast]``): the same features, sooner.

Only functions import this package, and only after :func:`router.features.engines.warm_up`, as Numba
takes longer to load than NumPy takes to read thousands of texts.
"""

from __future__ import annotations

from router.features.compiled.reading import TextReader

__all__ = ["TextReader"]
