shell.prefix(f"export PYTHONPATH={shlex.quote(os.path.join(workflow.basedir, 'src'))}; ")


wildcard_constraints:
    key="[0-9a-f]{12}",


def recipe_file(wildcards):
    """The recipe of a job.  Its name is its hash: an edit made while the workflow runs makes another file."""
    return f"results/recipes/{wildcards.key}.json"


def upstream(earlier):
    """Files of an earlier stage that a job reads.  They have keys: if they exist, they are right."""
    return lambda wildcards: ancient(PLAN.files(PLAN.runs_of[wildcards.key][0], earlier))


def analysis(stage):
    """Command of an analysis of one run that writes several tables."""
    return (
        f"python -m training_jacobian {stage} --recipe {{params.recipe}} --data {{input.data}} --train {{input.train}} "
        "--svd {input.svd} --out {params.folder} --log {log} --threads {threads}"
    )


def quarter(wildcards):
    """A quarter of the cores for linear algebra: memory is its limit, and jobs that compute run beside it."""
    return max(1, (workflow.cores or 16) // 4)


def every(wildcards):
    """All cores, for what shares its memory among them; a function, because `--unlock` knows of no cores."""
    return workflow.cores or 4


def folder(wildcards, output):
    return os.path.dirname(output[0])


DRAWN = [name for name, suffixes in PLAN.figures().items() if ".pdf" in suffixes]


def names(some):
    """Regular expression of these names."""
    return "|".join(some) or "(?!)"
