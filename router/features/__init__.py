"""Features: text and context as a fixed-width matrix, versioned by a fingerprint."""

# The link of this name at the top of the repository is a door for readers, not a second package:
# under another name every class in here would exist twice.
if __name__ != "router.features":
    raise ImportError("import router.features, not features: the link at the top is for reading")

__all__: list[str] = []
