# Where `snakemake` looks first.  The workflow catalog, snakedeploy and modules look for workflow/Snakefile.
include: "workflow/Snakefile"
