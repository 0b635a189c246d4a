def literally(text):
    """The text as Snakemake leaves it when it fills in what stands in braces."""
    return text.replace("{", "{{").replace("}", "}}")


# Our sources before what the surroundings have on their path, such as the modules of a cluster; and the Python that runs
# Snakemake, not the first one there, unless an environment of the jobs' own is asked for.
SOURCES, PYTHON = os.path.join(HERE, "src"), shlex.quote(os.path.dirname(sys.executable))
OURS = "" if workflow.deployment_settings.deployment_method else f"export PATH={PYTHON}:$PATH; "
if os.path.isdir(SOURCES):
    OURS += f"export PYTHONPATH={shlex.quote(SOURCES)}${{PYTHONPATH:+:$PYTHONPATH}}; "
if not MODULE:  # the commands of another workflow are not to have it
    shell.prefix(literally(OURS))
START = f"{literally(OURS) if MODULE else ''}python -m training_jacobian "
ENVIRONMENT = os.path.join("envs", "training-jacobian.yaml")
ENVIRONMENT = literally(os.path.join(HERE, ENVIRONMENT)) if os.path.isdir(HERE) else f"../../{ENVIRONMENT}"
# The one command of all jobs.  What differs is in `params`: a rule made in a loop sees the loop's last values here.
JOB = (
    f"{START}job {{params.stage}} --recipe {{params.recipe}} --out {{params.out}} {{params.more}} "
    "--log {log} --threads {threads}"
)


wildcard_constraints:
    key="[0-9a-f]{12}",


def under(stage, path):
    """A path in the folder of all artifacts of a stage."""
    return "/".join((home(stage), path))


def recipe_file(wildcards):
    """The recipe of a job.  Its name is its hash: an edit made while the workflow runs makes another file."""
    return f"results/recipes/{wildcards.key}.json"


def upstream(stage):
    """Files of earlier stages that a job reads.  They have keys: if they exist, they are right."""
    return lambda wildcards: ancient(PLANS.of(wildcards.key).read_by(wildcards.key, stage))


CORES = workflow.resource_settings.cores  # None where jobs are submitted; `workflow.cores` would be an error then


def needed(key):
    """What the jobs of a key need; runs that share an artifact, or are compared, need the same."""
    return needs.Needs(*PLANS.needs(key))


def memory(job):
    """Megabytes that a job asks for, in hundreds: its own, and on a node those of Snakemake, which starts it there."""
    return lambda wildcards: -(-needed(wildcards.key).memory[job] // 10**8) * 100 + 300


def threads(job):
    """Threads of a job."""
    return lambda wildcards: times.threads(needed(wildcards.key), job, CORES)


def minutes(job):
    """Minutes that a job asks for."""
    return lambda wildcards, threads: times.limit(needed(wildcards.key), job, threads)


# keys of the longest analyses, and of all that leads to them: else one may run alone at the end
URGENT = {key for each in PLANS.all for key in each.urgent()}


def urgency(least):
    """Priority of a job."""
    return lambda wildcards: 2 if wildcards.key in URGENT else least


def folder(wildcards, output):
    return os.path.dirname(output[0])
