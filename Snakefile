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
from training_jacobian import fits, needs, plan, publish, recipe, troubles
from training_jacobian.analyses import SUMMARY, TABLE
from training_jacobian.loading import ParamsError
from training_jacobian.store import ArtifactError

PARAMS = workflow.overwrite_configfiles or ["params.yaml"]
if workflow.config_settings.config or len(PARAMS) > 1:
    raise WorkflowError("--config is not read here: edit params.yaml, or give one other file with --configfile FILE.")
try:
    PLAN = plan.plan(PARAMS[0])
    if workflow.is_main_process and "--unlock" not in sys.argv:
        fits.check(PLAN, jobs_run_here=workflow.nodes is None)  # with --jobs they are submitted, and ask for memory
    PLAN.write_recipes()
    # newer than what is published exactly when the content of that is out of date
    STAMP, UP_TO_DATE = publish.stamp(PLAN.wanted())
except (ParamsError, ArtifactError, fits.DoesNotFitError) as error:
    raise WorkflowError(str(error))
except OSError as error:
    raise WorkflowError(troubles.cause(error))
if workflow.is_main_process and workflow.nodes is None and "mem" not in workflow.global_resources:
    # jobs that do not fit side by side wait for each other
    workflow.register_resource("mem_mb", fits.machine_memory()[0] // 10**6)


include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/jacobian.smk"
include: "workflow/rules/analyses.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        "results/figs/all",
    localrule: True


# for DVC (dvc.yaml): all of a stage


rule all_data:
    input:
        ancient(PLAN.all_files("data")),
    localrule: True


rule all_train:
    input:
        ancient(PLAN.all_files("train")),
    localrule: True


rule all_jacobian:
    input:
        ancient(PLAN.all_files("jacobian")),
    localrule: True


rule all_svd:
    input:
        ancient(PLAN.all_files("svd")),
    localrule: True


rule all_analysis:
    input:
        ancient(PLAN.all_files(*recipe.ANALYSES)),
    localrule: True
