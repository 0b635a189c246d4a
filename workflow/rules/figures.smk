SHAPES = {  # of figures and tables, by the suffixes of their files: the command that makes them, and their names
    "figure": ("figure", [".csv", ".pdf", ".png"]),
    "table": ("figure", [".csv"]),
    "runs": ("table", [".csv", ".json"]),
    "summary": ("summary", [".csv"]),
}
NAMES = {shape: [name for name in PLAN.figures() if PLAN.shape(name) == shape] for shape in SHAPES}

for shape, (command, suffixes) in SHAPES.items():

    rule:
        name:
            shape
        input:
            lambda wildcards: ancient(PLAN.shown_files(wildcards.key)),
        output:
            expand(home("figures") + "/{{key}}/{{name}}{suffix}", suffix=suffixes),
        log:
            "results/logs/figures/{key}-{name}.log",
        wildcard_constraints:
            name="|".join(NAMES[shape]) or "(?!)",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            stage=command,
            recipe=recipe_file,
            out=lambda wildcards, output: output,
            more="",
        shell:
            JOB


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
        wanted=canonical(PLAN.wanted()),
    shell:
        "python -m training_jacobian publish --wanted {params.wanted:q} --log {log}"
