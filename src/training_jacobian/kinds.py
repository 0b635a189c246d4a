"""Kinds of figures and tables: what stage they show, and the module that draws them.  Cheap to import."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A figure (.pdf, .png, and .csv with what it shows), or a table only (.csv)."""

    stage: str  # whose folders it reads
    file: str  # the table in each of them; put together they are what the figure shows
    module: str | None = None  # of the package `plots`; None: a table only


KINDS = {
    "spectrum": Kind("spectrum", "directions.csv", "spectra"),
    "uv_cosine": Kind("spectrum", "directions.csv", "spectra"),
    "bird": Kind("spectrum", "directions.csv", "spectra"),
    "identity": Kind("identity", "sigma.csv", "spectra"),
    "triplets": Kind("triplets", "triplets.csv", "triplets"),
    "density": Kind("density", "counts.csv", "triplets"),
    "responses": Kind("responses", "responses.csv", "perturbation"),
    "perturbation": Kind("perturbation", "responses.csv", "perturbation"),
    "linearity": Kind("perturbation", "linearity.csv"),
    "responses_linearity": Kind("responses", "linearity.csv"),
    "divergence": Kind("behaviour", "divergence.csv", "behaviour"),
    "displacement": Kind("behaviour", "displacement.csv", "behaviour"),
    "subspace": Kind("subspace", "losses.csv", "subspace"),
    "angles": Kind("angles", "overlaps.csv", "overlaps"),
    "pfj_spectrum": Kind("pfj", "spectrum.csv", "overlaps"),
    "pfj_overlap": Kind("pfj", "overlaps.csv", "overlaps"),
    "pfj_nullity": Kind("pfj", "nullity.csv"),
}
