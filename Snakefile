# Every artifact lies at an address made from its recipe (src/training_jacobian/artifacts/address.py), so:
# - a keyed file that exists is right, whatever its modification time: every keyed input is ancient(...);
# - a changed parameter gives new addresses, and only those are computed.
import os
import shlex
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.5")
# where this file lies, also as a module of another workflow; not on this machine, if that names a repository
HERE = os.path.normpath(workflow.current_basedir.get_path_or_uri(secret_free=True))
MODULE = workflow.modifier.is_module
sys.path.insert(0, os.path.join(HERE, "src"))
from training_jacobian.artifacts.address import canonical, home
from training_jacobian.artifacts.oserrors import ArtifactError
from training_jacobian.jobs import troubles
from training_jacobian.workflow import catalog, costs, fits, needs, plan, publish, studies, terminal, times
from training_jacobian.workflow.loading import ParamsError

PARAMS = [config] if MODULE and config else workflow.overwrite_configfiles or ["params.yaml"]
if not MODULE and (workflow.config_settings.config or len(PARAMS) > 1):
    raise WorkflowError("--config is not read here: edit params.yaml, or give one other file with --configfile FILE.")
try:
    # a job of a cluster may be of any study
    PLANS = studies.Plans(plan.plan(PARAMS[0]), studies.asked_for(sys.argv[1:]) if workflow.is_main_process else None)
    ASKED, MISSING = PLANS.asked(sys.argv[1:]), []
    for each in ASKED:
        if workflow.is_main_process and "--unlock" not in sys.argv:
            # with --jobs they are submitted, and ask for memory: Snakemake asks for no more than --resources mem_mb=...
            fits.check(each, workflow.nodes is None, getattr(workflow.global_resources.get("mem_mb"), "value", None))
            cores = None if workflow.nodes else workflow.resource_settings.cores
            MISSING += costs.announce(each, cores, sys.argv[1:])
    PLANS.write_recipes()
    # newer than what is published exactly when the content of that is out of date
    STAMPS = {each.study: publish.stamp(each.wanted()) for each in PLANS.all}
except (ParamsError, ArtifactError, fits.DoesNotFitError) as error:
    raise WorkflowError(str(error))
except OSError as error:
    raise WorkflowError(troubles.cause(error))
if workflow.is_main_process and not MODULE and workflow.nodes is None and "mem" not in workflow.global_resources:
    # jobs that do not fit side by side wait for each other
    workflow.register_resource("mem_mb", fits.machine_memory()[0] // 10**6)
terminal.install(workflow, PLANS.all, ASKED, MISSING)


include: "workflow/rules/common.smk"
include: "workflow/rules/stages.smk"
include: "workflow/rules/analyses.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        "results/figs/all",
    localrule: True


# for DVC (dvc.yaml): all of a stage, and all analyses
for name, stages in {**{stage: [stage] for stage in catalog.STAGES}, "analyses": catalog.ANALYSES}.items():

    rule:
        name:
            f"all_{name}"
        input:
            ancient(PLANS.main.all_files(*stages)),
        localrule: True
