rule figure:
    input:
        lambda wildcards: ancient(PLAN.shown_files(wildcards.key)),
    output:
        "results/figures/{key}/{name}.csv",
        "results/figures/{key}/{name}.pdf",
        "results/figures/{key}/{name}.png",
    log:
        "results/logs/figures/{key}-{name}.log",
    wildcard_constraints:
        name=names(DRAWN),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        recipe=recipe_file,
        folders=lambda wildcards: PLAN.shown_folders(wildcards.key),
    shell:
        "python -m training_jacobian figure --recipe {params.recipe} --folders {params.folders} "
        "--out {output} --log {log}"


rule runs:
    input:
        lambda wildcards: ancient(PLAN.shown_files(wildcards.key)),
    output:
        expand("results/figures/{{key}}/runs.{suffix}", suffix=["csv", "json"]),
    log:
        "results/logs/figures/{key}-runs.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        recipe=recipe_file,
        folders=lambda wildcards: PLAN.shown_folders(wildcards.key),
    shell:
        "python -m training_jacobian table --recipe {params.recipe} --folders {params.folders} "
        "--out {output} --log {log}"


rule table:
    input:
        lambda wildcards: ancient(PLAN.shown_files(wildcards.key)),
    output:
        "results/figures/{key}/{name}.csv",
    log:
        "results/logs/figures/{key}-{name}.log",
    wildcard_constraints:
        name=names(set(PLAN.figures()) - {TABLE, *DRAWN}),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        recipe=recipe_file,
        command=lambda wildcards: "summary" if wildcards.name == SUMMARY else "figure",
        folders=lambda wildcards: PLAN.shown_folders(wildcards.key),
    shell:
        "python -m training_jacobian {params.command} --recipe {params.recipe} --folders {params.folders} "
        "--out {output} --log {log}"


# The only outputs without a key: STAMP, made in the Snakefile, says whether they are out of date.
rule publish:
    input:
        ancient(list(PLAN.wanted()["figures"].values())),
        stamp=ancient(STAMP) if UP_TO_DATE else STAMP,
    output:
        "results/figs/all",
        expand("results/figs/{name}", name=PLAN.wanted()["figures"]),
    log:
        "results/logs/publish.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        wanted=recipe.canonical(PLAN.wanted()),
    shell:
        "python -m training_jacobian publish --wanted {params.wanted:q} --log {log}"
