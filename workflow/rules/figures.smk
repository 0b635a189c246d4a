SHAPES = {  # of figures and tables, by the suffixes of their files: the command that makes them, and their names
    "figure": ("figure", [".csv", ".pdf", ".png"]),
    "scatter": ("scatter", [".csv", ".pdf", ".png"]),
    "table": ("figure", [".csv"]),
    "runs": ("table", [".csv", ".json"]),
    "summary": ("summary", [".csv"]),
}
KEYS = {shape: sorted({key for each in PLANS.all for key in each.keys(shape)}) for shape in SHAPES}

for shape, (command, suffixes) in SHAPES.items():

    rule:
        name:
            shape
        input:
            lambda wildcards: ancient(PLANS.of(wildcards.key).shown_files(wildcards.key)),
        output:
            expand(under("figures", "{{key}}/{{name}}{suffix}"), suffix=suffixes),
        log:
            "results/logs/figures/{key}-{name}.log",
        wildcard_constraints:
            key="|".join(KEYS[shape]) or "(?!)",
            name="[a-z][a-z0-9_]*",
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


# The only outputs without a key: STAMPS, made in the Snakefile, say whether they are out of date.
for each in PLANS.all:

    rule:
        name:
            f"publish_{each.study}" if each.study else "publish"
        input:
            ancient(list(each.wanted()["figures"].values())),
            stamp=ancient(STAMPS[each.study][0]) if STAMPS[each.study][1] else STAMPS[each.study][0],
        output:
            publish.manifest(each.study),
            [publish.manifest(each.study).parent / name for name in each.wanted()["figures"]],
        log:
            f"results/logs/{f'publish-{each.study}' if each.study else 'publish'}.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            wanted=canonical(each.wanted()),
        shell:
            f"{START}publish --wanted {{params.wanted:q}} --log {{log}}"
