"""Models: the learned gain surface, its training, export and prediction."""

# The link of this name at the top of the repository is a door for readers, not a second package:
# under another name every class in here would exist twice.
if __name__ != "router.models":
    raise ImportError("import router.models, not models: the link at the top is for reading")

__all__: list[str] = []
