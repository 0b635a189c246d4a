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
from training_jacobian.analyses import SUMMARY, TABLE
from training_jacobian.loading import ParamsError

PARAMS = workflow.overwrite_configfiles or ["params.yaml"]
if workflow.config_settings.config or len(PARAMS) > 1:
    raise WorkflowError("--config is not read here: edit params.yaml, or give one other file with --configfile FILE.")
try:
    PLAN = plan.plan(PARAMS[0])
except ParamsError as error:
    raise WorkflowError(str(error))
PLAN.write_recipes()


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
