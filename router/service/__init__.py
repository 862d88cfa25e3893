"""Service: the HTTP sidecar."""

# The link of this name at the top of the repository is a door for readers, not a second package:
# under another name every class in here would exist twice.
if __name__ != "router.service":
    raise ImportError("import router.service, not service: the link at the top is for reading")

__all__: list[str] = []
