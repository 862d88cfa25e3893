"""Sentence encoders: texts to embeddings, by a directory, a service or a function; none needed."""

__all__: list[str] = []
