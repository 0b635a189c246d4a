def literally(text):
    """The text as Snakemake leaves it when it fills in what stands in braces."""
    return text.replace("{", "{{").replace("}", "}}")


# Our sources before what the surroundings have on their path, such as the modules of a cluster; and the Python that runs
# Snakemake, not the first one there, unless an environment of the jobs' own is asked for.
SOURCES, PYTHON = shlex.quote(os.path.join(workflow.basedir, "src")), shlex.quote(os.path.dirname(sys.executable))
OURS = "" if workflow.deployment_settings.deployment_method else f"export PATH={PYTHON}:$PATH; "
shell.prefix(literally(f"{OURS}export PYTHONPATH={SOURCES}${{PYTHONPATH:+:$PYTHONPATH}}; "))
ENVIRONMENT = literally(os.path.join(workflow.basedir, "envs", "training-jacobian.yaml"))


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


CORES = workflow.resource_settings.cores  # None where jobs are submitted; `workflow.cores` would be an error then


def quarter(wildcards):
    """A quarter of the cores for linear algebra: memory is its limit, and jobs that compute run beside it."""
    return max(1, (CORES or 16) // 4)


def every(wildcards):
    """All cores, for what shares its memory among them."""
    return CORES or 4


NEEDS = {name: needs.Needs(PLAN.params, run) for name, run in PLAN.params.runs.items()}


def memory(job):
    """Megabytes that a job asks for, in hundreds: its own, and on a node those of Snakemake, which starts it there.

    Runs that share an artifact, or are compared, need the same.
    """
    return lambda wildcards: -(-NEEDS[PLAN.runs_of[wildcards.key][0]].memory[job] // 10**8) * 100 + 300


def minutes(job):
    """Minutes that a job asks for."""
    return lambda wildcards, threads: NEEDS[PLAN.runs_of[wildcards.key][0]].minutes(job, threads)


def folder(wildcards, output):
    return os.path.dirname(output[0])


DRAWN = [name for name, suffixes in PLAN.figures().items() if ".pdf" in suffixes]


def names(some):
    """Regular expression of these names."""
    return "|".join(some) or "(?!)"
