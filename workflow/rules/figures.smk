rule figure:
    input:
        lambda wildcards: ancient(PLAN.spectra(wildcards.key)),
    output:
        "results/figures/{key}/{name}.pdf",
        "results/figures/{key}/{name}.png",
    log:
        "results/logs/figures/{key}-{name}.log",
    conda:
        "../../envs/training-jacobian.yaml"
    params:
        recipe=recipe_file,
        folders=lambda wildcards: PLAN.spectrum_folders(wildcards.key),
    shell:
        "python -m training_jacobian figure --recipe {params.recipe} --spectra {params.folders} "
        "--out {output} --log {log}"


rule table:
    input:
        lambda wildcards: ancient(PLAN.spectra(wildcards.key)),
    output:
        "results/figures/{key}/{name}.csv",
    log:
        "results/logs/figures/{key}-{name}.log",
    conda:
        "../../envs/training-jacobian.yaml"
    params:
        recipe=recipe_file,
        folders=lambda wildcards: PLAN.spectrum_folders(wildcards.key),
    shell:
        "python -m training_jacobian figure --recipe {params.recipe} --spectra {params.folders} "
        "--out {output} --log {log}"


# The only outputs without a key.  The stamp is newer than they are exactly when their content is out of date.
STAMP, UP_TO_DATE = publish.stamp(PLAN.wanted())


rule publish:
    input:
        ancient(list(PLAN.wanted()["figures"].values())),
        stamp=ancient(STAMP) if UP_TO_DATE else STAMP,
    output:
        "results/figs/all",
        expand("results/figs/{name}", name=PLAN.wanted()["figures"]),
    log:
        "results/logs/publish.log",
    conda:
        "../../envs/training-jacobian.yaml"
    params:
        wanted=recipe.canonical(PLAN.wanted()),
    shell:
        "python -m training_jacobian publish --wanted {params.wanted:q} --log {log}"
