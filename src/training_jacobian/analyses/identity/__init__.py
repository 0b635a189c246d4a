"""How far J is from leaving directions as they are: singular values of J - I."""

from training_jacobian.declaration import PYTHON, Analysis, Kind

ANALYSIS = Analysis(
    after="jacobian",
    inputs=("jacobian",),
    files=("sigma.csv",),
    kinds={
        "identity": Kind(
            "sigma.csv",
            "Singular values of J - I, rising. Those that are small belong to directions that training leaves as "
            "they are; how far right the curve stays low counts them.",
        )
    },
    threads="quarter",
    memory=lambda needs: PYTHON + needs.widened + 3 * needs.matrix,  # J, J - I, the latter in Fortran's order
    operations=lambda needs: 8 * needs.size**3,
    pace=0.7,
    columns=("spectrum",),
)
