"""Access: the one table of places, and which roles may go there; what is not in it is not there."""

from __future__ import annotations

from router.service.keys import Role

__all__ = ["OPEN_PATHS", "ROLES_BY_ROUTE", "find_methods", "takes_json_only", "takes_place"]

# Answers without a key: whether the process is alive is no secret.
OPEN_PATHS = frozenset({"/v2/health/live"})

ANY_ROLE = frozenset(Role)
PLAN = frozenset({Role.PLAN})
REPORT = frozenset({Role.REPORT})
ADMIN = frozenset({Role.ADMIN})
USERS = frozenset({Role.PLAN, Role.REPORT, Role.ADMIN})

# Each of these takes a place at the planning desk, whatever its body says; so does inference.
PLANNING_PATHS = frozenset({"/v1/allocate", "/v1/curve", "/v1/predict"})

# A caller needs one of the roles. A part in braces stands for any one part of a path.
ROLES_BY_ROUTE: dict[str, dict[str, frozenset[Role]]] = {
    "/metrics": {"GET": frozenset({Role.METRICS})},
    "/openapi.json": {"GET": ANY_ROLE},
    "/v1/allocate": {"POST": PLAN},
    "/v1/curve": {"POST": PLAN},
    "/v1/outcomes": {"POST": REPORT},
    "/v1/pools": {"GET": USERS, "POST": ADMIN},
    "/v1/pools/{name}": {"GET": USERS},
    "/v1/predict": {"POST": PLAN},
    "/v1/replan": {"POST": PLAN},
    "/v2": {"GET": ANY_ROLE},
    "/v2/health/live": {"GET": ANY_ROLE},
    "/v2/health/ready": {"GET": ANY_ROLE},
    "/v2/models/{model}": {"GET": PLAN},
    "/v2/models/{model}/infer": {"POST": PLAN},
    "/v2/models/{model}/ready": {"GET": ANY_ROLE},
    "/v2/models/{model}/versions/{version}": {"GET": PLAN},
    "/v2/models/{model}/versions/{version}/infer": {"POST": PLAN},
    "/v2/models/{model}/versions/{version}/ready": {"GET": ANY_ROLE},
}
TEMPLATES = tuple(
    (template.split("/"), methods)
    for template, methods in ROLES_BY_ROUTE.items()
    if "{" in template
)


def find_methods(path: str) -> dict[str, frozenset[Role]] | None:
    """Give the methods of a place, and the roles that may use each.

    Parameters
    ----------
    path : str
        As a request names it.

    Returns
    -------
    dict of str to frozenset of Role, or None
        Nothing for a place that is not in the table.

    Examples
    --------
    >>> sorted(find_methods("/v1/pools/research"))
    ['GET']
    >>> find_methods("/v1/pools/") is None
    True
    """
    methods = ROLES_BY_ROUTE.get(path)
    if methods is not None:
        # A template is no place of its own, but a part in braces fits its own template as well.
        return methods
    parts = path.split("/")
    for template, methods in TEMPLATES:
        if len(parts) == len(template) and all(
            part == wanted or (wanted.startswith("{") and part)
            for part, wanted in zip(parts, template, strict=True)
        ):
            return methods
    return None


def takes_json_only(path: str) -> bool:
    """Say whether a body has to be sent as JSON before it is read.

    Parameters
    ----------
    path : str
        As a request names it.

    Returns
    -------
    bool
        Not for inference, whose standard clients state no type: it changes nothing, and a page of
        another host cannot read what it answers.

    Examples
    --------
    >>> takes_json_only("/v1/allocate"), takes_json_only("/v2/models/gain/infer")
    (True, False)
    """
    return not _infers(path)


def takes_place(path: str) -> bool:
    """Say whether a request takes a place at the planning desk, whatever its body says.

    Parameters
    ----------
    path : str
        As a request names it.

    Returns
    -------
    bool

    Examples
    --------
    >>> takes_place("/v1/allocate"), takes_place("/v1/outcomes")
    (True, False)
    """
    return path in PLANNING_PATHS or _infers(path)


def _infers(path: str) -> bool:
    """Say whether a place is one of inference."""
    return path.startswith("/v2/models/") and path.endswith("/infer")
