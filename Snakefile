# Where `snakemake` looks first.  The workflow catalog, snakedeploy and modules look for workflow/Snakefile.
include: "workflow/Snakefile"


workflow.default_target = "all"  # what is included brings none
