"""A file of a data set, as its authors publish it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Raw:
    """A file of a data set, in data/raw/<data set>/."""

    name: str
    digest: str  # of its content, e.g. "sha256:ba89..."
    urls: tuple[str, ...]  # tried in turn
    size: int | None = None  # bytes of its content; None: any

    @property
    def packed(self) -> bool:
        """Whether what lies at the addresses is packed by gzip, and the file is not."""
        return self.urls[0].endswith(".gz") and not self.name.endswith(".gz")
