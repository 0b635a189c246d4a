# Every artifact lies at an address made from its recipe, results/<stage>/<key>/ (src/training_jacobian/recipe.py), so:
# - a keyed file that exists is right, whatever its modification time: every keyed input is ancient(...);
# - a changed parameter gives new addresses, and only those are computed.
import os
import shlex
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.5")
sys.path.insert(0, os.path.join(workflow.basedir, "src"))
from training_jacobian import plan, publish, recipe
from training_jacobian.loading import ParamsError

if workflow.config_settings.config:
    raise WorkflowError("--config is not read here: edit params.yaml, or give another file with --configfile FILE.")
try:
    PLAN = plan.plan(*(workflow.overwrite_configfiles or ["params.yaml"]))
except ParamsError as error:
    raise WorkflowError(str(error))


shell.prefix(f"export PYTHONPATH={shlex.quote(os.path.join(workflow.basedir, 'src'))}; ")


wildcard_constraints:
    key="[0-9a-f]{12}",


def recipe_of(stage):
    """The recipe of a job, as JSON for its command line: an edit made while the workflow runs cannot reach it."""
    return lambda wildcards: recipe.canonical(PLAN.by_key[stage][wildcards.key])


def upstream(earlier):
    """Files of an earlier stage that a job reads.  They have keys: if they exist, they are right."""
    return lambda wildcards: ancient(PLAN.files(PLAN.run_of[wildcards.key], earlier))


include: "workflow/rules/train.smk"
include: "workflow/rules/jacobian.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        "results/figs/all",
    localrule: True
